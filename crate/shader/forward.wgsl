// forward: z[i] = max(0, b1 + x[i] . w1)   s[i] = skip . x[i] + w2 . z[i]
// x (n, f)   theta = skip (f), w1 (f, h), b1 (h), w2 (h)   z (n, h)   s (n)      twin: cpu/forward.rs

struct Shape { n: u32, f: u32, h: u32, groups: u32 }

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> theta: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;
@group(0) @binding(4) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if i >= shape.n { return; }
    let f = shape.f;
    let h = shape.h;
    let b1 = f + f * h;
    let w2 = b1 + h;
    var sum = 0.0;
    for (var j = 0u; j < f; j++) { sum += theta[j] * x[i * f + j]; }
    for (var k = 0u; k < h; k++) {
        var unit = theta[b1 + k];
        for (var j = 0u; j < f; j++) { unit += theta[f + j * h + k] * x[i * f + j]; }
        unit = max(unit, 0.0);
        z[i * h + k] = unit;
        sum += theta[w2 + k] * unit;
    }
    s[i] = sum;
}
