use super::Shape;

/// Twin of `residual.wgsl`: `r[i] = sigmoid(x[i] · w) − y[i]`, with x (n, d), w (d), y and r (n).
pub fn residual(shape: Shape, x: &[f32], w: &[f32], y: &[f32], r: &mut [f32]) {
    let d = shape.d as usize;
    for i in 0..shape.n as usize {
        let logit: f32 = x[i * d..][..d].iter().zip(w).map(|(x, w)| x * w).sum();
        let e = (-logit.abs()).exp();
        let top = if logit >= 0.0 { 1.0 } else { e };
        r[i] = top / (1.0 + e) - y[i];
    }
}
