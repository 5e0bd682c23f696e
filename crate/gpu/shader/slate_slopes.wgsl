// slate_slopes: what a step's slates score, and the slope of the listwise loss by each score; one workgroup a slate
// t = server + values . direction + mean of the slots' values + gate * (skip . x + w2 . z)   z = max(0, b1 + x . w1)
// r = gate * w * (softmax(t) - [it is the first row])   through = r * w2 where a unit is open      twin: cpu/slate_slopes.rs

struct StepSettings { f: u32, h: u32, d: u32, values: u32, gate: f32, damping: f32, rate: f32, pull: f32, personal_rate: f32, personal_pull: f32, plain: u32 }
struct PlannedStep { begin: u32, count: u32, pull_scale: f32, rate_scale: f32 }
struct ExampleSpan { begin: u32, end: u32, weight: f32 }
struct PlannedSlate { example: u32, work_row: u32 }

@group(0) @binding(0) var<uniform> settings: StepSettings;
@group(0) @binding(1) var<storage, read> steps: array<PlannedStep>;
@group(0) @binding(2) var<storage, read> slates: array<PlannedSlate>;
@group(0) @binding(3) var<storage, read> examples: array<ExampleSpan>;
@group(0) @binding(4) var<storage, read> rows: array<f32>;
@group(0) @binding(5) var<storage, read> slots: array<u32>;
@group(0) @binding(6) var<storage, read> state: array<f32>;
@group(0) @binding(7) var<storage, read_write> work: array<f32>;
@group(0) @binding(8) var<storage, read_write> cursor: array<u32>;

const LANES = 64u;
var<workgroup> lanes: array<f32, LANES>;

@compute @workgroup_size(64)
fn slate_slopes(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = cursor[0];
    // Nobody else reads that one here, and nobody writes the first: the next step is known when this one is over.
    if group.x == 0u && lane == 0u { cursor[1] = at; }
    let planned = steps[at];
    let f = settings.f;
    let h = settings.h;
    let b1 = f + f * h;
    let w2 = b1 + h;
    let p = w2 + h;
    let width = f + settings.d + 1u;
    let work_width = 2u * h + 1u;
    var n = 0u;
    var first = 0u;
    var to = 0u;
    var weight = 0.0;
    if group.x < planned.count {
        let one = slates[planned.begin + group.x];
        let example = examples[one.example];
        n = example.end - example.begin;
        first = example.begin;
        to = one.work_row;
        weight = example.weight;
    }
    for (var i = lane; i < n * h; i += LANES) {
        let x = (first + i / h) * width;
        let k = i % h;
        var unit = state[b1 + k];
        for (var j = 0u; j < f; j++) { unit += state[f + j * h + k] * rows[x + j]; }
        work[(to + i / h) * work_width + k] = max(unit, 0.0);
    }
    storageBarrier();
    var top = -3.0e38;
    for (var i = lane; i < n; i += LANES) {
        let x = (first + i) * width;
        let z = (to + i) * work_width;
        var score = 0.0;
        for (var j = 0u; j < f; j++) { score += state[j] * rows[x + j]; }
        for (var k = 0u; k < h; k++) { score += state[w2 + k] * work[z + k]; }
        var personal = 0.0;
        for (var j = 0u; j < settings.d; j++) { personal += state[p + j] * rows[x + f + j]; }
        let begin = slots[first + i];
        let end = slots[first + i + 1u];
        var valued = 0.0;
        for (var j = begin; j < end; j++) { valued += state[p + settings.d + slots[j]]; }
        if end > begin { personal += valued / f32(end - begin); }
        let t = rows[x + width - 1u] + personal + settings.gate * score;
        work[z + 2u * h] = t;
        top = max(top, t);
    }
    lanes[lane] = top;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane < stride { lanes[lane] = max(lanes[lane], lanes[lane + stride]); }
        workgroupBarrier();
    }
    top = lanes[0];
    workgroupBarrier();
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) {
        let e = exp(work[(to + i) * work_width + 2u * h] - top); // no exponent is over 0: it cannot overflow
        work[(to + i) * work_width + 2u * h] = e;
        sum += e;
    }
    lanes[lane] = sum;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane < stride { lanes[lane] += lanes[lane + stride]; }
        workgroupBarrier();
    }
    sum = lanes[0];
    for (var i = lane; i < n; i += LANES) {
        let z = (to + i) * work_width;
        let r = settings.gate * weight * (work[z + 2u * h] / sum - select(0.0, 1.0, i == 0u));
        work[z + 2u * h] = r;
        for (var k = 0u; k < h; k++) { work[z + h + k] = select(0.0, r * state[w2 + k], work[z + k] > 0.0); }
    }
}
