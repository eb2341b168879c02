//! One member: its registry, what is connected to it, and what it has heard of others.

use super::{
    super::{
        Verdict,
        shown::{Row, Rows, shown},
        truth::{Link, Truth, Who},
    },
    game, host,
    message::Message,
};
use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    Fingerprint, Game,
    feed::{self, Beat, Feed, Feeds, Subscription},
    list::{Clock, MemberRun, Origin, Revision, Server, Stamp, Stated},
    registry::{Registration, Registry, Replica},
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// That of the cluster.
const EPOCH: u64 = 77;

const TICK: Duration = Duration::from_millis(100);

/// The length of the heartbeats of long servers.
const BALLAST: usize = 2000;

/// What was heard of one run of another member.
pub(super) struct Heard {
    pub(super) from: usize,
    whose: Arc<MemberRun>,
    replica: Replica,
    at: Revision,
    /// The same as the replica.
    statements: BTreeMap<u64, Stated>,
    /// All that its clients were told up to this time is known here.
    upto: Stamp,
    /// The same of its latest beat, when this revision is reached.
    coming: (Revision, Stamp),
}

/// A run, as others name it.
fn named(run: u64) -> MemberRun {
    let name = "member".into();
    MemberRun { name, run }
}

impl Heard {
    pub(super) fn run(&self) -> u64 {
        self.whose.run
    }
}

struct Speaker {
    registration: Registration,
    link: Link,
    who: Who,
}

pub(super) struct Member {
    run: u64,
    registry: Arc<Registry>,
    feeds: Arc<Feeds>,
    own: Subscription,
    speakers: Vec<Speaker>,
    /// Servers that stay, and make snapshots long.
    ballast: Vec<Registration>,
    /// What its own feed must show.
    truth: Truth,
    heard: Vec<Heard>,
    hidden: Option<u8>,
    start: Instant,
    ticks: u32,
}

impl Member {
    pub(super) fn new(run: u64) -> Self {
        // No two runs have the same tag.
        let clock = Arc::new(Clock::new(run as u16));
        let feeds = Feeds::clustered(clock.clone());
        feeds.set_epoch(EPOCH);
        let registry = Registry::clustered(usize::MAX, vec![feeds.clone()], clock);
        registry.has_own(&named(run));
        let mut member = Self {
            run,
            own: registry.own().subscribe(None),
            registry,
            feeds,
            speakers: Vec::new(),
            ballast: Vec::new(),
            truth: Truth::default(),
            heard: Vec::new(),
            hidden: None,
            start: metaserve::time::now(),
            ticks: 0,
        };
        [0, 1].into_iter().for_each(|it| member.load(&game(it)));
        member
    }

    /// Has a long server without an identity.
    fn load(&mut self, game: &Game) {
        let address = SocketAddr::new([198, 51, 100, self.run as u8].into(), self.run as u16);
        let registration = self.registry.register(game, address, None);
        let registration = registration.expect("no limit");
        let truth = self.truth.register(usize::MAX, game, address, None);
        let heartbeat = Bytes::from(format!("{game} of {}{:BALLAST$}", self.run, ""));
        registration.heartbeat(heartbeat.clone());
        self.truth.heartbeat(truth.expect("no limit").0, heartbeat);
        self.ballast.push(registration);
    }

    pub(super) fn run(&self) -> u64 {
        self.run
    }

    pub(super) fn speakers(&self) -> usize {
        self.speakers.len()
    }

    pub(super) fn register(
        &mut self,
        game: &Game,
        address: SocketAddr,
        identity: Option<Fingerprint>,
        speaks: bool,
    ) {
        let registration = self.registry.register(game, address, identity);
        let registration = registration.expect("no limit");
        let truth = self.truth.register(usize::MAX, game, address, identity);
        let (link, who) = truth.expect("no limit");
        self.speakers.push(Speaker {
            registration,
            link,
            who,
        });
        if speaks {
            let _ = self.heartbeat(self.speakers.len() - 1, 0);
        }
    }

    pub(super) fn heartbeat(&mut self, speaker: usize, text: u8) -> Verdict {
        let speaker = &self.speakers[speaker];
        let heartbeat: Bytes = format!("{} of {}: {text}", speaker.who, self.run).into();
        let expected = self.truth.heartbeat(speaker.link, heartbeat.clone());
        prop_assert_eq!(speaker.registration.heartbeat(heartbeat), expected);
        Ok(())
    }

