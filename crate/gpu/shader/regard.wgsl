// regard: how like each item is to what a profile is made of, and what that says of it; one workgroup an item
// like = others . direction   x[at..] = tides (4), clusters (2: the nearest, the mean), looks back (3)
// reason = the recent item with the largest label * like, and that      twin: cpu/regard.rs

struct Sizes { n: u32, f: u32, h: u32, d: u32, at: u32, recent: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> others: array<f32>;
@group(0) @binding(2) var<storage, read> says: array<f32>;
@group(0) @binding(3) var<storage, read> directions: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> reasons: array<f32>;

const LANES = 64u;
const TIDES = 4u;
const CLUSTERS = 4u;
const LOOKS = 3u;
const MOST = 72u; // tides, clusters, and at most 64 recent items
var<workgroup> like: array<f32, MOST>;

@compute @workgroup_size(64)
fn regard(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let item = group.x;
    let d = sizes.d;
    let count = TIDES + CLUSTERS + sizes.recent;
    for (var j = lane; j < count; j += LANES) {
        var sum = 0.0;
        for (var i = 0u; i < d; i++) { sum += others[j * d + i] * directions[item * d + i]; }
        like[j] = sum;
    }
    workgroupBarrier();
    let to = item * sizes.f + sizes.at;
    let ring = TIDES + CLUSTERS; // where the recent items begin
    let voices = LOOKS + ring; // in what they say: sharpnesses, scales of tides, weights of clusters, then four of each
    if lane < TIDES {
        x[to + lane] = like[lane] * says[LOOKS + lane];
    } else if lane == TIDES {
        var nearest = -3.0e38;
        var mean = 0.0;
        for (var c = 0u; c < CLUSTERS; c++) {
            let weight = says[LOOKS + TIDES + c];
            if weight > 0.0 { nearest = max(nearest, like[TIDES + c]); }
            mean += weight * like[TIDES + c];
        }
        x[to + 4u] = select(0.0, nearest, nearest > -3.0e38);
        x[to + 5u] = mean;
    } else if lane < TIDES + 1u + LOOKS {
        let look = lane - TIDES - 1u;
        var sum = 0.0;
        var total = 0.0;
        for (var j = 0u; j < sizes.recent; j++) {
            let volume = says[voices + 4u * j + look];
            if volume > 0.0 {
                let weight = volume * exp(says[look] * (like[ring + j] - 1.0));
                sum += weight * like[ring + j];
                total += weight;
            }
        }
        x[to + 6u + look] = select(0.0, sum / total, total > 0.0);
    } else if lane == TIDES + 1u + LOOKS {
        var loudest = -3.0e38;
        var which = 0u;
        // The oldest first: of those that are equally loud the latest speaks.
        for (var j = sizes.recent; j > 0u; j--) {
            let voice = says[voices + 4u * (j - 1u) + 3u] * like[ring + j - 1u];
            if voice >= loudest {
                loudest = voice;
                which = j - 1u;
            }
        }
        reasons[2u * item] = f32(which);
        reasons[2u * item + 1u] = loudest;
    }
}
