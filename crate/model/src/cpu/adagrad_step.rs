use super::{PlannedStep, StepPlan};

/// Twin of `adagrad_step.wgsl`: the mean slope over a step's slates by each parameter, out of what [`super::slate_slopes`] left, and the
/// step that it makes.
///
/// A plain step is `value − rate · slope`; any other is one of `AdaGrad` (Duchi et al. 2011) with an implicit pull home.
pub fn adagrad_step(plan: &StepPlan, step: PlannedStep, state: &mut [f32], work: &[f32]) {
    let settings = plan.settings;
    let (f, h, d) = (settings.f as usize, settings.h as usize, settings.d as usize);
    let [_, _, b1, w2, p] = settings.shape().offsets();
    let count = plan.parameters();
    for q in 0..count {
        let mut slope = 0.0;
        for one in plan.slates_of(step) {
            for (n, i) in plan.examples[one.example as usize].rows().enumerate() {
                let x = &plan.rows[i * plan.width()..][..plan.width()];
                let work = &work[(one.work_row as usize + n) * plan.work_width()..][..plan.work_width()];
                let r = work[2 * h];
                if q < f {
                    slope += r * x[q];
                } else if q < b1 {
                    slope += work[h + (q - f) % h] * x[(q - f) / h];
                } else if q < w2 {
                    slope += work[h + q - b1];
                } else if q < p {
                    slope += r * work[q - w2];
                } else if q < p + d {
                    slope += r * x[f + q - p];
                } else {
                    let slots = &plan.slots[plan.slots[i] as usize..plan.slots[i + 1] as usize];
                    let among = slots.iter().filter(|&&slot| slot as usize == q - p - d).count();
                    slope += among as f32 * r / slots.len().max(1) as f32;
                }
            }
        }
        slope /= step.count.max(1) as f32;
        if settings.plain == 1 {
            state[q] -= settings.rate * slope;
            continue;
        }
        state[count + q] += slope * slope;
        let (rate, pull) =
            if q < p { (settings.rate, settings.pull) } else { (settings.personal_rate, settings.personal_pull) };
        let rate = step.rate_scale * rate / (state[count + q] + settings.damping).sqrt();
        let pulled = rate * step.pull_scale * pull;
        state[q] = (state[q] - rate * slope + pulled * state[2 * count + q]) / (1.0 + pulled);
    }
}
