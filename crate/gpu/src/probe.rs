//! What a GPU is tried with before anything is left to it.

use privet_model::cpu::{
    CLUSTERS, ExampleSpan, INTERESTS, PlannedSlate, PlannedStep, ScoringBatch, Sizes, StepPlan, StepSettings,
};

/// A small plan of plain steps and one of steps with a personal part: every branch of the shaders is taken.
pub(super) fn plans() -> [StepPlan; 2] {
    let plain = StepSettings { f: 3, h: 3, gate: 0.75, rate: 0.5, plain: 1, ..StepSettings::default() };
    let personal = StepSettings {
        d: 2,
        values: 3,
        damping: 0.1,
        pull: 2.0,
        personal_rate: 0.3,
        personal_pull: 1.0,
        plain: 0,
        ..plain
    };
    // Of five rows one has no slot, one has the same twice.
    let slots = vec![6, 7, 7, 9, 11, 12, 0, 1, 1, 2, 0, 1];
    [plan(plain, vec![0; 6]), plan(personal, slots)]
}

/// Three items beside a profile of two recent ones, one of each sign.
pub(super) fn batch() -> ScoringBatch {
    let numbers = |count: usize, from: u32| (0..count as u32).map(|i| uneven(from + 11 * i)).collect();
    let sizes = Sizes { n: 3, f: 12, h: 5, d: 4, at: 2, recent: 2 };
    let factors =
        [8.0, 16.0, 8.0, 0.5, 0.0, 2.0, 1.0, 0.25, 0.75, 0.0, 0.0, 1.0, 1.0, -1.0, 1.0, -0.5, -0.5, 0.5, -0.5];
    ScoringBatch {
        sizes,
        references: numbers((INTERESTS + CLUSTERS + 2) * 4, 1),
        factors: factors.to_vec(),
        directions: numbers(3 * 4, 5),
        x: numbers(3 * 12, 9),
        thetas: numbers(2 * (12 + 12 * 5 + 2 * 5), 3),
    }
}

fn uneven(i: u32) -> f32 {
    (i as f32 * 0.618_034).fract() - 0.5
}

fn plan(settings: StepSettings, slots: Vec<u32>) -> StepPlan {
    let parameters = settings.f + settings.f * settings.h + 2 * settings.h + settings.d + settings.values;
    let mut state: Vec<f32> = (0..parameters).map(uneven).collect();
    state.extend((0..parameters).map(|i| uneven(3 * i).abs()));
    state.extend((0..parameters).map(|i| uneven(5 * i)));
    StepPlan {
        settings,
        steps: vec![
            PlannedStep { begin: 0, count: 2, pull_scale: 0.5, rate_scale: 1.5 },
            PlannedStep { begin: 2, count: 1, pull_scale: 0.25, rate_scale: 1.0 },
        ],
        slates: vec![
            PlannedSlate { example: 1, work_row: 0 },
            PlannedSlate { example: 0, work_row: 3 },
            PlannedSlate { example: 0, work_row: 0 },
        ],
        examples: vec![ExampleSpan { begin: 0, end: 2, weight: 1.0 }, ExampleSpan { begin: 2, end: 5, weight: 0.5 }],
        rows: (0..5 * (settings.f + settings.d + 1)).map(|i| 4.0 * uneven(7 * i)).collect(),
        slots,
        state,
    }
}
