// forward: what two nets say of each item, one thread a pair of them
// s = skip . x + w2 . max(0, b1 + x . w1)   x (n, f)   thetas, each = skip (f), w1 (f, h), b1 (h), w2 (h)
// s (2, n)      twin: cpu/forward.rs

struct Sizes { n: u32, f: u32, h: u32, d: u32, at: u32, recent: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> thetas: array<f32>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    let f = sizes.f;
    let h = sizes.h;
    if id.x >= sizes.n { return; }
    let row = id.x * f;
    let skip = id.y * (f + f * h + 2u * h);
    let w1 = skip + f;
    let b1 = w1 + f * h;
    let w2 = b1 + h;
    var sum = 0.0;
    for (var j = 0u; j < f; j++) { sum += thetas[skip + j] * x[row + j]; }
    for (var k = 0u; k < h; k++) {
        var unit = thetas[b1 + k];
        for (var j = 0u; j < f; j++) { unit += thetas[w1 + j * h + k] * x[row + j]; }
        sum += thetas[w2 + k] * max(unit, 0.0);
    }
    s[id.y * sizes.n + id.x] = sum;
}
