//! The results of a run, for people and for programs.

use crate::{lost::Lost, moved::Moved, options::Plan, targets::Used, which::Which};
use anyhow::bail;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::fmt;

/// The cost of the work for one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Processor seconds per second while servers changed; `None` where it is not known.
    pub(crate) cores: Option<f64>,
    /// Processor microseconds for each server that joined.
    pub(crate) micros_per_server: Option<f64>,
    /// Processor microseconds for each client that joined and received the list.
    pub(crate) micros_per_client: Option<f64>,
    /// Memory for each server that has just joined, in bytes.
    pub(crate) bytes_per_server: Option<u64>,
    /// The same at the end of measuring, if there are no clients: QUIC's queues need more memory
    /// once they have been used.
    pub(crate) bytes_per_server_at_end: Option<u64>,
    /// Memory for each client that has the list, in bytes.
    pub(crate) bytes_per_client: Option<u64>,
}

/// Quantiles, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// The quantiles of a histogram in microseconds; `None` if it is empty.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            p50: millis(0.5),
            p99: millis(0.99),
            p999: millis(0.999),
            max: histogram.max() as f64 / 1000.0,
        })
    }

    pub(crate) fn json(self) -> Value {
        let Self {
            p50,
            p99,
            p999,
            max,
        } = self;
        json!({ "p50": p50, "p99": p99, "p999": p999, "max": max })
    }
}

/// All figures of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    plan: Plan,
    pub(crate) daemon: Cost,
    pub(crate) floor: Option<Cost>,
    pub(crate) servers_per_second: f64,
    pub(crate) clients_per_second: f64,
    /// The time from a client's first packet to its complete list.
    pub(crate) first_list: Option<Latency>,
    /// What a client had received by then, including the handshake, in bytes.
    pub(crate) bytes_first_list: u64,
    /// Heartbeats that differ from the one before, per second.
    pub(crate) changes_per_second: f64,
    /// Server states sent to clients per second, all clients together.
    pub(crate) updates_per_second: f64,
    /// UDP payload that each client received, in bytes per second.
    pub(crate) bytes_per_client_second: f64,
    pub(crate) datagrams_per_client_second: f64,
    pub(crate) bytes_per_update: Option<f64>,
    /// The time from a heartbeat's creation to its arrival at a client.
    pub(crate) latency: Option<Latency>,
    /// The same where server and client are at different daemons.
    pub(crate) latency_apart: Option<Latency>,
    /// Each process that was started here.
    pub(crate) each: Vec<Used>,
    /// How long a member that joined took until its list was complete, in milliseconds.
    pub(crate) joined_ms: Option<f64>,
    /// What clients cost that come to a daemon.
    pub(crate) moved: Option<Moved>,
    /// What the loss of a member has cost.
    pub(crate) lost_member: Option<Lost>,
    /// Servers that have left lists although none has ended.
    pub(crate) removed: u64,
    /// Memory of the daemon under load, in bytes.
    pub(crate) rss_bytes: Option<u64>,
    /// The number of clients that had fallen behind and received a snapshot.
    pub(crate) snapshots: u64,
    /// The number of wrong servers in the clients' final lists, all together.
    pub(crate) lost: u64,
    /// Peers whose connection was lost.
    pub(crate) dropped: u64,
}

