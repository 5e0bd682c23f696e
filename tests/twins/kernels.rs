//! Kernels against their twins, around every edge of lanes and tiles.

use privet::cpu::{self, Attention, Shape};
use privet_kernels::{Plain, attention, backward, dots, forward, here, scores, step};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// One more and one less than a pair of rows, a vector of 4, a block of 16, and what a real head has.
const SIZES: [u32; 10] = [1, 2, 3, 4, 5, 15, 16, 17, 33, 64];
/// Rows: none, one, pairs, and many.
const ROWS: [u32; 6] = [0, 1, 2, 3, 64, 65];
/// A share of the largest term: the lanes of a sum add up in another order than the twin's loop, and of 64 terms each
/// may be off by 6e-8 at 64 partial sums; what is not summed over lanes is the same number.
const ABS: f32 = 4e-6;

fn numbers(draw: &mut ChaCha8Rng, count: u32, size: f32) -> Vec<f32> {
    (0..count).map(|_| draw.random_range(-size..=size)).collect()
}

fn largest(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |most, number| most.max(number.abs()))
}

#[track_caller]
fn near(what: &str, ours: &[f32], twin: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), twin.len(), "{what}");
    for (i, (ours, twin)) in ours.iter().zip(twin).enumerate() {
        assert!((ours - twin).abs() <= tolerance, "{what}: entry {i} is {ours}, the twin has {twin}");
    }
}

#[test]
fn a_net_and_its_slopes_are_the_twins() {
    let mut draw = ChaCha8Rng::seed_from_u64(20_261_121);
    for (n, f, h) in ROWS.iter().flat_map(|&n| SIZES.iter().flat_map(move |&f| SIZES.map(|h| (n, f, h)))) {
        let shape = Shape { n, f, h, groups: 3 };
        for size in [1.0, 1e4] {
            let what = format!("n = {n}, f = {f}, h = {h}, size {size}");
            let (x, theta) = (numbers(&mut draw, n * f, size), numbers(&mut draw, shape.parameters(), 0.5));
            let r = numbers(&mut draw, n, 1.0);
            // What was there before must not show through.
            let blank = |count: u32| vec![f32::NAN; count as usize];
            let [mut z, mut twin_z, mut d] = [n * h; 3].map(blank);
            let [mut s, mut twin_s] = [n; 2].map(blank);
            let [mut g, mut twin_g] = [shape.parameters(); 2].map(blank);
            forward::<Plain>(f as usize, h as usize, &x, &theta, &mut z, &mut s);
            cpu::forward(shape, &x, &theta, &mut twin_z, &mut twin_s);
            assert_eq!(z, twin_z, "{what}: a unit sums in the twin's order, and these lanes round as it does");
            let (mut alone, mut room) = (blank(n), blank(2 * h));
            scores::<Plain>(f as usize, h as usize, &x, &theta, &mut room, &mut alone);
            assert_eq!(alone, s, "{what}: with the units or without");
            let unit = ABS * (largest(&x) + largest(&z));
            near(&what, &s, &twin_s, unit);

            backward::<Plain>(f as usize, h as usize, 1.0 / 3.0, &x, &theta, &z, &r, &mut d, &mut g);
            cpu::backward(shape, &x, &theta, &z, &r, &mut twin_g);
            near(&what, &g, &twin_g, unit.max(ABS));
        }
    }
}

#[test]
fn all_products_of_two_sets_are_the_plain_sums() {
    let mut draw = ChaCha8Rng::seed_from_u64(5);
    for (n, m, d) in [0, 1, 2, 3, 64, 65]
        .iter()
        .flat_map(|&n| [0, 1, 2, 5, 8].iter().flat_map(move |&m| [4, 16, 18, 64, 384].map(|d| (n, m, d))))
    {
        let (a, b) = (numbers(&mut draw, n * d, 1.0), numbers(&mut draw, m * d, 1.0));
        let mut out = vec![f32::NAN; (n * m) as usize];
        dots::<Plain>(d as usize, &a, &b, &mut out);
        let row = |all: &[f32], i: u32| all[(i * d) as usize..][..d as usize].to_vec();
        let plain: Vec<f32> = (0..n)
            .flat_map(|i| (0..m).map(move |j| (i, j)))
            .map(|(i, j)| row(&a, i).iter().zip(row(&b, j)).map(|(a, b)| a * b).sum())
            .collect();
        near(&format!("n = {n}, m = {m}, d = {d}"), &out, &plain, ABS * d as f32 / 16.0);
    }
}

