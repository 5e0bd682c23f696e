use super::{PlannedStep, StepPlan};
use crate::power::exp;

/// Twin of `slate_slopes.wgsl`: what the slates of a step score, and the slope of the listwise loss by each score.
///
/// `t = server + values · direction + (mean of its slots' values) + gate · (skip · x + w2 · z)` with `z = max(0, b1 + x · w1)`,
/// and `r = gate · w · (softmax(t) − [it is the first row])`. Of each row `work` gets z (h), what goes back through the
/// units (h), and r.
pub fn slate_slopes(plan: &StepPlan, step: PlannedStep, state: &[f32], work: &mut [f32]) {
    let settings = plan.settings;
    let (f, h, d) = (settings.f as usize, settings.h as usize, settings.d as usize);
    let [skip, w1, b1, w2] = settings.shape().split(state);
    let (direction, values) = state[settings.shape().parameters() as usize..].split_at(d);
    for one in plan.slates_of(step) {
        let span = plan.examples[one.example as usize];
        let work = &mut work[one.work_row as usize * plan.work_width()..][..span.rows().len() * plan.work_width()];
        let mut top = f32::NEG_INFINITY;
        for (i, work) in span.rows().zip(work.chunks_exact_mut(plan.work_width())) {
            let (x, personal) = plan.rows[i * plan.width()..][..plan.width()].split_at(f);
            for k in 0..h {
                work[k] = b1[k];
                for j in 0..f {
                    work[k] += w1[j * h + k] * x[j];
                }
                work[k] = work[k].max(0.0);
            }
            let mut score = 0.0;
            for j in 0..f {
                score += skip[j] * x[j];
            }
            for k in 0..h {
                score += w2[k] * work[k];
            }
            let mut linear = 0.0;
            for j in 0..d {
                linear += direction[j] * personal[j];
            }
            let slots = &plan.slots[plan.slots[i] as usize..plan.slots[i + 1] as usize];
            if !slots.is_empty() {
                linear += slots.iter().map(|&slot| values[slot as usize]).sum::<f32>() / slots.len() as f32;
            }
            work[2 * h] = personal[d] + linear + settings.gate * score;
            top = top.max(work[2 * h]);
        }
        let mut sum = 0.0;
        for work in work.chunks_exact_mut(plan.work_width()) {
            // No exponent is over 0: it cannot overflow.
            work[2 * h] = exp(work[2 * h] - top);
            sum += work[2 * h];
        }
        for (i, work) in work.chunks_exact_mut(plan.work_width()).enumerate() {
            let r = settings.gate * span.weight * (work[2 * h] / sum - if i == 0 { 1.0 } else { 0.0 });
            work[2 * h] = r;
            for k in 0..h {
                work[h + k] = if work[k] > 0.0 { r * w2[k] } else { 0.0 };
            }
        }
    }
}
