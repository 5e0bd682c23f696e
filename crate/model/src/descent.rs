//! Plain descent from the published head over what is new: what has become of the parameters.

use crate::{Head, NewExamples, cpu};
use privet_kernels::here as kernels;

/// The kernels' way of it.
pub(crate) fn by_kernels(head: &Head, new: &NewExamples) -> Vec<f32> {
    let (shape, mut through) = (new.shape(head), Vec::new());
    let (f, h) = (shape.f as usize, shape.h as usize);
    through.resize(new.offset.len() * h, 0.0);
    let forward = |theta: &[f32], z: &mut [f32], s: &mut [f32]| kernels::forward(f, h, &new.x, theta, z, s);
    let scale = 1.0 / shape.groups.max(1) as f32;
    let backward = |theta: &[f32], z: &[f32], r: &[f32], g: &mut [f32]| {
        kernels::backward(f, h, scale, &new.x, theta, z, r, &mut through, g);
    };
    descend(head, new, forward, backward)
}

/// The twins' way of it.
pub(crate) fn by_twins(head: &Head, new: &NewExamples) -> Vec<f32> {
    let shape = new.shape(head);
    let forward = |theta: &[f32], z: &mut [f32], s: &mut [f32]| cpu::forward(shape, &new.x, theta, z, s);
    let backward = |theta: &[f32], z: &[f32], r: &[f32], g: &mut [f32]| cpu::backward(shape, &new.x, theta, z, r, g);
    descend(head, new, forward, backward)
}

fn descend(
    head: &Head,
    new: &NewExamples,
    forward: impl Fn(&[f32], &mut [f32], &mut [f32]),
    mut backward: impl FnMut(&[f32], &[f32], &[f32], &mut [f32]),
) -> Vec<f32> {
    let NewExamples { gate, offset, starts, weight, .. } = new;
    let (shape, rows) = (new.shape(head), offset.len());
    let (mut z, mut s, mut r) = (vec![0.0; rows * shape.h as usize], vec![0.0; rows], vec![0.0; rows]);
    let (mut losses, mut g) = (vec![0.0; weight.len()], vec![0.0; head.parameters().len()]);
    let mut theta = head.parameters().to_vec();
    for _ in 0..head.upload.epochs {
        forward(&theta, &mut z, &mut s);
        cpu::listwise(shape, *gate, starts, weight, offset, &s, &mut r, &mut losses);
        backward(&theta, &z, &r, &mut g);
        theta.iter_mut().zip(&g).for_each(|(theta, g)| *theta -= head.upload.rate * g);
    }
    theta
}
