// adagrad_step: the mean slope over a step's rows by each parameter, and the step that it makes; one thread a parameter
// plain: value - rate * slope; else AdaGrad with an implicit pull to its home      twin: cpu/adagrad_step.rs

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
@group(0) @binding(6) var<storage, read> work: array<f32>;
@group(0) @binding(7) var<storage, read_write> state: array<f32>;
@group(0) @binding(8) var<storage, read_write> cursor: array<u32>;

@compute @workgroup_size(64)
fn adagrad_step(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = cursor[1];
    if id.x == 0u { cursor[0] = at + 1u; }
    let planned = steps[at];
    let q = id.x;
    let f = settings.f;
    let h = settings.h;
    let b1 = f + f * h;
    let w2 = b1 + h;
    let p = w2 + h;
    let count = arrayLength(&state) / 3u; // values, then the sums of their squared slopes, then their homes
    if q >= count { return; }
    let width = f + settings.d + 1u;
    let work_width = 2u * h + 1u;
    var slope = 0.0;
    for (var b = 0u; b < planned.count; b++) {
        let one = slates[planned.begin + b];
        let example = examples[one.example];
        for (var i = example.begin; i < example.end; i++) {
            let x = i * width;
            let z = (one.work_row + i - example.begin) * work_width;
            let r = work[z + 2u * h];
            if q < f {
                slope += r * rows[x + q];
            } else if q < b1 {
                slope += work[z + h + (q - f) % h] * rows[x + (q - f) / h];
            } else if q < w2 {
                slope += work[z + h + q - b1];
            } else if q < p {
                slope += r * work[z + q - w2];
            } else if q < p + settings.d {
                slope += r * rows[x + f + q - p];
            } else {
                let begin = slots[i];
                let end = slots[i + 1u];
                for (var j = begin; j < end; j++) {
                    if slots[j] == q - p - settings.d { slope += r / f32(end - begin); }
                }
            }
        }
    }
    slope /= f32(max(planned.count, 1u));
    if settings.plain == 1u {
        state[q] -= settings.rate * slope;
        return;
    }
    let personal = q >= p;
    let square = state[count + q] + slope * slope;
    state[count + q] = square;
    let rate = planned.rate_scale * select(settings.rate, settings.personal_rate, personal) / sqrt(square + settings.damping);
    let pulled = rate * planned.pull_scale * select(settings.pull, settings.personal_pull, personal);
    state[q] = (state[q] - rate * slope + pulled * state[2u * count + q]) / (1.0 + pulled);
}
