//! Mutations: the shaders' formulas, loops, branches and barriers, broken one at a time. The probe or the cases have to notice
//! each (`--long`, with a GPU), and every line that computes something is on the list (always).
//!
//! Not among them is what cannot be noticed, since it makes no difference:
//! - which thread moves `cursor` on (`id.x == 0u` in `adagrad_step`; `group.x == 0u && lane == 0u` in `slate_slopes`): all of them would
//!   write the same number;
//! - where `score` and `personal` start in `slate_slopes`: a softmax does not see what all its scores have in common;
//! - `>` in place of `>=` where `profile_features` looks for the strongest: which of two that are equally loud is said is, in the
//!   cases too, a matter of rounding.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use privet::gpu::{Gpu, SHADERS, without_end};

use crate::{cases, no_gpu};

/// A shader, what stands in it, and what is put there.
const MUTATIONS: &[(&str, &str, &str)] = &[
    ("slate_slopes", "const LANES = 64u;", "const LANES = 32u;"),
    (
        "slate_slopes",
        "let z = (to + i) * work_width;\n        var score",
        "let z = to * work_width;\n        var score",
    ),
    ("slate_slopes", "let x = (first + i) * width;", "let x = first * width;"),
    ("slate_slopes", "for (var k = 0u; k < h; k++) { score", "for (var k = 1u; k < h; k++) { score"),
    ("slate_slopes", "for (var j = 0u; j < settings.d; j++)", "for (var j = 1u; j < settings.d; j++)"),
    ("slate_slopes", "for (var j = begin; j < end; j++)", "for (var j = begin + 1u; j < end; j++)"),
    ("slate_slopes", "lanes[lane] = top;\n    workgroupBarrier();", "lanes[lane] = top;"),
    (
        "slate_slopes",
        "for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] = max",
        "for (var stride = LANES / 4u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] = max",
    ),
    ("slate_slopes", "if lane < stride { lanes[lane] = max", "if lane == 0u { lanes[lane] = max"),
    (
        "slate_slopes",
        "for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] +=",
        "for (var stride = LANES / 4u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] +=",
    ),
    ("slate_slopes", "if lane < stride { lanes[lane] +=", "if lane == 0u { lanes[lane] +="),
    (
        "slate_slopes",
        "        let z = (to + i) * work_width;\n        let r",
        "        let z = to * work_width;\n        let r",
    ),
    (
        "slate_slopes",
        "for (var k = 0u; k < h; k++) { work[z + h + k]",
        "for (var k = 1u; k < h; k++) { work[z + h + k]",
    ),
    ("profile_features", "const INTERESTS = 4u;", "const INTERESTS = 3u;"),
    ("profile_features", "const CLUSTER_FEATURES = 4u;", "const CLUSTER_FEATURES = 3u;"),
    ("profile_features", "const ATTENTION_FEATURES = 6u;", "const ATTENTION_FEATURES = 7u;"),
    ("profile_features", "if lane < INTERESTS {", "if lane + 1u < INTERESTS {"),
    ("profile_features", "} else if lane < INTERESTS + 1u + ATTENTIONS {", "} else if lane < INTERESTS + ATTENTIONS {"),
    ("slate_slopes", "cursor[1] = at;", "cursor[1] = at + 1u;"),
    ("slate_slopes", "let at = cursor[0];", "let at = cursor[1];"),
    ("slate_slopes", "let b1 = f + f * h;", "let b1 = f + f * h + 1u;"),
    ("slate_slopes", "let w2 = b1 + h;", "let w2 = b1;"),
    ("slate_slopes", "let p = w2 + h;", "let p = w2 + h + 1u;"),
    ("slate_slopes", "let width = f + settings.d + 1u;", "let width = f + settings.d;"),
    ("slate_slopes", "let work_width = 2u * h + 1u;", "let work_width = 2u * h + 2u;"),
    ("slate_slopes", "if group.x < planned.count {", "if group.x + 1u < planned.count {"),
    ("slate_slopes", "slates[planned.begin + group.x]", "slates[planned.begin]"),
    ("slate_slopes", "n = example.end - example.begin;", "n = example.end - example.begin - 1u;"),
    ("slate_slopes", "first = example.begin;", "first = 0u;"),
    ("slate_slopes", "to = one.work_row;", "to = 0u;"),
    ("slate_slopes", "weight = example.weight;", "weight = 1.0;"),
    (
        "slate_slopes",
        "for (var i = lane; i < n * h; i += LANES)",
        "for (var i = lane; i < min(n * h, LANES); i += LANES)",
    ),
    ("slate_slopes", "let x = (first + i / h) * width;", "let x = first * width;"),
    ("slate_slopes", "let k = i % h;", "let k = 0u;"),
    ("slate_slopes", "var unit = state[b1 + k];", "var unit = 0.0;"),
    ("slate_slopes", "unit += state[f + j * h + k] * rows[x + j];", "unit += state[f + j + k] * rows[x + j];"),
    ("slate_slopes", "= max(unit, 0.0);", "= unit;"),
    ("slate_slopes", "    storageBarrier();\n", ""),
    ("slate_slopes", "var top = -3.0e38;", "var top = 0.0;"),
    (
        "slate_slopes",
        "for (var j = 0u; j < f; j++) { score += state[j]",
        "for (var j = 1u; j < f; j++) { score += state[j]",
    ),
    ("slate_slopes", "score += state[w2 + k] * work[z + k];", "score += work[z + k];"),
    ("slate_slopes", "personal += state[p + j] * rows[x + f + j];", "personal += rows[x + f + j];"),
    ("slate_slopes", "let begin = slots[first + i];", "let begin = slots[first];"),
    ("slate_slopes", "let end = slots[first + i + 1u];", "let end = slots[first + i];"),
    ("slate_slopes", "valued += state[p + settings.d + slots[j]];", "valued += state[p + slots[j]];"),
    (
        "slate_slopes",
        "if end > begin { personal += valued / f32(end - begin); }",
        "if end > begin { personal += valued; }",
    ),
    (
        "slate_slopes",
        "let t = rows[x + width - 1u] + personal + settings.gate * score;",
        "let t = personal + settings.gate * score;",
    ),
    (
        "slate_slopes",
        "let t = rows[x + width - 1u] + personal + settings.gate * score;",
        "let t = rows[x + width - 1u] + personal + score;",
    ),
    ("slate_slopes", "work[z + 2u * h] = t;", "work[z + 2u * h] = t + 0.01 * f32(i);"),
    ("slate_slopes", "top = max(top, t);\n", "top = t;\n"),
    ("slate_slopes", "lanes[lane] = top;", "lanes[lane] = 0.0;"),
    ("slate_slopes", "lanes[lane] = max(lanes[lane], lanes[lane + stride]);", "lanes[lane] = lanes[lane];"),
    ("slate_slopes", "top = lanes[0];", "top = lanes[lane];"),
    (
        "slate_slopes",
        "let e = exp(work[(to + i) * work_width + 2u * h] - top);",
        "let e = exp2(work[(to + i) * work_width + 2u * h] - top);",
    ),
    (
        "slate_slopes",
        "let e = exp(work[(to + i) * work_width + 2u * h] - top);",
        "let e = exp(work[(to + i) * work_width + 2u * h]);",
    ),
    ("slate_slopes", "work[(to + i) * work_width + 2u * h] = e;", ""),
    ("slate_slopes", "sum += e;", "sum = e;"),
    ("slate_slopes", "lanes[lane] = sum;", "lanes[lane] = 1.0;"),
    ("slate_slopes", "lanes[lane] += lanes[lane + stride];", "lanes[lane] = lanes[lane + stride];"),
    ("slate_slopes", "sum = lanes[0];", "sum = lanes[1];"),
    ("slate_slopes", "let r = settings.gate * weight", "let r = weight"),
    ("slate_slopes", "let r = settings.gate * weight", "let r = settings.gate"),
    ("slate_slopes", "i == 0u));", "i == 1u));"),
    ("slate_slopes", "work[z + 2u * h] = r;", ""),
    ("slate_slopes", "select(0.0, r * state[w2 + k], work[z + k] > 0.0)", "r * state[w2 + k]"),
    ("slate_slopes", "select(0.0, r * state[w2 + k], work[z + k] > 0.0)", "select(0.0, r, work[z + k] > 0.0)"),
    ("adagrad_step", "cursor[0] = at + 1u;", "cursor[0] = at;"),
    ("adagrad_step", "let at = cursor[1];", "let at = 0u;"),
    ("adagrad_step", "let b1 = f + f * h;", "let b1 = f + f * h - 1u;"),
    ("adagrad_step", "let w2 = b1 + h;", "let w2 = b1 + h - 1u;"),
    ("adagrad_step", "let p = w2 + h;", "let p = w2 + h - 1u;"),
    ("adagrad_step", "arrayLength(&state) / 3u;", "arrayLength(&state) / 3u - 1u;"),
    ("adagrad_step", "if q >= count { return; }", ""),
    ("adagrad_step", "let width = f + settings.d + 1u;", "let width = f + settings.d;"),
    ("adagrad_step", "let work_width = 2u * h + 1u;", "let work_width = 2u * h;"),
    ("adagrad_step", "for (var b = 0u; b < planned.count; b++)", "for (var b = 1u; b < planned.count; b++)"),
    ("adagrad_step", "slates[planned.begin + b]", "slates[b]"),
    ("adagrad_step", "slates[planned.begin + b]", "slates[planned.begin]"),
    ("adagrad_step", "i < example.end; i++", "i + 1u < example.end; i++"),
    ("adagrad_step", "let x = i * width;", "let x = (i - example.begin) * width;"),
    ("adagrad_step", "(one.work_row + i - example.begin) * work_width", "i * work_width"),
    ("adagrad_step", "let r = work[z + 2u * h];", "let r = work[z + h];"),
    ("adagrad_step", "slope += r * rows[x + q];", "slope += r;"),
    (
        "adagrad_step",
        "work[z + h + (q - f) % h] * rows[x + (q - f) / h]",
        "work[z + (q - f) % h] * rows[x + (q - f) / h]",
    ),
    ("adagrad_step", "rows[x + (q - f) / h]", "rows[x + (q - f) % h]"),
    ("adagrad_step", "slope += work[z + h + q - b1];", "slope += work[z + q - b1];"),
    ("adagrad_step", "slope += r * work[z + q - w2];", "slope += work[z + q - w2];"),
    ("adagrad_step", "slope += r * rows[x + f + q - p];", "slope += r * rows[x + q - p];"),
    ("adagrad_step", "let begin = slots[i];", "let begin = slots[0];"),
    ("adagrad_step", "let end = slots[i + 1u];", "let end = slots[i + 1u] - 1u;"),
    ("adagrad_step", "if slots[j] == q - p - settings.d", "if slots[j] == q - p"),
    ("adagrad_step", "slope += r / f32(end - begin);", "slope += r;"),
    ("adagrad_step", "slope /= f32(max(planned.count, 1u));", ""),
    ("adagrad_step", "state[q] -= settings.rate * slope;", "state[q] += settings.rate * slope;"),
    ("adagrad_step", "state[q] -= settings.rate * slope;\n        return;", "state[q] -= settings.rate * slope;"),
    ("adagrad_step", "let personal = q >= p;", "let personal = q > p;"),
    ("adagrad_step", "state[count + q] + slope * slope;", "slope * slope;"),
    ("adagrad_step", "state[count + q] = square;", ""),
    ("adagrad_step", "planned.rate_scale * select", "select"),
    ("adagrad_step", "select(settings.rate, settings.personal_rate, personal)", "settings.rate"),
    ("adagrad_step", "sqrt(square + settings.damping)", "sqrt(square)"),
    ("adagrad_step", "rate * planned.pull_scale * select", "rate * select"),
    ("adagrad_step", "select(settings.pull, settings.personal_pull, personal)", "settings.pull"),
    ("adagrad_step", "+ pulled * state[2u * count + q])", ")"),
    ("adagrad_step", "/ (1.0 + pulled);", ";"),
    (
        "profile_features",
        "sum += references[j * d + i] * directions[item * d + i];",
        "sum += references[j * d + i] * directions[i];",
    ),
    (
        "profile_features",
        "sum += references[j * d + i] * directions[item * d + i];",
        "sum += references[i] * directions[item * d + i];",
    ),
    (
        "profile_features",
        "let count = INTERESTS + CLUSTERS + sizes.recent;",
        "let count = INTERESTS + CLUSTERS + sizes.recent - 1u;",
    ),
    (
        "profile_features",
        "for (var j = lane; j < count; j += LANES)",
        "for (var j = lane; j < min(count, LANES); j += LANES)",
    ),
    ("profile_features", "    workgroupBarrier();\n", ""),
    ("profile_features", "let to = item * sizes.f + sizes.at;", "let to = item * sizes.f;"),
    ("profile_features", "let to = item * sizes.f + sizes.at;", "let to = sizes.at;"),
    ("profile_features", "let ring = INTERESTS + CLUSTERS;", "let ring = INTERESTS;"),
    ("profile_features", "let per_recent = ATTENTIONS + ring;", "let per_recent = ATTENTIONS;"),
    (
        "profile_features",
        "x[to + lane] = similarity[lane] * factors[ATTENTIONS + lane];",
        "x[to + lane] = similarity[lane];",
    ),
    ("profile_features", "let weight = factors[ATTENTIONS + INTERESTS + c];", "let weight = factors[ATTENTIONS + c];"),
    ("profile_features", "if weight > 0.0 { nearest", "if weight >= 0.0 { nearest"),
    ("profile_features", "nearest = max(nearest, similarity[INTERESTS + c]);", "nearest = similarity[INTERESTS + c];"),
    ("profile_features", "mean += weight * similarity[INTERESTS + c];", "mean += similarity[INTERESTS + c];"),
    (
        "profile_features",
        "x[to + CLUSTER_FEATURES] = select(0.0, nearest, nearest > -3.0e38);",
        "x[to + CLUSTER_FEATURES] = 0.0;",
    ),
    ("profile_features", "x[to + CLUSTER_FEATURES + 1u] = mean;", "x[to + CLUSTER_FEATURES + 1u] = 0.0;"),
    ("profile_features", "let kind = lane - INTERESTS - 1u;", "let kind = 0u;"),
    (
        "profile_features",
        "let fixed_weight = factors[per_recent + 4u * j + kind];",
        "let fixed_weight = factors[per_recent + 4u * j];",
    ),
    ("profile_features", "if fixed_weight > 0.0 {", "if fixed_weight >= -2.0 {"),
    (
        "profile_features",
        "exp(factors[kind] * (similarity[ring + j] - 1.0))",
        "exp(factors[0] * (similarity[ring + j] - 1.0))",
    ),
    ("profile_features", "sum += weight * similarity[ring + j];", "sum += similarity[ring + j];"),
    ("profile_features", "total += weight;", "total += 1.0;"),
    (
        "profile_features",
        "x[to + ATTENTION_FEATURES + kind] = select(0.0, sum / total, total > 0.0);",
        "x[to + ATTENTION_FEATURES + kind] = sum;",
    ),
    ("profile_features", "for (var j = sizes.recent; j > 0u; j--)", "for (var j = sizes.recent; j > 1u; j--)"),
    (
        "profile_features",
        "let reason = factors[per_recent + 4u * (j - 1u) + 3u] * similarity[ring + j - 1u];",
        "let reason = similarity[ring + j - 1u];",
    ),
    ("profile_features", "if reason >= strongest {", "if reason <= strongest {"),
    ("profile_features", "which = j - 1u;", "which = j;"),
    ("profile_features", "reasons[2u * item + 1u] = strongest;", ""),
    ("profile_features", "reasons[2u * item] = f32(which);", ""),
    ("forward", "let row = id.x * f;", "let row = 0u;"),
    ("forward", "let skip = id.y * (f + f * h + 2u * h);", "let skip = 0u;"),
    ("forward", "let skip = id.y * (f + f * h + 2u * h);", "let skip = id.y * (f + f * h + h);"),
    ("forward", "let w1 = skip + f;", "let w1 = skip;"),
    ("forward", "let b1 = w1 + f * h;", "let b1 = w1;"),
    ("forward", "let w2 = b1 + h;", "let w2 = b1;"),
    ("forward", "sum += thetas[skip + j] * x[row + j];", "sum += x[row + j];"),
    ("forward", "var unit = thetas[b1 + k];", "var unit = 0.0;"),
    ("forward", "unit += thetas[w1 + j * h + k] * x[row + j];", "unit += thetas[w1 + j * h] * x[row + j];"),
    ("forward", "sum += thetas[w2 + k] * max(unit, 0.0);", "sum += thetas[w2 + k] * unit;"),
    ("forward", "sum += thetas[w2 + k] * max(unit, 0.0);", "sum += max(unit, 0.0);"),
    ("forward", "if id.x >= sizes.n { return; }", "if id.x + 1u >= sizes.n { return; }"),
    ("forward", "s[id.y * sizes.n + id.x] = sum;", "s[id.x] = sum;"),
    ("slate_slopes", "let planned = steps[at];", "let planned = steps[0];"),
    ("slate_slopes", "let example = examples[one.example];", "let example = examples[0];"),
    ("slate_slopes", "for (var j = 0u; j < f; j++) { unit", "for (var j = 1u; j < f; j++) { unit"),
    ("slate_slopes", "work[(to + i / h) * work_width + k]", "work[(to + i) * work_width + k]"),
    ("slate_slopes", "score += state[j] * rows[x + j];", "score += rows[x + j];"),
    (
        "slate_slopes",
        "for (var i = lane; i < n; i += LANES) {\n        let x",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let x",
    ),
    (
        "slate_slopes",
        "for (var i = lane; i < n; i += LANES) {\n        let e",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let e",
    ),
    (
        "slate_slopes",
        "for (var i = lane; i < n; i += LANES) {\n        let z",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let z",
    ),
    ("slate_slopes", "var valued = 0.0;", "var valued = 1.0;"),
    ("slate_slopes", "if end > begin {", "if end >= begin {"),
    ("slate_slopes", "if end > begin {", "if end > begin + 1u {"),
    ("slate_slopes", "lanes[lane + stride]); }\n        workgroupBarrier();", "lanes[lane + stride]); }"),
    ("slate_slopes", "top = lanes[0];\n    workgroupBarrier();", "top = lanes[0];"),
    ("slate_slopes", "var sum = 0.0;", "var sum = 1.0;"),
    ("slate_slopes", "lanes[lane] = sum;\n    workgroupBarrier();", "lanes[lane] = sum;"),
    (
        "slate_slopes",
        "lanes[lane] += lanes[lane + stride]; }\n        workgroupBarrier();",
        "lanes[lane] += lanes[lane + stride]; }",
    ),
    ("slate_slopes", "work[z + 2u * h] / sum - select", "work[z + 2u * h] - select"),
    ("slate_slopes", "/ sum - select", "/ sum + select"),
    ("adagrad_step", "let planned = steps[at];", "let planned = steps[0];"),
    ("adagrad_step", "let example = examples[one.example];", "let example = examples[0];"),
    ("adagrad_step", "var slope = 0.0;", "var slope = 1.0;"),
    ("adagrad_step", "for (var i = example.begin;", "for (var i = example.begin + 1u;"),
    ("adagrad_step", "if q < f {", "if q + 1u < f {"),
    ("adagrad_step", "if q < f {", "if q <= f {"),
    ("adagrad_step", "} else if q < b1 {", "} else if q + 1u < b1 {"),
    ("adagrad_step", "} else if q < b1 {", "} else if q <= b1 {"),
    ("adagrad_step", "} else if q < w2 {", "} else if q + 1u < w2 {"),
    ("adagrad_step", "} else if q < w2 {", "} else if q <= w2 {"),
    ("adagrad_step", "} else if q < p {", "} else if q + 1u < p {"),
    ("adagrad_step", "} else if q < p {", "} else if q <= p {"),
    ("adagrad_step", "} else if q < p + settings.d {", "} else if q + 1u < p + settings.d {"),
    ("adagrad_step", "} else if q < p + settings.d {", "} else if q <= p + settings.d {"),
    ("adagrad_step", "for (var j = begin; j < end; j++)", "for (var j = begin + 1u; j < end; j++)"),
    ("adagrad_step", "if slots[j] == q - p - settings.d {", "if slots[j] >= q - p - settings.d {"),
    ("adagrad_step", "f32(max(planned.count, 1u))", "f32(planned.count)"),
    ("adagrad_step", "if settings.plain == 1u {", "if settings.plain == 0u {"),
    ("adagrad_step", "(state[q] - rate * slope", "(state[q] + rate * slope"),
    ("profile_features", "for (var i = 0u; i < d; i++)", "for (var i = 1u; i < d; i++)"),
    ("profile_features", "similarity[j] = sum;", "similarity[j] = 0.0;"),
    ("profile_features", "} else if lane == INTERESTS {", "} else if lane == INTERESTS + 1u {"),
    ("profile_features", "for (var c = 0u; c < CLUSTERS; c++)", "for (var c = 1u; c < CLUSTERS; c++)"),
    ("profile_features", "select(0.0, nearest, nearest > -3.0e38)", "nearest"),
    ("profile_features", "for (var j = 0u; j < sizes.recent; j++)", "for (var j = 1u; j < sizes.recent; j++)"),
    ("profile_features", "select(0.0, sum / total, total > 0.0)", "sum / total"),
    (
        "profile_features",
        "} else if lane == INTERESTS + 1u + ATTENTIONS {",
        "} else if lane == INTERESTS + ATTENTIONS {",
    ),
    ("profile_features", "strongest = reason;", ""),
    ("forward", "var sum = 0.0;", "var sum = 1.0;"),
    ("forward", "for (var j = 0u; j < f; j++) { sum", "for (var j = 1u; j < f; j++) { sum"),
    ("forward", "for (var k = 0u; k < h; k++)", "for (var k = 1u; k < h; k++)"),
    ("forward", "for (var j = 0u; j < f; j++) { unit", "for (var j = 1u; j < f; j++) { unit"),
];

