// profile_features: how like each item is to what a profile is made of, and what that says of it; one workgroup an item
// similarity = references . direction   x[at..] = interests (4), clusters (2: the nearest, the mean), attention (3)
// reason = the recent item with the largest label * similarity, and that      twin: cpu/profile_features.rs

struct Sizes { n: u32, f: u32, h: u32, d: u32, at: u32, recent: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> references: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
@group(0) @binding(3) var<storage, read> directions: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> reasons: array<f32>;

const LANES = 64u;
const INTERESTS = 4u;
const CLUSTERS = 4u;
const ATTENTIONS = 3u;
const RECENT = 64u;
const MOST = INTERESTS + CLUSTERS + RECENT;
const CLUSTER_FEATURES = 4u; // where they stand, behind those of the interests
const ATTENTION_FEATURES = 6u;
var<workgroup> similarity: array<f32, MOST>;

@compute @workgroup_size(64)
fn profile_features(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let item = group.x;
    let d = sizes.d;
    let count = INTERESTS + CLUSTERS + sizes.recent;
    for (var j = lane; j < count; j += LANES) {
        var sum = 0.0;
        for (var i = 0u; i < d; i++) { sum += references[j * d + i] * directions[item * d + i]; }
        similarity[j] = sum;
    }
    workgroupBarrier();
    let to = item * sizes.f + sizes.at;
    let ring = INTERESTS + CLUSTERS; // where the recent items begin
    let per_recent = ATTENTIONS + ring; // in the factors: sharpnesses, scales of interests, weights of clusters, then four of each
    if lane < INTERESTS {
        x[to + lane] = similarity[lane] * factors[ATTENTIONS + lane];
    } else if lane == INTERESTS {
        var nearest = -3.0e38;
        var mean = 0.0;
        for (var c = 0u; c < CLUSTERS; c++) {
            let weight = factors[ATTENTIONS + INTERESTS + c];
            if weight > 0.0 { nearest = max(nearest, similarity[INTERESTS + c]); }
            mean += weight * similarity[INTERESTS + c];
        }
        x[to + CLUSTER_FEATURES] = select(0.0, nearest, nearest > -3.0e38);
        x[to + CLUSTER_FEATURES + 1u] = mean;
    } else if lane < INTERESTS + 1u + ATTENTIONS {
        let kind = lane - INTERESTS - 1u;
        var sum = 0.0;
        var total = 0.0;
        for (var j = 0u; j < sizes.recent; j++) {
            let fixed_weight = factors[per_recent + 4u * j + kind];
            if fixed_weight > 0.0 {
                let weight = fixed_weight * exp(factors[kind] * (similarity[ring + j] - 1.0));
                sum += weight * similarity[ring + j];
                total += weight;
            }
        }
        x[to + ATTENTION_FEATURES + kind] = select(0.0, sum / total, total > 0.0);
    } else if lane == INTERESTS + 1u + ATTENTIONS {
        var strongest = -3.0e38;
        var which = 0u;
        // The oldest first: of those that are equally loud the latest speaks.
        for (var j = sizes.recent; j > 0u; j--) {
            let reason = factors[per_recent + 4u * (j - 1u) + 3u] * similarity[ring + j - 1u];
            if reason >= strongest {
                strongest = reason;
                which = j - 1u;
            }
        }
        reasons[2u * item] = f32(which);
        reasons[2u * item + 1u] = strongest;
    }
}
