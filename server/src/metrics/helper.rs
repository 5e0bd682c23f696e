//! What a helper's operator watches.

use std::sync::Mutex;

use privet::{Error, Result};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Labels;
use crate::{
    listen::Connections,
    peer::{Ask, Verdict},
};

/// How a task stands at the helper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HelperGauges {
    /// The number of the newest round; 0 for none.
    pub(crate) round: u32,
    /// Its uploads that are in batches.
    pub(crate) agreed: u32,
}

/// The metrics of a helper's process.
pub(crate) struct HelperMetrics {
    registry: Mutex<Registry>,
    asked: Family<Labels, Counter>,
    shares: Family<Labels, Counter>,
    gauges: [Family<Labels, Gauge>; 2],
}

impl Default for HelperMetrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("privet");
        let (asked, shares) = (Family::default(), Family::default());
        let help = "Requests by what is asked (task, round, shares, batch, closing, head) and outcome: ok, or a code";
        registry.register("helper_requests", help, asked.clone());
        registry.register("helper_shares", "Shares by verdict: held, broken, conflict, over", shares.clone());
        let gauges = [
            ("helper_round", "The number of the newest round; 0 for none"),
            ("helper_round_agreed", "Uploads of the newest round that are in batches"),
        ];
        let gauges = gauges.map(|(name, help)| {
            let gauge = Family::<Labels, Gauge>::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        Self { registry: Mutex::new(registry), asked, shares, gauges }
    }
}

impl HelperMetrics {
    /// A request that was the leader's, and the verdicts over its shares.
    pub(crate) fn answered(&self, ask: Ask, answer: &Result<Vec<u8>>) {
        self.asked(Some(ask), answer.as_ref().map_or_else(Error::code, |_| "ok"));
        let verdicts = answer.iter().filter(|_| ask == Ask::Shares).flatten();
        for verdict in verdicts.filter_map(|&byte| Verdict::of(byte).ok()) {
            let verdict = format!("{verdict:?}").to_lowercase();
            self.shares.get_or_create(&vec![("verdict", verdict)]).inc();
        }
    }

    /// `ask` is none where nobody knows who asked.
    pub(crate) fn asked(&self, ask: Option<Ask>, outcome: &'static str) {
        let ask = ask.map_or("none", Ask::name);
        self.asked.get_or_create(&vec![("ask", ask.into()), ("outcome", outcome.into())]).inc();
    }

    pub(crate) fn watch(&self, connections: &Connections) {
        connections.metrics().register(&mut self.registry.lock().expect("nobody panics with it"));
    }

    /// All metrics as text, with how each task stands now.
    pub(crate) fn text(&self, tasks: &[(String, HelperGauges)]) -> String {
        for (task, gauges) in tasks {
            let &HelperGauges { round, agreed } = gauges;
            for (gauge, value) in self.gauges.iter().zip([round, agreed]) {
                gauge.get_or_create(&vec![("task", task.clone())]).set(value.into());
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
    use crate::Refusal;

    #[test]
    fn every_metric_is_printed_with_its_labels() {
        let metrics = HelperMetrics::default();
        metrics.answered(Ask::Closing, &Ok(vec![Verdict::Held as u8]));
        metrics.answered(Ask::Batch, &Err(Refusal::StoreFailed.into()));
        metrics.asked(None, "not-authorised");
        metrics.answered(Ask::Shares, &Ok(vec![Verdict::Held as u8, Verdict::Held as u8, Verdict::Broken as u8, 77]));
        let text = metrics.text(&[("demo".into(), HelperGauges { round: 4, agreed: 17 })]);
        for line in [
            "privet_helper_requests_total{ask=\"closing\",outcome=\"ok\"} 1",
            "privet_helper_requests_total{ask=\"none\",outcome=\"not-authorised\"} 1",
            "privet_helper_requests_total{ask=\"batch\",outcome=\"store-failed\"} 1",
            "privet_helper_requests_total{ask=\"shares\",outcome=\"ok\"} 1",
            "privet_helper_shares_total{verdict=\"held\"} 2",
            "privet_helper_shares_total{verdict=\"broken\"} 1",
            "privet_helper_round{task=\"demo\"} 4",
            "privet_helper_round_agreed{task=\"demo\"} 17",
        ] {
            assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
        }
    }
}
