//! The metrics for the operator's Prometheus.

use crate::{limits::too_long, with_http};
use metaserve::Role;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Follower, constant, http::get_in_the_end, raw_peer};
use prometheus_parse::{Labels, Scrape, Value};
use std::{collections::BTreeSet, net::SocketAddr};

pub(crate) async fn scrape(address: SocketAddr) -> Scrape {
    let answer = get_in_the_end(address, "/metrics").await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The sum of a metric over all of its series with this label value.
pub(crate) fn value(scrape: &Scrape, metric: &str, label: &str) -> f64 {
    sum(scrape, metric, |labels| {
        label.is_empty() || labels.values().any(|value| value == label)
    })
}

/// The sum of a metric over all of its series with these labels.
pub(crate) fn value_of(scrape: &Scrape, metric: &str, wanted: &[(&str, &str)]) -> f64 {
    sum(scrape, metric, |labels| {
        wanted
            .iter()
            .all(|(name, value)| labels.get(name) == Some(*value))
    })
}

fn sum(scrape: &Scrape, metric: &str, wanted: impl Fn(&Labels) -> bool) -> f64 {
    let series = scrape.samples.iter();
    let series = series.filter(|sample| sample.metric == metric && wanted(&sample.labels));
    let values = series.map(|sample| match sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        ref other => panic!("{metric}: {other:?}"),
    });
    values
        .reduce(|sum, value| sum + value)
        .unwrap_or_else(|| panic!("there is no {metric} with these labels"))
}

#[tokio::test]
async fn the_page_documents_exactly_the_metrics() {
    let (_daemon, address) = with_http(&[]).await;
    let page = include_str!("../../../docs/reference/metrics.md");
    let explained: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.starts_with("metaserve_") || name.starts_with("process_"))
        // The bridge's own tests compare these.
        .filter(|name| !name.starts_with("metaserve_bridge_"))
        .collect();
    let parts = ["_bucket", "_sum", "_count"];
    let scrape = scrape(address).await;
    let exist: BTreeSet<_> = scrape
        .samples
        .iter()
        .map(|sample| {
            let part = parts
                .iter()
                .find_map(|part| sample.metric.strip_suffix(part));
            part.unwrap_or(&sample.metric).to_owned()
        })
        .collect();
    assert_eq!(explained, exist);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_metrics_of_the_process_agree_with_the_system() {
    let (daemon, address) = with_http(&[]).await;
    let before = scrape(address).await;
    let files = |scrape: &Scrape| value(scrape, "process_open_fds", "");
    let directory = format!("/proc/{}", daemon.process());
    let counted = std::fs::read_dir(format!("{directory}/fd"))
        .unwrap()
        .count();
    // The test's own connections to /metrics come and go.
    assert!((files(&before) - counted as f64).abs() <= 3.0, "{counted}");
    let limits = std::fs::read_to_string(format!("{directory}/limits")).unwrap();
    let most = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let most: f64 = most
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(value(&before, "process_max_fds", ""), most);
    let status = std::fs::read_to_string(format!("{directory}/status")).unwrap();
    let resident = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: f64 = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
    let shown = value(&before, "process_resident_memory_bytes", "");
    let ratio = shown / (kilobytes * 1024.0);
    assert!((0.5..2.0).contains(&ratio), "{shown} of {kilobytes} kB");
    // The system counts in hundredths of a second, and each request takes a part of one.
    while value(&scrape(address).await, "process_cpu_seconds_total", "") == 0.0 {}
    let start = value(&before, "process_start_time_seconds", "");
    let made = std::fs::metadata(&directory).unwrap().modified().unwrap();
    let made = made
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    assert!((start - made).abs() < 3_600.0, "{start}, {made}");
}

#[tokio::test]
async fn events_are_counted() {
    let (daemon, address) = with_http(&[]).await;
    let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await).game("chess");
    tokio::spawn(publisher.run(constant("rook")));
    let mut client = Follower::new(&daemon, None).await;
    client.until_words(&["rook"]).await;
    let connection = daemon.connect(Role::Heartbeat, None).await;
    raw_peer(&connection, &too_long()).await;

    let mut counted = scrape(address).await;
    while value(&counted, "metaserve_connections", "heartbeat") > 1.0 {
        counted = scrape(address).await;
    }
    for (metric, label, expected) in [
        ("metaserve_servers", "chess", 1.0),
        ("metaserve_servers", "other", 0.0),
        ("metaserve_connections", "client", 1.0),
        ("metaserve_heartbeats_total", "accepted", 1.0),
        ("metaserve_heartbeats_rejected_total", "oversize", 1.0),
        ("metaserve_limit", "max_heartbeat", 8192.0),
        ("metaserve_bans", "", 0.0),
        ("metaserve_build_info", env!("CARGO_PKG_VERSION"), 1.0),
        ("metaserve_handshakes_total", "accepted", 3.0),
        ("metaserve_handshakes_total", "failed", 0.0),
        ("metaserve_listeners", "", 0.0),
    ] {
        assert_eq!(value(&counted, metric, label), expected, "{metric} {label}");
    }
    assert!(value(&counted, "metaserve_frames_encoded_total", "snapshot") >= 1.0);
    assert!(value(&counted, "metaserve_sent_bytes_total", "quic") >= 1.0);
}
