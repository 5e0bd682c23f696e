use super::Shape;

/// Twin of `forward.wgsl`: `z[i] = max(0, b1 + x[i] · w1)`, `s[i] = skip · x[i] + w2 · z[i]`, with x (n, f), z (n, h)
/// and s (n).
pub fn forward(shape: Shape, x: &[f32], theta: &[f32], z: &mut [f32], s: &mut [f32]) {
    let (f, h) = (shape.f as usize, shape.h as usize);
    let [skip, w1, b1, w2] = shape.split(theta);
    for i in 0..shape.n as usize {
        let (x, z) = (&x[i * f..][..f], &mut z[i * h..][..h]);
        z.copy_from_slice(b1);
        let mut sum = 0.0;
        for (j, &x) in x.iter().enumerate() {
            sum += skip[j] * x;
            for (z, w1) in z.iter_mut().zip(&w1[j * h..][..h]) {
                *z += w1 * x;
            }
        }
        for (z, w2) in z.iter_mut().zip(w2) {
            *z = z.max(0.0);
            sum += w2 * *z;
        }
        s[i] = sum;
    }
}
