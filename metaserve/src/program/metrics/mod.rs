//! What the metrics of all programs have in common: the [process](Process), gauges of what
//! [exists](Counted), and the form in which Prometheus reads them. Each program declares its own.

mod counted;
mod process;

pub use counted::Counted;
pub use process::Process;

use prometheus_client::{encoding, registry::Registry};

/// Names and values that distinguish the series of one metric. There are few values, and no peer
/// chooses them.
pub type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The type of [`text`], as HTTP says it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a registry, as text for Prometheus.
#[must_use]
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // A String takes any text.
    let _ = encoding::text::encode(&mut text, registry);
    text
}
