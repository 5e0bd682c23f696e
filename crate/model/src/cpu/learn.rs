use super::{Course, Turn};

/// Twin of `learn.wgsl`: the mean slope over a step's slates by each parameter, out of what [`super::look`] left, and the
/// step that it makes.
///
/// A plain step is `value − rate · slope`; any other is one of `AdaGrad` (Duchi et al. 2011) with an implicit pull home.
pub fn learn(course: &Course, turn: Turn, state: &mut [f32], work: &[f32]) {
    let net = course.net;
    let (f, h, d) = (net.f as usize, net.h as usize, net.d as usize);
    let (b1, w2, p) = (f + f * h, f + f * h + h, f + f * h + 2 * h);
    let count = course.parameters();
    for q in 0..count {
        let mut slope = 0.0;
        for one in course.chosen(turn) {
            for (n, i) in course.examples[one.example as usize].rows().enumerate() {
                let x = &course.rows[i * course.width()..][..course.width()];
                let work = &work[(one.room as usize + n) * course.room()..][..course.room()];
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
                    let slots = &course.slots[course.slots[i] as usize..course.slots[i + 1] as usize];
                    let among = slots.iter().filter(|&&slot| slot as usize == q - p - d).count();
                    slope += among as f32 * r / slots.len().max(1) as f32;
                }
            }
        }
        slope /= turn.count.max(1) as f32;
        if net.plain == 1 {
            state[q] -= net.rate * slope;
            continue;
        }
        state[count + q] += slope * slope;
        let (rate, pull) = if q < p { (net.rate, net.pull) } else { (net.personal_rate, net.personal_pull) };
        let rate = turn.faster * rate / (state[count + q] + net.damping).sqrt();
        let pulled = rate * turn.share * pull;
        state[q] = (state[q] - rate * slope + pulled * state[2 * count + q]) / (1.0 + pulled);
    }
}
