use super::Shape;

/// Twin of `backward.wgsl`: the slope of `Σᵢ r[i] · s[i] / max(groups, 1)` by each parameter, with r (n), z (n, h) as
/// `forward` left it, and g as long as theta.
pub fn backward(shape: Shape, x: &[f32], theta: &[f32], z: &[f32], r: &[f32], g: &mut [f32]) {
    let (f, h) = (shape.f as usize, shape.h as usize);
    let [_, _, _, w2] = shape.split(theta);
    let scale = 1.0 / shape.groups.max(1) as f32;
    g.fill(0.0);
    let (skip, rest) = g.split_at_mut(f);
    let (g1, rest) = rest.split_at_mut(f * h);
    let (gb, g2) = rest.split_at_mut(h);
    for i in 0..shape.n as usize {
        let (x, z, r) = (&x[i * f..][..f], &z[i * h..][..h], r[i] * scale);
        for k in 0..h {
            g2[k] += r * z[k];
            gb[k] += if z[k] > 0.0 { r * w2[k] } else { 0.0 };
        }
        for (j, &x) in x.iter().enumerate() {
            skip[j] += r * x;
            for (k, g1) in g1[j * h..][..h].iter_mut().enumerate() {
                *g1 += if z[k] > 0.0 { r * w2[k] * x } else { 0.0 };
            }
        }
    }
}
