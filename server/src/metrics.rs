//! What an operator watches, in Prometheus' format. Nothing here is about one upload or one device.

use std::{sync::Mutex, time::Duration};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::listen::Connections;

mod connections;
mod helper;

pub(crate) use connections::ConnectionMetrics;
pub(crate) use helper::{HelperGauges, HelperMetrics};

type Labels = Vec<(&'static str, String)>;

/// How a task stands when it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaderGauges {
    /// The number of the open round; 0 for none.
    pub(crate) round: u32,
    /// Its uploads.
    pub(crate) uploads: u32,
    /// How many close it.
    pub(crate) goal: u32,
    /// How long it has been open.
    pub(crate) age_s: u64,
    /// The round that made the current head.
    pub(crate) head: u32,
}

/// The metrics of a leader's process.
pub struct Metrics {
    registry: Mutex<Registry>,
    uploads: Family<Labels, Counter>,
    rounds: Family<Labels, Counter>,
    alarms: Family<Labels, Counter>,
    limited: Counter,
    logins: Counter,
    closing: Histogram,
    store: Histogram,
    gauges: [Family<Labels, Gauge>; 5],
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("privet");
        let (uploads, rounds) = (Family::default(), Family::default());
        let (limited, logins) = (Counter::default(), Counter::default());
        let alarms = Family::<Labels, Counter>::default();
        registry.register("uploads", "Uploads by outcome: new, known, or the code of a refusal", uploads.clone());
        registry.register("rounds", "Rounds that are over, by outcome: closed, held, ended", rounds.clone());
        registry.register(
            "alarms",
            "What an operator has to look at: head-held, or the code of a refusal",
            alarms.clone(),
        );
        registry.register("rate_limited", "Requests of addresses that asked too often", limited.clone());
        registry.register("logins_failed", "Requests under /v1/admin with another token or none", logins.clone());
        // From half a millisecond, doubled, to 16 s.
        let histogram = || Histogram::new((0..16).map(|power| 0.0005 * f64::from(1 << power)));
        let (closing, store) = (histogram(), histogram());
        registry.register("closing_seconds", "From the last upload's refusal to the next head", closing.clone());
        registry.register("store_seconds", "A transaction that adds uploads", store.clone());
        let gauges = [
            ("round", "The number of the open round; 0 for none"),
            ("round_uploads", "Uploads of the open round"),
            ("round_goal", "Uploads that close the open round"),
            ("round_age_seconds", "How long the round has been open"),
            ("head_round", "The round that made the current head"),
        ];
        let gauges = gauges.map(|(name, help)| {
            let gauge = Family::<Labels, Gauge>::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        Self { registry: Mutex::new(registry), uploads, rounds, alarms, limited, logins, closing, store, gauges }
    }
}

impl Metrics {
    pub(crate) fn upload(&self, outcome: &'static str) {
        self.uploads.get_or_create(&vec![("outcome", outcome.into())]).inc();
    }

    pub(crate) fn round(&self, task: &str, outcome: &'static str) {
        self.rounds.get_or_create(&vec![("task", task.into()), ("outcome", outcome.into())]).inc();
    }

    pub(crate) fn alarm(&self, task: &str, what: &'static str) {
        self.alarms.get_or_create(&vec![("task", task.into()), ("what", what.into())]).inc();
    }

    pub(crate) fn limited(&self) {
        self.limited.inc();
    }

    pub(crate) fn login_failed(&self) {
        self.logins.inc();
    }

    /// What a listener counts is printed, too.
    pub fn watch(&self, connections: &Connections) {
        connections.metrics().register(&mut self.registry.lock().expect("nobody panics with it"));
    }

    pub(crate) fn closed_in(&self, took: Duration) {
        self.closing.observe(took.as_secs_f64());
    }

    pub(crate) fn stored_in(&self, took: Duration) {
        self.store.observe(took.as_secs_f64());
    }

    /// All metrics as text, with how each task stands now.
    pub(crate) fn text(&self, tasks: &[(String, LeaderGauges)]) -> String {
        for (task, gauges) in tasks {
            let &LeaderGauges { round, uploads, goal, age_s, head } = gauges;
            let values = [round.into(), uploads.into(), goal.into(), age_s as i64, head.into()];
            for (gauge, value) in self.gauges.iter().zip(values) {
                gauge.get_or_create(&vec![("task", task.clone())]).set(value);
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().expect("nobody panics with it")).expect("a string takes all");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_printed_with_its_labels() {
        let metrics = Metrics::default();
        metrics.upload("new");
        metrics.upload("new");
        metrics.upload("seal-broken");
        metrics.round("demo", "closed");
        metrics.stored_in(Duration::from_millis(3));
        metrics.closed_in(Duration::from_millis(3));
        let gauges = LeaderGauges { round: 4, uploads: 17, goal: 100, age_s: 60, head: 3 };
        let text = metrics.text(&[("demo".into(), gauges)]);
        for line in [
            "privet_uploads_total{outcome=\"new\"} 2",
            "privet_uploads_total{outcome=\"seal-broken\"} 1",
            "privet_rounds_total{task=\"demo\",outcome=\"closed\"} 1",
            "privet_store_seconds_count 1",
            "privet_closing_seconds_count 1",
            "privet_round{task=\"demo\"} 4",
            "privet_round_uploads{task=\"demo\"} 17",
            "privet_round_goal{task=\"demo\"} 100",
            "privet_round_age_seconds{task=\"demo\"} 60",
            "privet_head_round{task=\"demo\"} 3",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
    }
}
