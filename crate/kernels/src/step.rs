use crate::{Lanes, tile::filled};

/// How far a step goes, and back.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// What the slopes are multiplied by first.
    pub scale: f32,
    /// The size of a step.
    pub rate: f32,
    /// How strong the pull to `home` is.
    pub pull: f32,
    /// What is added to the squares under the root.
    pub damping: f32,
}

/// Duchi et al. 2011: the more a parameter has moved, the less it moves. The pull to `home` is an implicit step, which
/// no strength of it makes swing. All slices are of one length; each parameter is by itself.
#[inline(always)]
pub fn step<L: Lanes>(step: Step, slopes: &[f32], home: &[f32], parameters: &mut [f32], squares: &mut [f32]) {
    let ((slopes, slopes_rest), (home, home_rest)) = (slopes.as_chunks::<4>(), home.as_chunks::<4>());
    let (parameters, parameters_rest) = parameters.as_chunks_mut::<4>();
    let (squares, squares_rest) = squares.as_chunks_mut::<4>();
    for (((slopes, home), parameters), squares) in slopes.iter().zip(home).zip(parameters).zip(squares) {
        four::<L>(step, slopes, home, parameters, squares);
    }
    // What is left fills a part of four lanes; the others are thrown away.
    let [slopes, home] = [slopes_rest, home_rest].map(filled);
    let [mut parameters, mut squares] = [&*parameters_rest, &*squares_rest].map(filled);
    four::<L>(step, &slopes, &home, &mut parameters, &mut squares);
    parameters_rest.iter_mut().zip(parameters).for_each(|(rest, last)| *rest = last);
    squares_rest.iter_mut().zip(squares).for_each(|(rest, last)| *rest = last);
}

#[inline(always)]
fn four<L: Lanes>(
    Step { scale, rate, pull, damping }: Step,
    slopes: &[f32; 4],
    home: &[f32; 4],
    parameters: &mut [f32; 4],
    squares: &mut [f32; 4],
) {
    let slope = L::load(slopes).mul(L::splat(scale));
    let square = L::load(squares).add(slope.mul(slope));
    square.store(squares);
    let rate = L::splat(rate).div(square.add(L::splat(damping)).sqrt());
    let pulled = rate.mul(L::splat(pull));
    let moved = L::load(parameters).sub(rate.mul(slope)).add(pulled.mul(L::load(home)));
    moved.div(L::splat(1.0).add(pulled)).store(parameters);
}
