use super::{Shape, adagrad_step, slate_slopes};

/// Sizes and rates of everything that learns by a plan, as the shaders read them.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct StepSettings {
    /// Features.
    pub f: u32,
    /// Hidden units.
    pub h: u32,
    /// The length of a direction; 0 where nothing personal is learnt.
    pub d: u32,
    /// How many weights the values of attributes have.
    pub values: u32,
    /// What the net's scores are multiplied by.
    pub gate: f32,
    /// What is added to the squares under the root.
    pub damping: f32,
    /// The size of a step of the net.
    pub rate: f32,
    /// How strong its pull home is.
    pub pull: f32,
    /// The size of a step of the personal part.
    pub personal_rate: f32,
    /// How strong its pull home is.
    pub personal_pull: f32,
    /// 1 where a step is rate times slope and nothing else.
    pub plain: u32,
}

impl StepSettings {
    /// The net's sizes alone.
    pub const fn shape(&self) -> Shape {
        Shape { n: 0, f: self.f, h: self.h, groups: 0 }
    }
}

/// One step: which of [`StepPlan::slates`] it goes over.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PlannedStep {
    /// The first of them.
    pub begin: u32,
    /// How many.
    pub count: u32,
    /// What pulls are multiplied by.
    pub pull_scale: f32,
    /// What rates are multiplied by.
    pub rate_scale: f32,
}

/// A slate's rows, of which the first was chosen, and how much it counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ExampleSpan {
    /// The first row.
    pub begin: u32,
    /// One past the last.
    pub end: u32,
    /// How much it counts.
    pub weight: f32,
}

/// A slate that a step goes over, and where its intermediate numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PlannedSlate {
    /// Which.
    pub example: u32,
    /// Its first row among those of `work`.
    pub work_row: u32,
}

/// Many steps and all that they go over, laid out as the shaders read it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepPlan {
    /// Sizes and rates.
    pub settings: StepSettings,
    /// The steps, in their order.
    pub steps: Vec<PlannedStep>,
    /// What they go over, one step after the other.
    pub slates: Vec<PlannedSlate>,
    /// All slates.
    pub examples: Vec<ExampleSpan>,
    /// All rows: features (f), direction (d), the server's score.
    pub rows: Vec<f32>,
    /// Where each row's slots begin in this very list (rows + 1), and then the slots.
    pub slots: Vec<u32>,
    /// Parameters, the sums of their squared slopes, and what each is pulled to. Parameters are the net's, then the
    /// weights of a direction and of the values.
    pub state: Vec<f32>,
}

impl StepPlan {
    /// How many parameters learn.
    pub fn parameters(&self) -> usize {
        self.state.len() / 3
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        (self.settings.f + self.settings.d) as usize + 1
    }

    /// How many intermediate numbers a row has in `work`: units, slopes by what goes into them, and the slope by its score.
    pub fn work_width(&self) -> usize {
        2 * self.settings.h as usize + 1
    }

    /// How many rows the largest step has.
    pub fn most_rows(&self) -> usize {
        let rows = |one: &PlannedSlate| self.examples[one.example as usize].rows().len() + one.work_row as usize;
        self.slates.iter().map(rows).max().unwrap_or_default()
    }

    /// Takes these steps from this state.
    pub fn run(&self, steps: &[PlannedStep], state: &mut [f32]) {
        let mut work = vec![0.0; self.most_rows() * self.work_width()];
        for &step in steps {
            slate_slopes(self, step, state, &mut work);
            adagrad_step(self, step, state, &work);
        }
    }

    /// What a step goes over.
    pub fn slates_of(&self, step: PlannedStep) -> &[PlannedSlate] {
        &self.slates[step.begin as usize..][..step.count as usize]
    }
}

impl ExampleSpan {
    /// Its rows.
    pub fn rows(self) -> core::ops::Range<usize> {
        self.begin as usize..self.end as usize
    }
}
