// step: theta = theta - rate * g      theta, g (parameters)      twin: the descent in gradient.rs

@group(0) @binding(0) var<uniform> rate: f32;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> theta: array<f32>;

@compute @workgroup_size(64)
fn step(@builtin(global_invocation_id) id: vec3<u32>) {
    let p = id.x;
    if p < arrayLength(&theta) { theta[p] -= rate * g[p]; }
}
