//! `privet plan`: machines for so many devices, from what an upload was measured to cost.

use clap::Args;
use privet::Upload;

use super::{Done, say};

/// Print the machines, bandwidth and writes that a number of devices need, one upload each a week.
#[derive(Args)]
pub(crate) struct Plan {
    /// Devices that contribute once a week; a tenth and ten times as many are planned beside them.
    #[arg(long, default_value_t = 10_000_000)]
    devices: u64,
    /// How much more than the mean arrives in the busiest hour.
    #[arg(long, default_value_t = 4.0)]
    peak: f64,
}

/// What an upload of 2,048 entries costs in `split` mode, as `cargo xtask bench server` prints it.
struct Cost {
    role: &'static str,
    /// `processor_us_split_…`.
    processor_us: f64,
    /// `written_bytes_split_…`.
    written_bytes: f64,
}

const COSTS: [Cost; 2] = [
    Cost { role: "leader", processor_us: PROCESSOR_US[0], written_bytes: WRITTEN_BYTES[0] },
    Cost { role: "helper", processor_us: PROCESSOR_US[1], written_bytes: WRITTEN_BYTES[1] },
];
const PROCESSOR_US: [f64; 2] = [251.5, 174.0];
const WRITTEN_BYTES: [f64; 2] = [9852.1, 9937.1];
/// Cores are planned to be busy this much at the peak.
const BUSY: f64 = 0.5;
const WEEK_S: f64 = 7.0 * 24.0 * 3600.0;
/// The rounds of a week take this many uploads each: what the ring leaves room for at a grid of 2^14 and C = 1.
const ROUND: u64 = 100_000;

impl Plan {
    pub(crate) fn run(self) -> Done {
        let (task, _) = privet_server::Task::demo(privet::Mode::Split, 100).map_err(|error| error.to_string())?;
        let task = privet_server::Task { dimension: 2048, ..task };
        let operator = || privet::Operator::new("someone", [0; 32]);
        let round = task.round(1, [0; 32], 0, operator(), Some(operator()));
        // A share and its id, and then the id once more in its batch.
        let sizes = [Upload::size(&round) as f64, 96.0 + 16.0];
        let peak = self.peak;
        say(format!(
            "2,048 entries, split, an upload a device a week, {peak} times the mean at the peak, cores half busy"
        ))?;
        say("| devices | role | uploads/s, mean | at the peak | cores | Mbit/s in | MB/s written | rounds a week |")?;
        say("|---|---|---|---|---|---|---|---|")?;
        for devices in [self.devices / 10, self.devices, self.devices.saturating_mul(10)] {
            for (Cost { role, processor_us, written_bytes }, size) in COSTS.iter().zip(sizes) {
                let mean = devices as f64 / WEEK_S;
                let most = mean * peak;
                let cores = (most * processor_us / 1e6 / BUSY).max(1.0).ceil();
                let (inwards, written) = (most * size * 8.0 / 1e6, most * written_bytes / 1e6);
                let rounds = devices.div_ceil(ROUND);
                say(format!(
                    "| {devices} | {role} | {mean:.1} | {most:.1} | {cores} | {inwards:.1} | {written:.2} | {rounds} |"
                ))?;
            }
        }
        Ok(())
    }
}