/// Whether nothing is computed in a line: it declares, closes, or names a number that other lines compute with.
fn computes_nothing(line: &str) -> bool {
    let declares = ["//", "struct ", "@", "fn ", "var<workgroup>", "}"].iter().any(|start| line.starts_with(start));
    let names = ["let ", "var ", "const "].iter().any(|start| line.starts_with(start));
    let branches = line.contains("if ");
    line.is_empty() || (declares && !branches) || (names && !line.contains(['(', '[', '*', '/']))
}

#[test]
fn every_line_that_computes_is_on_the_list() {
    for (shader, source) in SHADERS {
        let mut broken = Vec::new();
        for (_, from, _) in MUTATIONS.iter().filter(|(name, ..)| *name == shader) {
            let at = source.find(from).unwrap_or_else(|| panic!("{shader} has no {from}"));
            let first = source[..at].lines().count() - usize::from(!source[..at].ends_with('\n'));
            broken.extend(first..first + from.trim_end().lines().count());
        }
        for (number, line) in source.lines().enumerate().filter(|(_, line)| !computes_nothing(line.trim())) {
            assert!(broken.contains(&number), "line {} of {shader} is not on the list: {line}", number + 1);
        }
    }
}

#[test]
#[ignore = "long: it opens a device for each of some two hundred mutations"]
fn whatever_on_the_list_is_broken_is_noticed() {
    if no_gpu() {
        return;
    }
    let left: Vec<_> = MUTATIONS.iter().filter(|(name, from, to)| !is_noticed(name, from, to)).collect();
    assert!(left.is_empty(), "{} of {} were not noticed: {left:#?}", left.len(), MUTATIONS.len());
}

fn is_noticed(name: &str, from: &str, to: &str) -> bool {
    let shaders = SHADERS.map(|(shader, source)| {
        if shader != name {
            return source.to_owned();
        }
        assert!(source.contains(from), "{name} has no {from}");
        source.replacen(from, to, 1)
    });
    let Ok(gpu) = pollster::block_on(Gpu::open_with(shaders.each_ref().map(|source| &source[..]), without_end()))
    else {
        return true;
    };
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    let checked = catch_unwind(AssertUnwindSafe(|| pollster::block_on(cases::check(&gpu))));
    set_hook(hook);
    checked.is_err()
}
