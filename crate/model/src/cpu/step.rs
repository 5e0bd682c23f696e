/// How far a step goes, and back: as in [`privet_kernels::Step`].
pub use privet_kernels::Step;

/// One step of `AdaGrad` (Duchi et al. 2011): the more a parameter has moved, the less it moves. The pull to `home` is an
/// implicit step, which no strength of it makes swing. All slices are of one length.
pub fn step(step: Step, slopes: &[f32], home: &[f32], parameters: &mut [f32], squares: &mut [f32]) {
    for (i, parameter) in parameters.iter_mut().enumerate() {
        let slope = slopes[i] * step.scale;
        squares[i] += slope * slope;
        let rate = step.rate / (squares[i] + step.damping).sqrt();
        *parameter = (*parameter - rate * slope + rate * step.pull * home[i]) / (1.0 + rate * step.pull);
    }
}
