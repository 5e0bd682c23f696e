// backward: g = the slope of sum over i of r[i] * s[i] / max(groups, 1) by each parameter, one thread a parameter
// x (n, f)   theta, g = skip (f), w1 (f, h), b1 (h), w2 (h)   z (n, h)   r (n)      twin: cpu/backward.rs

struct Shape { n: u32, f: u32, h: u32, groups: u32 }

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> theta: array<f32>;
@group(0) @binding(3) var<storage, read> z: array<f32>;
@group(0) @binding(4) var<storage, read> r: array<f32>;
@group(0) @binding(5) var<storage, read_write> g: array<f32>;

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    let p = id.x;
    let f = shape.f;
    let h = shape.h;
    let b1 = f + f * h;
    let w2 = b1 + h;
    if p >= w2 + h { return; }
    let scale = 1.0 / f32(max(shape.groups, 1u));
    var sum = 0.0;
    if p < f {
        for (var i = 0u; i < shape.n; i++) { sum += r[i] * scale * x[i * f + p]; }
    } else if p >= w2 {
        for (var i = 0u; i < shape.n; i++) { sum += r[i] * scale * z[i * h + p - w2]; }
    } else {
        // A weight of the first layer at (j, k), or its bias, as if f were one longer and every row ended in 1.
        let k = (p - f) % h;
        let j = (p - f) / h;
        for (var i = 0u; i < shape.n; i++) {
            let slope = select(0.0, r[i] * scale * theta[w2 + k], z[i * h + k] > 0.0);
            if p < b1 { sum += slope * x[i * f + j]; } else { sum += slope; }
        }
    }
    g[p] = sum;
}
