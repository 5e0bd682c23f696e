use super::Shape;

/// The slope of `Σᵢ r[i] · s[i] / max(groups, 1)` by each parameter, with r (n), z (n, h) as
/// `forward` left it, and g as long as theta.
pub fn backward(shape: Shape, x: &[f32], theta: &[f32], z: &[f32], r: &[f32], g: &mut [f32]) {
    let (f, h) = (shape.f as usize, shape.h as usize);
    let [_, _, _, w2] = shape.split(theta);
    let scale = 1.0 / shape.groups.max(1) as f32;
    g.fill(0.0);
    let (skip, rest) = g.split_at_mut(f);
    let (g1, rest) = rest.split_at_mut(f * h);
    let (gb, g2) = rest.split_at_mut(h);
    // The slope by what goes into each unit.
    let mut d = vec![0.0; h];
    for i in 0..shape.n as usize {
        let (x, z, r) = (&x[i * f..][..f], &z[i * h..][..h], r[i] * scale);
        for k in 0..h {
            d[k] = if z[k] > 0.0 { r * w2[k] } else { 0.0 };
            g2[k] += r * z[k];
            gb[k] += d[k];
        }
        for (j, &x) in x.iter().enumerate() {
            skip[j] += r * x;
            for (g1, d) in g1[j * h..][..h].iter_mut().zip(&d) {
                *g1 += d * x;
            }
        }
    }
}