impl Report {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            daemon: Cost::default(),
            floor: None,
            servers_per_second: 0.0,
            clients_per_second: 0.0,
            first_list: None,
            bytes_first_list: 0,
            changes_per_second: 0.0,
            updates_per_second: 0.0,
            bytes_per_client_second: 0.0,
            datagrams_per_client_second: 0.0,
            bytes_per_update: None,
            latency: None,
            latency_apart: None,
            each: Vec::new(),
            joined_ms: None,
            moved: None,
            lost_member: None,
            removed: 0,
            rss_bytes: None,
            snapshots: 0,
            lost: 0,
            dropped: 0,
        }
    }

    /// Whether everything was delivered, and nothing else.
    fn is_sound(&self) -> bool {
        (self.lost, self.dropped, self.removed) == (0, 0, 0)
    }

    /// The daemon's cost divided by the floor's.
    fn ratio(&self, of: impl Fn(&Cost) -> Option<f64>) -> Option<f64> {
        let floor = of(self.floor.as_ref()?)?;
        (floor > 0.0 && self.is_sound()).then_some(of(&self.daemon)? / floor)
    }

    fn micros_per_client_second(&self) -> Option<f64> {
        Some(self.daemon.cores? * 1e6 / self.plan.clients as f64).filter(|it| it.is_finite())
    }

    /// All figures as one object. Rates are null when anything was lost, since they would be
    /// meaningless.
    pub(crate) fn json(&self) -> Value {
        let rate = |rate: f64| self.is_sound().then_some(rate);
        let floor = self.floor.clone().unwrap_or_default();
        let mut all = json!({
            "servers": self.plan.servers,
            "clients": self.plan.clients,
            "heartbeat_bytes": self.plan.size,
            "change": self.plan.change.0,
            "interval_seconds": self.plan.interval.as_secs_f64(),
            "seconds": self.plan.measured.as_secs_f64(),
            "lost": self.lost,
            "dropped": self.dropped,
            "snapshots": self.snapshots,
            "daemon_cores": self.daemon.cores.and_then(rate),
            "floor_cores": floor.cores,
            "ratio": self.ratio(|cost| cost.cores),
            "heartbeats_in_per_second": rate(self.changes_per_second),
            "updates_out_per_second": rate(self.updates_per_second),
            "bytes_per_client_second": rate(self.bytes_per_client_second),
            "datagrams_per_client_second": rate(self.datagrams_per_client_second),
            "bytes_per_update": self.bytes_per_update.and_then(rate),
            "micros_per_client_second": self.micros_per_client_second().and_then(rate),
            "latency_ms": self.latency.map(Latency::json),
            "latency_apart_ms": self.latency_apart.map(Latency::json),
            "removed": self.removed,
            "joined_ms": self.joined_ms,
            "moved": self.moved.as_ref().map(Moved::json),
            "processes": self.each.iter().map(Used::json).collect::<Vec<_>>(),
            "rss_bytes": self.rss_bytes,
            "bytes_per_server": self.daemon.bytes_per_server,
            "bytes_per_server_at_end": self.daemon.bytes_per_server_at_end,
            "bytes_per_client": self.daemon.bytes_per_client,
            "floor_bytes_per_server": floor.bytes_per_server,
            "floor_bytes_per_server_at_end": floor.bytes_per_server_at_end,
            "floor_bytes_per_client": floor.bytes_per_client,
            "servers_joined_per_second": self.servers_per_second,
            "clients_joined_per_second": self.clients_per_second,
            "first_list_ms": self.first_list.map(Latency::json),
            "first_list_bytes": self.bytes_first_list,
            "daemon_micros_per_server": self.daemon.micros_per_server,
            "floor_micros_per_server": floor.micros_per_server,
            "server_join_ratio": self.ratio(|cost| cost.micros_per_server),
            "daemon_micros_per_client": self.daemon.micros_per_client,
            "floor_micros_per_client": floor.micros_per_client,
            "client_join_ratio": self.ratio(|cost| cost.micros_per_client),
        });
        all["lost_member"] = json!(self.lost_member.as_ref().map(Lost::json));
        all
    }

    /// Whether everything was delivered.
    ///
    /// # Errors
    /// When it was not, with what was lost.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        if !self.is_sound() {
            bail!(
                "{} connections were lost, {} rows have left lists, and the final lists have {} \
                 wrong servers: the rates are meaningless",
                self.dropped,
                self.removed,
                self.lost
            );
        }
        Ok(())
    }
}

/// A figure with its unit, or a dash.
fn shown(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or("-".into(), |value| format!("{value:.digits$}{unit}"))
}

fn kilobytes(bytes: Option<u64>) -> String {
    shown(bytes.map(|bytes| bytes as f64 / 1000.0), 1, " KB")
}

