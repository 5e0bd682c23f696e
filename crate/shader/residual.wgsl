// residual: r[i] = sigmoid(x[i] . w) - y[i]      x (n, d)   w (d)   y, r (n)      twin: cpu/residual.rs

struct Shape { n: u32, d: u32 }

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> r: array<f32>;

@compute @workgroup_size(64)
fn residual(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if i >= shape.n { return; }
    var logit = 0.0;
    for (var j = 0u; j < shape.d; j++) { logit += x[i * shape.d + j] * w[j]; }
    let e = exp(-abs(logit)); // cannot overflow, whichever sign
    let top = select(e, 1.0, logit >= 0.0);
    r[i] = top / (1.0 + e) - y[i];
}
