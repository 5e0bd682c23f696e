// gradient: g[j] = sum over i of r[i] * x[i, j] / max(n, 1)      x (n, d)   r (n)   g (d)      twin: cpu/gradient.rs

struct Shape { n: u32, d: u32 }

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> r: array<f32>;
@group(0) @binding(3) var<storage, read_write> g: array<f32>;

@compute @workgroup_size(64)
fn gradient(@builtin(global_invocation_id) id: vec3<u32>) {
    let j = id.x;
    if j >= shape.d { return; }
    var sum = 0.0;
    for (var i = 0u; i < shape.n; i++) { sum += r[i] * x[i * shape.d + j]; }
    g[j] = sum / f32(max(shape.n, 1u));
}