    pub(super) fn move_to(&mut self, speaker: usize, address: SocketAddr) {
        let speaker = &self.speakers[speaker];
        self.truth.move_to(speaker.link, address);
        speaker.registration.move_to(address);
    }

    pub(super) fn leave(&mut self, speaker: usize) {
        let speaker = self.speakers.swap_remove(speaker);
        self.truth.leave(speaker.link);
    }

    pub(super) fn hide(&mut self, hidden: Option<u8>) {
        self.hidden = hidden;
        let which = hidden.map_or(String::new(), |host| host.to_string());
        self.registry.set_hidden(&which, move |ip| {
            Some(host(SocketAddr::new(ip, 1))) == hidden
        });
    }

    /// What it knows: what its own servers say, and what others have stated.
    fn statements(&self) -> Vec<(u64, Stated)> {
        let own = self.registry.own().servers();
        let own = own.into_iter().map(|server| (self.run, server.into()));
        let others = self.heard.iter().flat_map(|heard| {
            let all = heard.statements.values();
            all.map(|stated| (heard.run(), stated.clone()))
        });
        own.chain(others).collect()
    }

    /// Ends what has lost twice in a row to a member that is heard. The losers are those whose
    /// address is not shown, though somebody else's of its family is, or another game.
    pub(super) fn settle(&mut self, heard: bool) -> Verdict {
        self.ticks += 1;
        let now = self.start + TICK * self.ticks;
        let is_lost =
            |registration: &Registration| registration.replaced().now_or_never().is_some();
        let before: Vec<_> = self
            .speakers
            .iter()
            .map(|it| is_lost(&it.registration))
            .collect();
        self.registry.settle_lost(now, TICK, |_| heard);
        for (speaker, before) in self.speakers.iter().zip(before) {
            if !before && is_lost(&speaker.registration) {
                prop_assert!(heard, "nobody was heard");
                self.truth.leave(speaker.link);
            }
        }
        Ok(())
    }

    /// Takes in all changes, of its own feed or of what clients are shown.
    pub(super) fn flush(&mut self, own: bool) {
        let done = match own {
            true => self.registry.settle_own(),
            false => self.feeds.settle(),
        };
        assert!(done, "nothing is going on");
    }

    /// What its own feed has to say since the last time.
    pub(super) fn publish(&mut self) -> Option<Message> {
        let frame = self.own.next().now_or_never()?;
        Some(Message::of(self.run, self.registry.clock().now(), &frame))
    }

    /// What it has stated since this revision, or all.
    pub(super) fn since(&self, known: Option<Revision>) -> Message {
        let frame = self.registry.own().frame(known);
        Message::of(self.run, self.registry.clock().now(), &frame)
    }

    /// What it has not said yet, and how far it is.
    pub(super) fn beat(&mut self) -> (Option<Message>, Message) {
        let clock = self.registry.clock().clone();
        let upto = clock.now();
        self.flush(true);
        let changes = self.publish();
        let basis = self.feeds.basis().expect("it is a member");
        let stable = self.stable().min(upto);
        let beat = Beat {
            run: self.run,
            clock: clock.advance(),
            upto,
            stable,
            view: basis.view,
            since: basis.since,
        };
        let at = self.registry.own().revision();
        let beat = Message {
            run: self.run,
            clock: beat.clock,
            from: Some(at),
            to: at,
            removed: Vec::new(),
            listed: Vec::new(),
            updated: Vec::new(),
            beat: Some(beat),
        };
        (changes, beat)
    }

    /// How far it has heard all others.
    fn stable(&self) -> Stamp {
        let all = self.heard.iter().map(|heard| heard.upto);
        all.min().unwrap_or(Stamp(u64::MAX))
    }

    fn tell_stable(&self) {
        self.feeds.heard(feed::Heard {
            all: self.stable(),
            silent: Stamp(u64::MAX),
        });
    }

    pub(super) fn feed(&self, game: Option<&Game>) -> Arc<Feed> {
        self.feeds.of(game)
    }