#[test]
fn attention_is_the_twins() {
    let mut draw = ChaCha8Rng::seed_from_u64(6);
    for m in 0..=65 {
        for kind in [
            Attention { sharpness: 8.0, fading: 0.0, against: false },
            Attention { sharpness: 16.0, fading: 0.15, against: true },
            Attention { sharpness: 40.0, fading: 0.0, against: false },
        ] {
            let (k, mut label) = (numbers(&mut draw, m, 1.0), numbers(&mut draw, m, 1.0));
            label.iter_mut().step_by(5).for_each(|label| *label = 0.0);
            let fixed_weight: Vec<f32> =
                label.iter().enumerate().map(|(j, &label)| kind.fixed_weight(j, label)).collect();
            let ours = attention::<Plain>(kind.sharpness, &k, &fixed_weight);
            // Each weight errs by a few units in the last place, and so does the mean of numbers under 1.
            near(&format!("m = {m}, {kind:?}"), &[ours], &[cpu::attention(kind, &k, &label)], 5e-6);
        }
    }
}

/// However work is cut, the numbers are the same: a row by itself, at any place among others, and as the core calls it.
#[test]
fn what_stands_beside_a_row_changes_no_bit_of_it() {
    let mut draw = ChaCha8Rng::seed_from_u64(7);
    for (f, h) in SIZES.iter().flat_map(|&f| SIZES.map(|h| (f as usize, h as usize))) {
        let n = 5;
        let x = numbers(&mut draw, (n * f) as u32, 1.0);
        let theta = numbers(&mut draw, (f + f * h + 2 * h) as u32, 1.0);
        let (mut z, mut s) = (vec![0.0; n * h], vec![0.0; n]);
        here::forward(f, h, &x, &theta, &mut z, &mut s);
        let others = numbers(&mut draw, (3 * f) as u32, 1.0);
        let mut products = vec![0.0; n * 3];
        here::dots(f, &x, &others, &mut products);
        for (i, row) in x.chunks(f).enumerate() {
            let (mut own_z, mut own_s, mut own_product) = (vec![0.0; h], [0.0], [0.0]);
            here::forward(f, h, row, &theta, &mut own_z, &mut own_s);
            assert_eq!((&own_z[..], own_s[0]), (&z[i * h..][..h], s[i]), "f = {f}, h = {h}, row {i}");
            for (j, other) in others.chunks(f).enumerate() {
                here::dots(f, row, other, &mut own_product);
                assert_eq!(own_product[0], products[i * 3 + j], "d = {f}, {i} by {j}");
            }
        }
    }
}

#[test]
fn a_product_by_itself_is_the_plain_sum() {
    let mut draw = ChaCha8Rng::seed_from_u64(8);
    for d in (0..70).chain([384]) {
        let (a, b) = (numbers(&mut draw, d, 1.0), numbers(&mut draw, d, 1.0));
        let plain: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        near(&format!("d = {d}"), &[here::dot(&a, &b)], &[plain], ABS * d as f32 / 16.0);
        let mut to = b.clone();
        here::add(&mut to, 0.3, &a);
        let plain: Vec<f32> = b.iter().zip(&a).map(|(to, from)| to + 0.3 * from).collect();
        assert_eq!(to, plain);
    }
}

#[test]
fn a_step_is_the_twins_to_the_bit() {
    let mut draw = ChaCha8Rng::seed_from_u64(9);
    for count in SIZES {
        for (scale, rate, pull) in [(1.0, 0.05, 0.0), (0.125, 0.1, 30.0), (1e4, 10.0, 1e6)] {
            let made = cpu::Step { scale, rate, pull, damping: 0.1 };
            let [slopes, home, mut ours] = [0; 3].map(|_| numbers(&mut draw, count, 1.0));
            let mut squares: Vec<f32> = ours.iter().map(|x| x * x).collect();
            let (mut twin, mut twin_squares) = (ours.clone(), squares.clone());
            step::<Plain>(made, &slopes, &home, &mut ours, &mut squares);
            cpu::step(made, &slopes, &home, &mut twin, &mut twin_squares);
            assert_eq!((ours, squares), (twin, twin_squares), "{count} {made:?}");
        }
    }
}
