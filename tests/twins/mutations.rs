//! Every formula, loop, branch and barrier of the shaders, broken: the probe or the cases have to notice.
//!
//! Not among them is what cannot be noticed, since it makes no difference:
//! - which thread moves `cursor` on (`id.x == 0u` in `learn`; `group.x == 0u && lane == 0u` in `look`): all of them would
//!   write the same number;
//! - where `score` and `personal` start in `look`: a softmax does not see what all its scores have in common;
//! - `>` in place of `>=` where `regard` looks for the loudest: which of two that are equally loud is said is, in the
//!   cases too, a matter of rounding.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use privet::gpu::{Gpu, SHADERS, without_end};

use crate::{cases, no_gpu};

/// A shader, what stands in it, and what is put there.
const MUTATIONS: &[(&str, &str, &str)] = &[
    ("look", "const LANES = 64u;", "const LANES = 32u;"),
    ("look", "let z = (to + i) * room;\n        var score", "let z = to * room;\n        var score"),
    ("look", "let x = (first + i) * width;", "let x = first * width;"),
    ("look", "for (var k = 0u; k < h; k++) { score", "for (var k = 1u; k < h; k++) { score"),
    ("look", "for (var j = 0u; j < net.d; j++)", "for (var j = 1u; j < net.d; j++)"),
    ("look", "for (var j = begin; j < end; j++)", "for (var j = begin + 1u; j < end; j++)"),
    ("look", "lanes[lane] = top;\n    workgroupBarrier();", "lanes[lane] = top;"),
    (
        "look",
        "for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] = max",
        "for (var stride = LANES / 4u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] = max",
    ),
    ("look", "if lane < stride { lanes[lane] = max", "if lane == 0u { lanes[lane] = max"),
    (
        "look",
        "for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] +=",
        "for (var stride = LANES / 4u; stride > 0u; stride /= 2u) {\n        if lane < stride { lanes[lane] +=",
    ),
    ("look", "if lane < stride { lanes[lane] +=", "if lane == 0u { lanes[lane] +="),
    ("look", "        let z = (to + i) * room;\n        let r", "        let z = to * room;\n        let r"),
    ("look", "for (var k = 0u; k < h; k++) { work[z + h + k]", "for (var k = 1u; k < h; k++) { work[z + h + k]"),
    ("regard", "const TIDES = 4u;", "const TIDES = 3u;"),
    ("regard", "if lane < TIDES {", "if lane + 1u < TIDES {"),
    ("regard", "} else if lane < TIDES + 1u + LOOKS {", "} else if lane < TIDES + LOOKS {"),
    ("look", "cursor[1] = at;", "cursor[1] = at + 1u;"),
    ("look", "let at = cursor[0];", "let at = cursor[1];"),
    ("look", "let b1 = f + f * h;", "let b1 = f + f * h + 1u;"),
    ("look", "let w2 = b1 + h;", "let w2 = b1;"),
    ("look", "let p = w2 + h;", "let p = w2 + h + 1u;"),
    ("look", "let width = f + net.d + 1u;", "let width = f + net.d;"),
    ("look", "let room = 2u * h + 1u;", "let room = 2u * h + 2u;"),
    ("look", "if group.x < turn.count {", "if group.x + 1u < turn.count {"),
    ("look", "chosen[turn.begin + group.x]", "chosen[turn.begin]"),
    ("look", "n = example.end - example.begin;", "n = example.end - example.begin - 1u;"),
    ("look", "first = example.begin;", "first = 0u;"),
    ("look", "to = one.room;", "to = 0u;"),
    ("look", "weight = example.weight;", "weight = 1.0;"),
    ("look", "for (var i = lane; i < n * h; i += LANES)", "for (var i = lane; i < min(n * h, LANES); i += LANES)"),
    ("look", "let x = (first + i / h) * width;", "let x = first * width;"),
    ("look", "let k = i % h;", "let k = 0u;"),
    ("look", "var unit = state[b1 + k];", "var unit = 0.0;"),
    ("look", "unit += state[f + j * h + k] * rows[x + j];", "unit += state[f + j + k] * rows[x + j];"),
    ("look", "= max(unit, 0.0);", "= unit;"),
    ("look", "    storageBarrier();\n", ""),
    ("look", "var top = -3.0e38;", "var top = 0.0;"),
    ("look", "for (var j = 0u; j < f; j++) { score += state[j]", "for (var j = 1u; j < f; j++) { score += state[j]"),
    ("look", "score += state[w2 + k] * work[z + k];", "score += work[z + k];"),
    ("look", "personal += state[p + j] * rows[x + f + j];", "personal += rows[x + f + j];"),
    ("look", "let begin = slots[first + i];", "let begin = slots[first];"),
    ("look", "let end = slots[first + i + 1u];", "let end = slots[first + i];"),
    ("look", "valued += state[p + net.d + slots[j]];", "valued += state[p + slots[j]];"),
    ("look", "if end > begin { personal += valued / f32(end - begin); }", "if end > begin { personal += valued; }"),
    ("look", "let t = rows[x + width - 1u] + personal + net.gate * score;", "let t = personal + net.gate * score;"),
    (
        "look",
        "let t = rows[x + width - 1u] + personal + net.gate * score;",
        "let t = rows[x + width - 1u] + personal + score;",
    ),
    ("look", "work[z + 2u * h] = t;", "work[z + 2u * h] = t + 0.01 * f32(i);"),
    ("look", "top = max(top, t);\n", "top = t;\n"),
    ("look", "lanes[lane] = top;", "lanes[lane] = 0.0;"),
    ("look", "lanes[lane] = max(lanes[lane], lanes[lane + stride]);", "lanes[lane] = lanes[lane];"),
    ("look", "top = lanes[0];", "top = lanes[lane];"),
    (
        "look",
        "let e = exp(work[(to + i) * room + 2u * h] - top);",
        "let e = exp2(work[(to + i) * room + 2u * h] - top);",
    ),
    ("look", "let e = exp(work[(to + i) * room + 2u * h] - top);", "let e = exp(work[(to + i) * room + 2u * h]);"),
    ("look", "work[(to + i) * room + 2u * h] = e;", ""),
    ("look", "sum += e;", "sum = e;"),
    ("look", "lanes[lane] = sum;", "lanes[lane] = 1.0;"),
    ("look", "lanes[lane] += lanes[lane + stride];", "lanes[lane] = lanes[lane + stride];"),
    ("look", "sum = lanes[0];", "sum = lanes[1];"),
    ("look", "let r = net.gate * weight", "let r = weight"),
    ("look", "let r = net.gate * weight", "let r = net.gate"),
    ("look", "i == 0u));", "i == 1u));"),
    ("look", "work[z + 2u * h] = r;", ""),
    ("look", "select(0.0, r * state[w2 + k], work[z + k] > 0.0)", "r * state[w2 + k]"),
    ("look", "select(0.0, r * state[w2 + k], work[z + k] > 0.0)", "select(0.0, r, work[z + k] > 0.0)"),
    ("learn", "cursor[0] = at + 1u;", "cursor[0] = at;"),
    ("learn", "let at = cursor[1];", "let at = 0u;"),
    ("learn", "let b1 = f + f * h;", "let b1 = f + f * h - 1u;"),
    ("learn", "let w2 = b1 + h;", "let w2 = b1 + h - 1u;"),
    ("learn", "let p = w2 + h;", "let p = w2 + h - 1u;"),
    ("learn", "arrayLength(&state) / 3u;", "arrayLength(&state) / 3u - 1u;"),
    ("learn", "if q >= count { return; }", ""),
    ("learn", "let width = f + net.d + 1u;", "let width = f + net.d;"),
    ("learn", "let room = 2u * h + 1u;", "let room = 2u * h;"),
    ("learn", "for (var b = 0u; b < turn.count; b++)", "for (var b = 1u; b < turn.count; b++)"),
    ("learn", "chosen[turn.begin + b]", "chosen[b]"),
    ("learn", "chosen[turn.begin + b]", "chosen[turn.begin]"),
    ("learn", "i < example.end; i++", "i + 1u < example.end; i++"),
    ("learn", "let x = i * width;", "let x = (i - example.begin) * width;"),
    ("learn", "(one.room + i - example.begin) * room", "i * room"),
    ("learn", "let r = work[z + 2u * h];", "let r = work[z + h];"),
    ("learn", "slope += r * rows[x + q];", "slope += r;"),
    ("learn", "work[z + h + (q - f) % h] * rows[x + (q - f) / h]", "work[z + (q - f) % h] * rows[x + (q - f) / h]"),
    ("learn", "rows[x + (q - f) / h]", "rows[x + (q - f) % h]"),
    ("learn", "slope += work[z + h + q - b1];", "slope += work[z + q - b1];"),
    ("learn", "slope += r * work[z + q - w2];", "slope += work[z + q - w2];"),
    ("learn", "slope += r * rows[x + f + q - p];", "slope += r * rows[x + q - p];"),
    ("learn", "let begin = slots[i];", "let begin = slots[0];"),
    ("learn", "let end = slots[i + 1u];", "let end = slots[i + 1u] - 1u;"),
    ("learn", "if slots[j] == q - p - net.d", "if slots[j] == q - p"),
    ("learn", "slope += r / f32(end - begin);", "slope += r;"),
    ("learn", "slope /= f32(max(turn.count, 1u));", ""),
    ("learn", "state[q] -= net.rate * slope;", "state[q] += net.rate * slope;"),
    ("learn", "state[q] -= net.rate * slope;\n        return;", "state[q] -= net.rate * slope;"),
    ("learn", "let personal = q >= p;", "let personal = q > p;"),
    ("learn", "state[count + q] + slope * slope;", "slope * slope;"),
    ("learn", "state[count + q] = square;", ""),
    ("learn", "turn.faster * select", "select"),
    ("learn", "select(net.rate, net.personal_rate, personal)", "net.rate"),
    ("learn", "sqrt(square + net.damping)", "sqrt(square)"),
    ("learn", "rate * turn.share * select", "rate * select"),
    ("learn", "select(net.pull, net.personal_pull, personal)", "net.pull"),
    ("learn", "+ pulled * state[2u * count + q])", ")"),
    ("learn", "/ (1.0 + pulled);", ";"),
    ("regard", "sum += others[j * d + i] * directions[item * d + i];", "sum += others[j * d + i] * directions[i];"),
    ("regard", "sum += others[j * d + i] * directions[item * d + i];", "sum += others[i] * directions[item * d + i];"),
    ("regard", "let count = TIDES + CLUSTERS + sizes.recent;", "let count = TIDES + CLUSTERS + sizes.recent - 1u;"),
    ("regard", "for (var j = lane; j < count; j += LANES)", "for (var j = lane; j < min(count, LANES); j += LANES)"),
    ("regard", "    workgroupBarrier();\n", ""),
    ("regard", "let to = item * sizes.f + sizes.at;", "let to = item * sizes.f;"),
    ("regard", "let to = item * sizes.f + sizes.at;", "let to = sizes.at;"),
    ("regard", "let ring = TIDES + CLUSTERS;", "let ring = TIDES;"),
    ("regard", "let voices = LOOKS + ring;", "let voices = LOOKS;"),
    ("regard", "x[to + lane] = like[lane] * says[LOOKS + lane];", "x[to + lane] = like[lane];"),
    ("regard", "let weight = says[LOOKS + TIDES + c];", "let weight = says[LOOKS + c];"),
    ("regard", "if weight > 0.0 { nearest", "if weight >= 0.0 { nearest"),
    ("regard", "nearest = max(nearest, like[TIDES + c]);", "nearest = like[TIDES + c];"),
    ("regard", "mean += weight * like[TIDES + c];", "mean += like[TIDES + c];"),
    ("regard", "x[to + 4u] = select(0.0, nearest, nearest > -3.0e38);", "x[to + 4u] = 0.0;"),
    ("regard", "x[to + 5u] = mean;", "x[to + 5u] = 0.0;"),
    ("regard", "let look = lane - TIDES - 1u;", "let look = 0u;"),
    ("regard", "let volume = says[voices + 4u * j + look];", "let volume = says[voices + 4u * j];"),
    ("regard", "if volume > 0.0 {", "if volume >= -2.0 {"),
    ("regard", "exp(says[look] * (like[ring + j] - 1.0))", "exp(says[0] * (like[ring + j] - 1.0))"),
    ("regard", "sum += weight * like[ring + j];", "sum += like[ring + j];"),
    ("regard", "total += weight;", "total += 1.0;"),
    ("regard", "x[to + 6u + look] = select(0.0, sum / total, total > 0.0);", "x[to + 6u + look] = sum;"),
    ("regard", "for (var j = sizes.recent; j > 0u; j--)", "for (var j = sizes.recent; j > 1u; j--)"),
    (
        "regard",
        "let voice = says[voices + 4u * (j - 1u) + 3u] * like[ring + j - 1u];",
        "let voice = like[ring + j - 1u];",
    ),
    ("regard", "if voice >= loudest {", "if voice <= loudest {"),
    ("regard", "which = j - 1u;", "which = j;"),
    ("regard", "reasons[2u * item + 1u] = loudest;", ""),
    ("regard", "reasons[2u * item] = f32(which);", ""),
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
    ("look", "let turn = turns[at];", "let turn = turns[0];"),
    ("look", "let example = examples[one.example];", "let example = examples[0];"),
    ("look", "for (var j = 0u; j < f; j++) { unit", "for (var j = 1u; j < f; j++) { unit"),
    ("look", "work[(to + i / h) * room + k]", "work[(to + i) * room + k]"),
    ("look", "score += state[j] * rows[x + j];", "score += rows[x + j];"),
    (
        "look",
        "for (var i = lane; i < n; i += LANES) {\n        let x",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let x",
    ),
    (
        "look",
        "for (var i = lane; i < n; i += LANES) {\n        let e",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let e",
    ),
    (
        "look",
        "for (var i = lane; i < n; i += LANES) {\n        let z",
        "for (var i = lane; i < min(n, LANES); i += LANES) {\n        let z",
    ),
    ("look", "var valued = 0.0;", "var valued = 1.0;"),
    ("look", "if end > begin {", "if end >= begin {"),
    ("look", "if end > begin {", "if end > begin + 1u {"),
    ("look", "lanes[lane + stride]); }\n        workgroupBarrier();", "lanes[lane + stride]); }"),
    ("look", "top = lanes[0];\n    workgroupBarrier();", "top = lanes[0];"),
    ("look", "var sum = 0.0;", "var sum = 1.0;"),
    ("look", "lanes[lane] = sum;\n    workgroupBarrier();", "lanes[lane] = sum;"),
    (
        "look",
        "lanes[lane] += lanes[lane + stride]; }\n        workgroupBarrier();",
        "lanes[lane] += lanes[lane + stride]; }",
    ),
    ("look", "work[z + 2u * h] / sum - select", "work[z + 2u * h] - select"),
    ("look", "/ sum - select", "/ sum + select"),
    ("learn", "let turn = turns[at];", "let turn = turns[0];"),
    ("learn", "let example = examples[one.example];", "let example = examples[0];"),
    ("learn", "var slope = 0.0;", "var slope = 1.0;"),
    ("learn", "for (var i = example.begin;", "for (var i = example.begin + 1u;"),
    ("learn", "if q < f {", "if q + 1u < f {"),
    ("learn", "if q < f {", "if q <= f {"),
    ("learn", "} else if q < b1 {", "} else if q + 1u < b1 {"),
    ("learn", "} else if q < b1 {", "} else if q <= b1 {"),
    ("learn", "} else if q < w2 {", "} else if q + 1u < w2 {"),
    ("learn", "} else if q < w2 {", "} else if q <= w2 {"),
    ("learn", "} else if q < p {", "} else if q + 1u < p {"),
    ("learn", "} else if q < p {", "} else if q <= p {"),
    ("learn", "} else if q < p + net.d {", "} else if q + 1u < p + net.d {"),
    ("learn", "} else if q < p + net.d {", "} else if q <= p + net.d {"),
    ("learn", "for (var j = begin; j < end; j++)", "for (var j = begin + 1u; j < end; j++)"),
    ("learn", "if slots[j] == q - p - net.d {", "if slots[j] >= q - p - net.d {"),
    ("learn", "f32(max(turn.count, 1u))", "f32(turn.count)"),
    ("learn", "if net.plain == 1u {", "if net.plain == 0u {"),
    ("learn", "(state[q] - rate * slope", "(state[q] + rate * slope"),
    ("regard", "for (var i = 0u; i < d; i++)", "for (var i = 1u; i < d; i++)"),
    ("regard", "} else if lane == TIDES {", "} else if lane == TIDES + 1u {"),
    ("regard", "for (var c = 0u; c < CLUSTERS; c++)", "for (var c = 1u; c < CLUSTERS; c++)"),
    ("regard", "select(0.0, nearest, nearest > -3.0e38)", "nearest"),
    ("regard", "for (var j = 0u; j < sizes.recent; j++)", "for (var j = 1u; j < sizes.recent; j++)"),
    ("regard", "select(0.0, sum / total, total > 0.0)", "sum / total"),
    ("regard", "} else if lane == TIDES + 1u + LOOKS {", "} else if lane == TIDES + LOOKS {"),
    ("regard", "loudest = voice;", ""),
    ("forward", "var sum = 0.0;", "var sum = 1.0;"),
    ("forward", "for (var j = 0u; j < f; j++) { sum", "for (var j = 1u; j < f; j++) { sum"),
    ("forward", "for (var k = 0u; k < h; k++)", "for (var k = 1u; k < h; k++)"),
    ("forward", "for (var j = 0u; j < f; j++) { unit", "for (var j = 1u; j < f; j++) { unit"),
];

#[test]
#[ignore = "long: it opens a device for each of some two hundred mutations"]
fn whatever_line_of_a_shader_is_broken_is_noticed() {
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
