//! Says what happens in the cluster: to the log, in words, and to the metrics.

use super::{
    Event, Refusal, Role, State, Status,
    nats::{Failure, Link, Nats, explain, missing_right},
};
use crate::{
    settings::{Cluster, Terms},
    shared::Shared,
};
use humantime::format_duration;
use std::collections::BTreeSet;

/// What has been said already.
pub(super) struct Report {
    pub(super) terms: Terms,
    /// Why servers could not be reached, since the connection was lost.
    failures: BTreeSet<String>,
    /// What NATS complained of, in this connection.
    complaints: BTreeSet<String>,
    left_out: usize,
}

impl Report {
    pub(super) fn new(shared: &Shared) -> Self {
        let settings = &shared.settings;
        for note in settings.cluster.unprotected() {
            tracing::warn!("the list may be read and changed on its way: {note} has no TLS");
        }
        Self {
            terms: shared.rules().terms,
            failures: BTreeSet::new(),
            complaints: BTreeSet::new(),
            left_out: 0,
        }
    }

    /// The connection has changed.
    pub(super) fn link(&mut self, link: Link, nats: &Nats) {
        self.failures.clear();
        self.complaints.clear();
        if link.is_up {
            let server = nats.server_name();
            tracing::info!("connected to the NATS server {server}");
        } else if link.is_narrow {
            let (server, most) = (nats.server_name(), link.max_payload);
            tracing::error!(
                "the NATS server {server} is not used, since it takes messages of {most} bytes at most: \
                 set its max_payload to 1MB"
            );
        } else if link.connections > 0 {
            let keep = format_duration(self.terms.keep);
            tracing::warn!(
                "lost NATS: servers of other members stay as they are for {keep}; see whether a NATS \
                 server of --cluster runs, and can be reached"
            );
        }
    }

    /// Why servers cannot be reached: each reason once, until there is a connection.
    pub(super) fn failures(&mut self, failures: &[Failure], settings: &Cluster) {
        for Failure { server, why } in failures {
            let why = explain(why, settings);
            if self.failures.insert(format!("{server} {why}")) {
                tracing::warn!("cannot reach the NATS server {server}: {why}");
            }
        }
    }

    /// What the NATS server complains of: each complaint once for each connection.
    pub(super) fn complaints(&mut self, complaints: &[String]) {
        for complaint in complaints {
            if !self.complaints.insert(complaint.clone()) {
                continue;
            }
            match missing_right(complaint) {
                Some(right) => tracing::error!("a right is missing: {right}"),
                None => tracing::warn!("a problem with NATS: {complaint}"),
            }
        }
    }

    /// Logs and counts what has happened. Returns whether other bans are in force.
    pub(super) fn tell(&mut self, events: Vec<Event>, shared: &Shared, status: &Status) -> bool {
        let metrics = shared.metrics.cluster();
        let mut bans = false;
        for event in events {
            match event {
                Event::Member {
                    name,
                    run,
                    role: Role::Member,
                    state,
                } => self.member(&name, state, is_back(&name, run, status)),
                Event::Member {
                    name,
                    role: Role::Edge,
                    state,
                    ..
                } => edge(&name, state),
                Event::Gap { name } => {
                    metrics.gap();
                    tracing::debug!("changes of member {name} are missing");
                }
                Event::Sync { name, why } => {
                    metrics.sync(why);
                    tracing::debug!("asking member {name} for its servers: {}", why.name());
                }
                Event::Lag { lag, .. } => metrics.lag(lag),
                Event::Refused { subject, why } => {
                    metrics.refused(why);
                    let words = why.in_words();
                    match why {
                        Refusal::Empty => {
                            tracing::debug!("dropped a message on {subject}: {words}")
                        }
                        _ => tracing::warn!("dropped a message on {subject}: {words}"),
                    }
                }
                Event::Bans => bans = true,
                Event::CutOff(is_cut_off) => self.cut_off(is_cut_off),
                Event::Rival(rival) => self.rival(rival),
                Event::Joined { complete: true } => {
                    tracing::info!("joined the cluster: the list is complete");
                }
                Event::Joined { complete: false } => tracing::warn!(
                    "joined the cluster with an incomplete list: NATS cannot be reached, or a member \
                     does not answer; its servers follow when it does"
                ),
            }
        }
        metrics.members(&status.members);
        let left_out = shared.registry.left_out();
        shared
            .metrics
            .left_out(left_out.saturating_sub(self.left_out));
        self.left_out = left_out;
        bans
    }

    fn member(&self, name: &str, state: State, is_back: bool) {
        let [hold, keep] = [self.terms.hold, self.terms.keep].map(format_duration);
        match state {
            State::Heard => tracing::info!("the member {name} is heard, and its servers are known"),
            State::Syncing => {
                tracing::debug!("the member {name} is heard, and asked for its servers")
            }
            State::Held => tracing::warn!(
                "the member {name} has left or is lost: its servers stay for {hold}; see whether it \
                 runs, and reaches NATS"
            ),
            State::Kept => tracing::warn!(
                "the member {name} is not heard while this daemon is cut off: its servers stay for {keep}"
            ),
            State::Gone if is_back => tracing::info!(
                "the hold after a restart of the member {name} is over: those of its servers that are \
                 nowhere now have left the list"
            ),
            State::Gone => tracing::warn!(
                "the member {name} has not come back: those of its servers that are nowhere else have \
                 left the list"
            ),
        }
    }

    fn cut_off(&self, is_cut_off: bool) {
        let keep = format_duration(self.terms.keep);
        match is_cut_off {
            true => tracing::warn!(
                "cut off from the cluster: this daemon keeps the servers of others for {keep}; see \
                 whether it reaches NATS"
            ),
            false => tracing::info!("not cut off from the cluster any more"),
        }
    }

    fn rival(&self, rival: Option<u64>) {
        match rival {
            Some(_) => tracing::error!(
                "another daemon has the name of this member, so this one shares no servers: give it \
                 another name with --cluster-member"
            ),
            None => tracing::info!("no other daemon has the name of this member any more"),
        }
    }
}

/// Whether another run of the same member is heard.
fn is_back(name: &str, run: u64, status: &Status) -> bool {
    let mut members = status.members.iter();
    members.any(|it| {
        it.role == Role::Member && &*it.name == name && it.run != run && it.state.is_heard()
    })
}

/// An edge has no servers that could be missing.
fn edge(name: &str, state: State) {
    match state {
        State::Heard | State::Syncing => tracing::info!("the edge {name} is heard"),
        State::Held | State::Kept => {
            tracing::warn!(
                "the edge {name} has left or is lost; see whether it runs, and reaches NATS"
            );
        }
        State::Gone => tracing::info!("the edge {name} has not come back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::MemberStatus;
    use std::time::Duration;

    #[test]
    fn a_member_is_back_when_another_run_of_it_is_heard() {
        let member = |name: &str, run, role, state| MemberStatus {
            name: name.into(),
            run,
            role,
            state,
            servers: 0,
            clients: 0,
            lag: Duration::ZERO,
        };
        let status = |members| Status {
            members,
            ..Status::default()
        };
        let back = status(vec![
            member("a", 1, Role::Member, State::Gone),
            member("a", 2, Role::Member, State::Syncing),
        ]);
        assert!(is_back("a", 1, &back));
        assert!(!is_back("a", 2, &back));
        assert!(!is_back("b", 1, &back));
        let lost = status(vec![
            member("a", 2, Role::Member, State::Held),
            member("a", 3, Role::Edge, State::Heard),
        ]);
        assert!(!is_back("a", 1, &lost));
    }
}