pub(crate) fn quantiles(latency: Option<Latency>) -> String {
    let shown =
        |Latency {
             p50,
             p99,
             p999,
             max,
         }| { format!("p50 {p50:.1}, p99 {p99:.1}, p99.9 {p999:.1}, max {max:.1} ms") };
    latency.map_or("-".into(), shown)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let mut line = |what: &str, value: String| writeln!(f, "{what:28}{value}");
        line(
            "work",
            format!(
                "{} servers, {} clients, {} bytes, {} change each {:?}",
                plan.servers, plan.clients, plan.size, plan.change, plan.interval
            ),
        )?;
        line(
            "lost",
            format!(
                "{} servers in final lists, {} rows that left, {} connections; {} catch-up snapshots",
                self.lost, self.removed, self.dropped, self.snapshots
            ),
        )?;
        if !self.is_sound() {
            return Ok(());
        }
        let floor = self.floor.clone().unwrap_or_default();
        let compare = |of: fn(&Cost) -> Option<f64>, digits, unit: &str| {
            let own = shown(of(&self.daemon), digits, unit);
            match &self.floor {
                None => own,
                Some(_) => format!(
                    "{own}, floor {}, ratio {}",
                    shown(of(&floor), digits, unit),
                    shown(self.ratio(of), 2, "")
                ),
            }
        };
        if let Which::Inside | Which::Running(_) = plan.which {
            line(
                "daemon",
                "has no process of its own here: its cost is unknown".into(),
            )?;
        }
        line("daemon", compare(|cost| cost.cores, 3, " cores"))?;
        line(
            "for each client and second",
            format!(
                "{}, {:.2} KB in {:.1} datagrams",
                shown(self.micros_per_client_second(), 1, " µs"),
                self.bytes_per_client_second / 1000.0,
                self.datagrams_per_client_second
            ),
        )?;
        line(
            "heartbeats in",
            format!("{:.0} changes a second", self.changes_per_second),
        )?;
        line(
            "updates out",
            format!(
                "{:.0} a second, {} each",
                self.updates_per_second,
                shown(self.bytes_per_update, 1, " bytes")
            ),
        )?;
        line("change to client", quantiles(self.latency))?;
        if self.latency_apart.is_some() {
            line("the same at another daemon", quantiles(self.latency_apart))?;
        }
        if let Some(joined) = self.joined_ms {
            line("joining member complete", format!("after {joined:.0} ms"))?;
        }
        let memory = |of: fn(&Cost) -> Option<u64>| {
            let own = kilobytes(of(&self.daemon));
            match &self.floor {
                None => own,
                Some(floor) => format!("{own} (floor {})", kilobytes(of(floor))),
            }
        };
        line(
            "memory of the daemon",
            format!(
                "{} in all; {} for a server that has come, {} at the end; {} for a client",
                shown(self.rss_bytes.map(|it| it as f64 / 1e6), 1, " MB"),
                memory(|cost| cost.bytes_per_server),
                memory(|cost| cost.bytes_per_server_at_end),
                memory(|cost| cost.bytes_per_client)
            ),
        )?;
        line(
            "servers joined",
            format!(
                "{:.0} a second; {}",
                self.servers_per_second,
                compare(|cost| cost.micros_per_server, 0, " µs")
            ),
        )?;
        line(
            "clients joined",
            format!(
                "{:.0} a second; {}",
                self.clients_per_second,
                compare(|cost| cost.micros_per_client, 0, " µs")
            ),
        )?;
        line(
            "first complete list",
            format!(
                "{:.1} KB; {}",
                self.bytes_first_list as f64 / 1000.0,
                quantiles(self.first_list)
            ),
        )?;
        for (kind, visits) in self.moved.iter().flat_map(Moved::kinds) {
            line(kind, visits.to_string())?;
        }
        if let Some(lost) = &self.lost_member {
            line("clients of a lost member", lost.to_string())?;
        }
        // A single one has its figures above.
        for used in self.each.iter().filter(|_| self.each.len() > 1) {
            let memory = used.resident.map(|bytes| bytes as f64 / 1e6);
            let (cores, memory) = (shown(used.cores, 4, ""), shown(memory, 1, ""));
            line(&used.name, format!("{cores:>9} cores {memory:>9} MB"))?;
        }
        Ok(())
    }
}
