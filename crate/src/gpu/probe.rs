//! What a GPU is tried with before anything is left to it.

use crate::cpu::{Chosen, Course, Net, Span, Turn};

/// A small course of plain steps and one of steps with a personal part: every branch of the shaders is taken.
pub(super) fn courses() -> [Course; 2] {
    let plain = Net { f: 3, h: 3, gate: 0.75, rate: 0.5, plain: 1, ..Net::default() };
    let personal =
        Net { d: 2, values: 3, damping: 0.1, pull: 2.0, personal_rate: 0.3, personal_pull: 1.0, plain: 0, ..plain };
    // Of five rows one has no slot, one has the same twice.
    let slots = vec![6, 7, 7, 9, 11, 12, 0, 1, 1, 2, 0, 1];
    [course(plain, vec![0; 6]), course(personal, slots)]
}

fn course(net: Net, slots: Vec<u32>) -> Course {
    let uneven = |i: u32| (i as f32 * 0.618_034).fract() - 0.5;
    let parameters = net.f + net.f * net.h + 2 * net.h + net.d + net.values;
    let mut state: Vec<f32> = (0..parameters).map(uneven).collect();
    state.extend((0..parameters).map(|i| uneven(3 * i).abs()));
    state.extend((0..parameters).map(|i| uneven(5 * i)));
    Course {
        net,
        turns: vec![
            Turn { begin: 0, count: 2, share: 0.5, faster: 1.5 },
            Turn { begin: 2, count: 1, share: 0.25, faster: 1.0 },
        ],
        chosen: vec![Chosen { example: 1, room: 0 }, Chosen { example: 0, room: 3 }, Chosen { example: 1, room: 0 }],
        examples: vec![Span { begin: 0, end: 2, weight: 1.0 }, Span { begin: 2, end: 5, weight: 0.5 }],
        rows: (0..5 * (net.f + net.d + 1)).map(|i| 4.0 * uneven(7 * i)).collect(),
        slots,
        state,
    }
}
