//! What a round learns from this device: how far plain descent moves the published head over the new examples.

use privet_model::Head;

/// Published parameters minus the result, one entry a parameter. It never leaves the device: only [`crate::clip`]
/// takes it.
pub struct Gradient {
    values: Vec<f32>,
}

impl Gradient {
    /// The entries, one a parameter of the head.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }
}

/// How far the published parameters have moved when these have become of them. As many as are none of this head's have not
/// moved it: an error would single out this device.
pub(crate) fn moved(head: &Head, to: &[f32]) -> Gradient {
    let to = if to.len() == head.parameters().len() { to } else { head.parameters() };
    Gradient { values: head.parameters().iter().zip(to).map(|(published, to)| published - to).collect() }
}

#[cfg(any(test, feature = "simulate"))]
impl Gradient {
    /// A gradient that nobody computed: for tests, the simulator and measurements.
    pub fn from_values(values: &[f32]) -> Self {
        Self { values: values.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use privet_base::stored::Stored;
    use privet_model::{Ablation, Attribute, Backend, Event, Example, Item, Moment, NewExamples, Schema, Scratch};
    use privet_ranker::Memory;
    use privet_wire::Bound;

    fn head() -> Head {
        let mut schema = Schema::plain(16);
        schema.attributes.push(Attribute { name: "topic".into(), rate: 0.2, strength: 5.0 });
        let mut head = Head::starting(schema, 4, 4.0).expect("a plain schema");
        let uneven = |i: usize| (i as f32 * 0.618_034).fract() - 0.5;
        head = head.with_parameters((0..head.parameters().len()).map(uneven).collect()).expect("as many");
        (head.upload.epochs, head.upload.rate) = (3, 0.5);
        (head.local.steps, head.local.batch) = (1, 2);
        head
    }

    fn item(n: usize) -> Item {
        let uneven = |i: usize| ((n * 31 + i * 7) as f32 * 0.618_034).fract() - 0.5;
        // Every third item has no attribute, and every third two.
        let attributes = (0..n % 3).map(|place| (0, (n * 5 + place) as u64 % 7)).collect();
        Item { score: uneven(99), attributes, ..Item::plain(n as u64, (0..16).map(uneven).collect()) }
    }

    fn device(seed: usize, events: usize) -> Memory {
        let head = head();
        let mut memory = Memory::new(&head, Ablation::default());
        for n in seed..seed + events {
            let others = vec![item(n * 3 + 1), item(n * 3 + 2)];
            let event =
                Event { others, ..Event::new(1, item(n % 23), Moment { ms: n as u64 * 60_000, offset_min: 0 }) };
            memory.record(&head, event).expect("a plain event");
            while memory.advance(&head, &mut Scratch::default()) {}
        }
        memory
    }

    /// What this backend, which never waits, makes of what is new.
    fn descended(head: &Head, new: &NewExamples, mut backend: Backend) -> Gradient {
        moved(head, &pollster::block_on(backend.descent(head, new)))
    }

    fn gradient(memory: &Memory) -> Vec<f32> {
        descended(&head(), &memory.new_examples(&head()), Backend::simd()).values
    }

    fn norm(gradient: &[f32]) -> f64 {
        gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt()
    }

    /// How far a device's gate is open, from what it knows of its user.
    fn gate(head: &Head, memory: &Memory) -> f64 {
        let n = memory.profile().evidence() as f64;
        n / (n + f64::from(head.kappa))
    }

    /// What is not shared of an item's score: the server's, and through the gate the personal weights of its direction's
    /// entries and, their mean, of the slots of its attributes' values.
    fn offset(head: &Head, memory: &Memory, example: &Example, row: usize) -> f64 {
        let (embedding, values) = memory.learner().personal_weights().split_at(head.embedding_length());
        let direction = example.direction(row, embedding.len());
        let linear: f64 = direction.iter().zip(embedding).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
        let slots = example.slots(row);
        let valued: f64 = slots.iter().map(|&slot| f64::from(values[usize::from(slot)])).sum();
        let valued = if slots.is_empty() { 0.0 } else { valued / slots.len() as f64 };
        f64::from(example.server_scores()[row]) + gate(head, memory) * (linear + valued)
    }

    /// The textbook's federated averaging in f64 (2017, the paper that named it): every client descends by its own loss, written
    /// out example by example, and the server takes the mean of where they end. It takes nothing from [`NewExamples`].
    fn federated_average(head: &Head, devices: &[Memory]) -> Vec<f64> {
        let published: Vec<f64> = head.parameters().iter().map(|&p| f64::from(p)).collect();
        let mut mean = vec![0.0; published.len()];
        for memory in devices {
            let mut theta = published.clone();
            for _ in 0..head.upload.epochs {
                let g = slope(head, memory, &theta);
                theta.iter_mut().zip(g).for_each(|(theta, g)| *theta -= f64::from(head.upload.rate) * g);
            }
            mean.iter_mut().zip(theta).for_each(|(mean, theta)| *mean += theta / devices.len() as f64);
        }
        mean
    }

    fn slope(head: &Head, memory: &Memory, theta: &[f64]) -> Vec<f64> {
        let (shape, gate) = (head.shape(0, 0), gate(head, memory));
        let examples: Vec<&Example> = memory.learner().new_examples().collect();
        let mut g = vec![0.0; theta.len()];
        let (f, h) = (shape.f as usize, shape.h as usize);
        let (w1, b1, w2) = (f, f + f * h, f + f * h + h);
        for example in &examples {
            let x = |row: usize, j: usize| f64::from(example.features()[row * f + j]);
            let unit = |row: usize, k: usize| {
                (theta[b1 + k] + (0..f).map(|j| theta[w1 + j * h + k] * x(row, j)).sum::<f64>()).max(0.0)
            };
            let score = |row: usize| {
                let linear: f64 = (0..f).map(|j| theta[j] * x(row, j)).sum();
                let net = linear + (0..h).map(|k| theta[w2 + k] * unit(row, k)).sum::<f64>();
                offset(head, memory, example, row) + gate * net
            };
            let scores: Vec<f64> = (0..example.rows()).map(score).collect();
            let total: f64 = scores.iter().map(|score| score.exp()).sum();
            for (row, score) in scores.iter().enumerate() {
                let chosen = if row == 0 { 1.0 } else { 0.0 };
                let scale = gate * f64::from(example.weight()) / examples.len() as f64;
                let r = scale * (score.exp() / total - chosen);
                (0..f).for_each(|j| g[j] += r * x(row, j));
                for k in (0..h).filter(|&k| unit(row, k) > 0.0) {
                    g[w2 + k] += r * unit(row, k);
                    g[b1 + k] += r * theta[w2 + k];
                    (0..f).for_each(|j| g[w1 + j * h + k] += r * theta[w2 + k] * x(row, j));
                }
            }
        }
        g
    }

    #[test]
    fn without_clip_and_noise_fifty_devices_are_federated_averaging() {
        let devices: Vec<Memory> = (0..50).map(|n| device(n * 11, 3 + n % 9)).collect();
        let central = federated_average(&head(), &devices);
        let gradients: Vec<Vec<f32>> = devices.iter().map(gradient).collect();
        for (p, (&published, central)) in head().parameters().iter().zip(central).enumerate() {
            let mean = gradients.iter().map(|gradient| f64::from(gradient[p])).sum::<f64>() / 50.0;
            assert!((f64::from(published) - mean - central).abs() < 1e-6, "{p}: {mean}");
        }
        assert!(gradients.iter().all(|gradient| norm(gradient) > 0.01));
    }

    #[test]
    fn the_kernels_gradient_is_the_twins() {
        for (seed, events) in [(0, 0), (1, 1), (5, 12), (9, 80)] {
            let new = device(seed, events).new_examples(&head());
            let [ours, twins] = [Backend::simd(), Backend::Scalar].map(|backend| descended(&head(), &new, backend));
            for (ours, twin) in ours.values.iter().zip(twins.values) {
                assert!((ours - twin).abs() <= 1e-6, "{ours} {twin}");
            }
        }
    }

    #[test]
    fn the_fine_tuned_copy_takes_no_part() {
        let memory = device(5, 12);
        assert_ne!(memory.learner().theta(), head().parameters(), "it was fine-tuned");
        let mut reset = memory.clone();
        reset.reset_net(&head());
        assert_eq!(reset.learner().theta(), head().parameters());
        assert_eq!(gradient(&memory), gradient(&reset));
    }

    #[test]
    fn much_that_is_new_weighs_about_as_much_as_little() {
        // The loss is a mean: a busy device's gradient is as long as a quiet one's, within a factor of 8: the gate is wider open, and
        // what a fuller profile says of items is larger.
        let (busy, quiet) = (norm(&gradient(&device(0, 10_000))), norm(&gradient(&device(0, 10))));
        assert!((0.125..8.0).contains(&(busy / quiet)), "{busy} {quiet}");
    }

    #[test]
    fn nothing_new_is_the_zero_vector() {
        let mut memory = device(5, 12);
        assert!(norm(&gradient(&memory)) > 0.0);
        memory.contributed();
        assert_eq!(norm(&gradient(&memory)), 0.0);
        assert_eq!(gradient(&Memory::new(&head(), Ablation::default())), vec![0.0; head().parameters().len()]);
    }

    #[test]
    fn whatever_numbers_are_handed_over_a_gradient_is_clipped() {
        let length = head().parameters().len();
        let bound = Bound::device(1.0, 1 << 16, 8.0, length as u32).expect("a plain bound");
        for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 2.0, -0.0] {
            for place in 0..4 {
                let mut x = vec![0.5; 5 * head().shape(0, 0).f as usize];
                let (mut gate, mut offset, mut weight) = (0.25, vec![1.0; 5], vec![1.0, 2.0]);
                let places = [&mut gate, &mut x[1], &mut offset[3], &mut weight[0]];
                *places.into_iter().nth(place).expect("one of four") = wild;
                // The fields of what one module of a device hands to the other, in their order.
                let mut bytes = Vec::new();
                ((gate, x), (offset, (vec![0_u32, 2, 5], weight))).write(&mut bytes);
                let read = NewExamples::decode(&head(), &bytes).expect("any number is one");
                let grid = crate::clip(&descended(&head(), &read, Backend::simd()), bound).grid().to_vec();
                assert!(
                    grid.len() == length
                        && grid.iter().map(|&q| f64::from(q).powi(2)).sum::<f64>() <= 65_536f64.powi(2)
                );
            }
        }
    }
}
