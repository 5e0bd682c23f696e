// listwise: the slope of the listwise loss by each score, and each group's loss; a group's first row was chosen
// t = offset + gate * s   r[i] = gate * w * (softmax(t)[i] - [i is first])   losses = -w * ln softmax(t)[first]
// starts (groups + 1)   w, losses (groups)   offset, s, r (n)      twin: cpu/listwise.rs

struct Shape { n: u32, f: u32, h: u32, groups: u32 }

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> gate: f32;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> offset: array<f32>;
@group(0) @binding(5) var<storage, read> s: array<f32>;
@group(0) @binding(6) var<storage, read_write> r: array<f32>;
@group(0) @binding(7) var<storage, read_write> losses: array<f32>;

@compute @workgroup_size(64)
fn listwise(@builtin(global_invocation_id) id: vec3<u32>) {
    let g = id.x;
    if g >= shape.groups { return; }
    let begin = starts[g];
    let end = starts[g + 1u];
    var top = offset[begin] + gate * s[begin];
    let first = top;
    for (var i = begin + 1u; i < end; i++) { top = max(top, offset[i] + gate * s[i]); }
    var sum = 0.0;
    for (var i = begin; i < end; i++) {
        let e = exp(offset[i] + gate * s[i] - top); // no exponent is over 0: it cannot overflow
        r[i] = e;
        sum += e;
    }
    losses[g] = weight[g] * (log(sum) - (first - top));
    for (var i = begin; i < end; i++) {
        r[i] = gate * weight[g] * (r[i] / sum - select(0.0, 1.0, i == begin));
    }
}