    /// The revision at which it knows a run of another member.
    pub(super) fn knows(&self, run: u64) -> Option<Revision> {
        let known = self.heard.iter().find(|it| it.run() == run);
        known.map(|heard| heard.at)
    }

    pub(super) fn hear(&mut self, from: usize, message: Message) {
        let _ = self.registry.clock().witness(message.clock);
        if let Some(beat) = message.beat {
            let name = message.run.to_string();
            self.feeds
                .beat_of(&name, message.run as u16, beat, self.start);
        }
        let known = self.heard.iter_mut().find(|it| it.run() == message.run);
        let heard = match known {
            Some(heard) => heard,
            None => {
                let whose = Arc::new(named(message.run));
                self.heard.push(Heard {
                    from,
                    replica: self.registry.replica(whose.clone()),
                    whose,
                    at: Revision(0),
                    statements: BTreeMap::new(),
                    upto: Stamp(0),
                    coming: Default::default(),
                });
                self.heard.last_mut().expect("it was pushed")
            }
        };
        let by_number = |stated: &Stated| (stated.number, stated.clone());
        let listed = message.listed.iter().map(by_number);
        if let Some(beat) = message.beat {
            heard.coming = heard.coming.max((message.to, beat.upto));
        }
        match message.from {
            _ if message.beat.is_some() => {}
            None if message.to >= heard.at => {
                heard.statements = listed.collect();
                heard.replica.snapshot(message.listed);
                heard.at = message.to;
            }
            Some(base) if base <= heard.at && heard.at < message.to => {
                for number in &message.removed {
                    heard.statements.remove(number);
                }
                heard.statements.extend(listed);
                for (number, heartbeat) in &message.updated {
                    if let Some(stated) = heard.statements.get_mut(number) {
                        stated.heartbeat = heartbeat.clone();
                    }
                }
                let Message {
                    removed, listed, ..
                } = message;
                heard.replica.delta(&removed, listed, message.updated);
                heard.at = message.to;
            }
            _ => {}
        }
        if heard.coming.0 <= heard.at {
            heard.upto = heard.coming.1.max(heard.upto);
        }
        self.tell_stable();
    }

    pub(super) fn forget(&mut self, forgotten: impl Fn(&Heard) -> bool) {
        self.heard.retain(|heard| !forgotten(heard));
        self.tell_stable();
    }

    /// What its clients are shown.
    pub(super) fn shown(&self) -> Rows {
        let servers = self.feeds.of(None).servers();
        servers.iter().map(|server| self.row(server)).collect()
    }

    fn row(&self, server: &Server) -> (u64, Row) {
        let placement = &server.placement;
        let addresses = [Some(placement.address), placement.second_address];
        let row = Row {
            game: placement.game.clone(),
            addresses: addresses.into_iter().flatten().collect(),
            identity: placement.identity,
            heartbeat: server.heartbeat.clone(),
            origin: match &server.origin {
                Origin::Here => self.run,
                Origin::Member(whose) => whose.run,
            },
        };
        (server.number, row)
    }

    /// A tick has passed: its own feed has what is connected to it, and its list is what the
    /// statements show.
    pub(super) fn check(&self) -> Verdict {
        let own = self.registry.own().servers();
        let mut own: Vec<_> = own.iter().map(|it| self.row(it).1).collect();
        let truth = self.truth.rows(None);
        let mut expected: Vec<_> = truth
            .values()
            .map(|row| Row {
                game: row.game.clone(),
                addresses: row.addresses.clone(),
                identity: row.identity,
                heartbeat: row.heartbeat.clone(),
                origin: self.run,
            })
            .collect();
        let order = |one: &Row, two: &Row| one.heartbeat.cmp(&two.heartbeat);
        own.sort_by(order);
        expected.sort_by(order);
        prop_assert_eq!(own, expected, "the own feed is wrong");

        let hidden = |address| Some(host(address)) == self.hidden;
        let expected = shown(&self.statements(), hidden).map_err(TestCaseError::fail)?;
        prop_assert_eq!(self.shown(), expected, "the list is wrong");
        for heard in &self.heard {
            prop_assert_eq!(heard.replica.len(), heard.statements.len());
        }
        Ok(())
    }
}
