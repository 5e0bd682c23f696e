//! Metrics of connections: what is counted before anybody knows what is asked.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Labels;

/// The metrics of a listener.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionMetrics {
    /// Connections that have a place.
    pub(crate) open: Gauge,
    refused: Family<Labels, Counter>,
    late: Family<Labels, Counter>,
}

impl ConnectionMetrics {
    /// `limit` is `address` or `all`.
    pub(crate) fn refuse(&self, limit: &'static str) {
        self.refused.get_or_create(&vec![("limit", limit.into())]).inc();
    }

    /// `what` is `handshake`, `header`, `answer`, or `idle` for one whose place another got.
    pub(crate) fn late(&self, what: &'static str) {
        self.late.get_or_create(&vec![("what", what.into())]).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Connections at this moment", self.open.clone());
        let refused = "Connections that were hung up on, by the limit: of one address, or of all";
        registry.register("connections_refused", refused, self.refused.clone());
        let late = "Connections that were closed because they took too long, by what did";
        registry.register("connections_late", late, self.late.clone());
    }
}
