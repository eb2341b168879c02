//! What the rest of the daemon sees of its cluster: the driver writes it, everybody reads it.

#[cfg(feature = "cluster")]
use super::Status;
use super::{MemberStatus, Role, State};
use crate::settings::Cluster;
use metaserve::list::Origin;
use parking_lot::Mutex;
use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// The cluster as the driver has seen it last.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) role: Role,
    /// The cluster's name, and this member's.
    pub(crate) names: [String; 2],
    keep: Mutex<Duration>,
    joined: CancellationToken,
    now: Mutex<Arc<Seen>>,
}

/// The cluster at one time.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) members: Vec<MemberStatus>,
    /// This daemon hears too few of the others.
    pub(crate) cut_off: bool,
    /// Since when no member has been heard; none while one is heard.
    alone_since: Option<Instant>,
    /// Whether a member has ever been heard.
    has_heard: bool,
    /// The runs whose servers are shown although they are not heard.
    stale: HashSet<(Arc<str>, u64)>,
    /// Changes with `stale`.
    pub(crate) version: u64,
}

impl View {
    pub(crate) fn new(settings: &Cluster) -> Self {
        let member = settings.member.as_ref();
        Self {
            role: Role::of(settings.role),
            names: [
                settings.name.to_string(),
                member.map(ToString::to_string).unwrap_or_default(),
            ],
            keep: Mutex::new(settings.live.keep),
            joined: CancellationToken::new(),
            now: Mutex::default(),
        }
    }

    /// Waits until the list is as complete as it is going to be. Cancel-safe.
    pub(crate) async fn joined(&self) {
        self.joined.cancelled().await;
    }

    /// Whether the list is as complete as it is going to be.
    pub(crate) fn is_joined(&self) -> bool {
        self.joined.is_cancelled()
    }

    /// The cluster as it was seen last.
    pub(crate) fn seen(&self) -> Arc<Seen> {
        self.now.lock().clone()
    }

    /// Whether this is an edge that should be left by balancers: it shows what it may not keep any
    /// longer, or has never had anything to show.
    pub(crate) fn is_empty_edge(&self, now: Instant) -> bool {
        let (seen, keep) = (self.seen(), *self.keep.lock());
        let gone = |since| !seen.has_heard || now.saturating_duration_since(since) >= keep;
        self.role == Role::Edge && seen.alone_since.is_some_and(gone)
    }
}

/// What the driver writes.
#[cfg(feature = "cluster")]
impl View {
    /// The list is as complete as it is going to be.
    pub(super) fn join(&self) {
        self.joined.cancel();
    }

    /// The settings have changed.
    pub(super) fn set_keep(&self, keep: Duration) {
        *self.keep.lock() = keep;
    }

    /// Takes in what the node says now.
    pub(super) fn see(&self, status: Status, now: Instant) {
        let mut seen = self.now.lock();
        let shown = |state| matches!(state, State::Held | State::Kept);
        let stale = status.members.iter().filter(|it| shown(it.state));
        let stale: HashSet<_> = stale.map(|it| (it.name.clone(), it.run)).collect();
        let heard = |it: &MemberStatus| it.role == Role::Member && it.state.is_heard();
        let hears = status.members.iter().any(heard);
        let since = seen.alone_since.unwrap_or(now);
        *seen = Arc::new(Seen {
            version: seen.version + u64::from(stale != seen.stale),
            members: status.members,
            cut_off: status.cut_off,
            alone_since: (!hears).then_some(since),
            has_heard: seen.has_heard || hears,
            stale,
        });
    }
}

impl Seen {
    /// The number of members in one of these states, edges not counted.
    pub(crate) fn count(&self, states: &[State]) -> usize {
        let members = self.members.iter().filter(|it| it.role == Role::Member);
        members.filter(|it| states.contains(&it.state)).count()
    }

    /// Whether a server is shown although its member is not heard.
    pub(crate) fn is_stale(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Here => false,
            Origin::Member(member) => {
                !self.stale.is_empty() && self.stale.contains(&(member.name.clone(), member.run))
            }
        }
    }

    /// In one line, for people and scripts.
    pub(crate) fn summary(&self) -> String {
        let heard = self.count(&[State::Heard, State::Syncing]);
        let [held, kept] = [State::Held, State::Kept].map(|state| self.count(&[state]));
        format!("cluster: {{\"heard\": {heard}, \"held\": {held}, \"kept\": {kept}}}")
    }
}

#[cfg(all(feature = "cluster", test))]
mod tests {
    use super::*;
    use crate::settings::ClusterRole;
    use metaserve::{list::MemberRun, program::settings::Settings as _};

    fn view(role: ClusterRole) -> View {
        let mut settings = crate::Settings::defaults().cluster;
        settings.role = role;
        settings.live.keep = Duration::from_secs(60);
        View::new(&settings)
    }

    fn status(states: &[(&str, State)]) -> Status {
        let members = states.iter().map(|(name, state)| MemberStatus {
            name: (*name).into(),
            run: 1,
            role: Role::Member,
            state: *state,
            servers: 0,
            clients: 0,
            lag: Duration::ZERO,
        });
        Status {
            members: members.collect(),
            ..Status::default()
        }
    }

    fn start() -> Instant {
        metaserve::time::now()
    }

    #[test]
    fn servers_of_members_that_are_not_heard_are_stale() {
        let view = view(ClusterRole::Member);
        view.see(
            status(&[
                ("a", State::Heard),
                ("b", State::Held),
                ("c", State::Kept),
                ("d", State::Syncing),
            ]),
            start(),
        );
        let seen = view.seen();
        let from = |name: &str, run| {
            let name = name.into();
            Origin::Member(Arc::new(MemberRun { name, run }))
        };
        for (origin, is_stale) in [
            (Origin::Here, false),
            (from("a", 1), false),
            (from("b", 1), true),
            (from("b", 2), false),
            (from("c", 1), true),
        ] {
            assert_eq!(seen.is_stale(&origin), is_stale, "{origin:?}");
        }
        assert_eq!(
            seen.summary(),
            r#"cluster: {"heard": 2, "held": 1, "kept": 1}"#
        );
        view.see(status(&[("a", State::Heard)]), start());
        assert_eq!(view.seen().version, seen.version + 1);
    }

    #[test]
    fn an_edge_without_members_is_left_after_a_while_and_at_the_start() {
        let edge = view(ClusterRole::Edge);
        let (start, second) = (start(), Duration::from_secs(1));
        edge.see(status(&[]), start);
        assert!(edge.is_empty_edge(start));
        edge.see(status(&[("a", State::Heard)]), start);
        assert!(!edge.is_empty_edge(start));
        for seconds in 1..60 {
            edge.see(status(&[("a", State::Kept)]), start + second * seconds);
        }
        assert!(!edge.is_empty_edge(start + second * 60));
        assert!(edge.is_empty_edge(start + second * 61));
        let member = view(ClusterRole::Member);
        member.see(status(&[]), start);
        assert!(!member.is_empty_edge(start + second * 600));
    }
}
