use super::Shape;

/// Twin of `gradient.wgsl`: `g[j] = Σᵢ r[i] · x[i, j] / max(n, 1)`, with x (n, d), r (n) and g (d).
pub fn gradient(shape: Shape, x: &[f32], r: &[f32], g: &mut [f32]) {
    let d = shape.d as usize;
    for j in 0..d {
        let sum: f32 = (0..shape.n as usize).map(|i| r[i] * x[i * d + j]).sum();
        g[j] = sum / shape.n.max(1) as f32;
    }
}
