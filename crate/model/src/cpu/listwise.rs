use super::Shape;
use crate::power::exp;

/// The slope of the listwise loss by each score, and each group's loss.
///
/// The first row of a group is the one that was chosen. With `t = offset + gate · s` and weights w (groups), the loss
/// of a group is `−w · ln softmax(t)[first]`, and `r[i] = gate · w · (softmax(t)[i] − [i is first])`. `starts`
/// (groups + 1) says where each group begins; offset, s and r (n), losses (groups).
#[expect(clippy::too_many_arguments, reason = "one for each of the shader's bindings, in their order")]
pub fn listwise(
    shape: Shape,
    gate: f32,
    starts: &[u32],
    weight: &[f32],
    offset: &[f32],
    s: &[f32],
    r: &mut [f32],
    losses: &mut [f32],
) {
    for g in 0..shape.groups as usize {
        let rows = starts[g] as usize..starts[g + 1] as usize;
        let mut top = f32::NEG_INFINITY;
        for i in rows.clone() {
            top = top.max(offset[i] + gate * s[i]);
        }
        let mut sum = 0.0;
        for i in rows.clone() {
            // No exponent is over 0: it cannot overflow.
            r[i] = exp(offset[i] + gate * s[i] - top);
            sum += r[i];
        }
        losses[g] = 0.0;
        for i in rows.clone() {
            let first = i == rows.start;
            if first {
                losses[g] = weight[g] * (sum.ln() - (offset[i] + gate * s[i] - top));
            }
            r[i] = gate * weight[g] * (r[i] / sum - if first { 1.0 } else { 0.0 });
        }
    }
}
