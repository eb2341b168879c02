//! Any interleaving of claims, losses, restarts, offers and orders keeps one holder, growing
//! epochs, and one order for a key.

use super::{
    super::*,
    oracle::{Asked, Host, Oracle},
};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const KEYS: [&str; 3] = ["zone/a", "zone/b", "room/a"];
const PREFIXES: [&str; 3] = ["zone/", "", "zone/a"];
const PEERS: usize = 4;
/// Peers from here on only watch, and read when they are told to.
const WATCHERS: std::ops::Range<usize> = PEERS..PEERS + 2;

#[derive(Clone, Debug)]
enum Step {
    Claim {
        peer: usize,
        key: usize,
        shown: Shown,
    },
    Update {
        peer: usize,
        key: usize,
    },
    Release {
        peer: usize,
        which: usize,
    },
    Gone {
        peer: usize,
    },
    Restart,
    Pass {
        millis: u64,
    },
    Resolve {
        peer: usize,
        key: usize,
        within: u64,
    },
    Offer {
        peer: usize,
        prefix: usize,
        slots: u32,
    },
    Refuse {
        peer: usize,
    },
    Fulfil {
        peer: usize,
    },
    Drain {
        peer: usize,
        which: usize,
    },
    Watch {
        watcher: usize,
        prefix: usize,
    },
    Unwatch {
        watcher: usize,
        which: usize,
    },
    Read {
        watcher: usize,
        most: usize,
    },
    DiskFails(bool),
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    Nothing,
    /// A public epoch, with a proof that is made up.
    Forged,
    /// A grant of the same key, some grants ago.
    Earlier(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (peer, key) = (0..PEERS, 0..KEYS.len());
    let shown = prop_oneof![
        2 => Just(Shown::Nothing),
        1 => Just(Shown::Forged),
        4 => (0..3_usize).prop_map(Shown::Earlier),
    ];
    prop_oneof![
        8 => (peer.clone(), key.clone(), shown)
            .prop_map(|(peer, key, shown)| Step::Claim { peer, key, shown }),
        2 => (peer.clone(), key.clone()).prop_map(|(peer, key)| Step::Update { peer, key }),
        3 => (peer.clone(), 0..8_usize).prop_map(|(peer, which)| Step::Release { peer, which }),
        1 => peer.clone().prop_map(|peer| Step::Gone { peer }),
        1 => Just(Step::Restart),
        3 => prop_oneof![0..3_000_u64, Just(15_000), Just(14_999)]
            .prop_map(|millis| Step::Pass { millis }),
        4 => (peer.clone(), key, 1..6_000_u64)
            .prop_map(|(peer, key, within)| Step::Resolve { peer, key, within }),
        3 => (peer.clone(), 0..PREFIXES.len(), 0..3_u32)
            .prop_map(|(peer, prefix, slots)| Step::Offer { peer, prefix, slots }),
        2 => peer.clone().prop_map(|peer| Step::Refuse { peer }),
        4 => peer.clone().prop_map(|peer| Step::Fulfil { peer }),
        1 => (peer, 0..8_usize).prop_map(|(peer, which)| Step::Drain { peer, which }),
        1 => (WATCHERS, 0..PREFIXES.len())
            .prop_map(|(watcher, prefix)| Step::Watch { watcher, prefix }),
        1 => (WATCHERS, 0..4_usize)
            .prop_map(|(watcher, which)| Step::Unwatch { watcher, which }),
        2 => (WATCHERS, 0..5_usize).prop_map(|(watcher, most)| Step::Read { watcher, most }),
        1 => any::<bool>().prop_map(Step::DiskFails),
    ]
}

/// What a watcher has made of what it was told.
#[derive(Debug, Default)]
struct Mirror {
    prefix: String,
    keys: BTreeMap<Key, (u64, Bytes)>,
    fresh: BTreeMap<Key, (u64, Bytes)>,
    current: bool,
}

struct World {
    names: Names,
    oracle: Oracle,
    now: Instant,
    mark: Mark,
    disk_fails: bool,
    connections: Vec<PeerId>,
    last: u64,
    /// Every grant: they may be shown again.
    grants: BTreeMap<Key, Vec<Held>>,
    orders: Vec<(PeerId, u64, Key)>,
    mirrors: BTreeMap<(PeerId, u64), Mirror>,
}

fn start(now: Instant) -> Names {
    let proofs = Proofs::new(&[7; 32]);
    Names::new(NamesLimits::default(), proofs, SETTLE, now)
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test can start at any instant"
    )]
    fn new() -> Self {
        let now = Instant::now();
        let mut world = Self {
            names: start(now),
            oracle: Oracle::new(now),
            now,
            mark: Mark::first(Proofs::new(&[7; 32]).daemon(), Duration::ZERO),
            disk_fails: false,
            connections: Vec::new(),
            last: 0,
            grants: BTreeMap::new(),
            orders: Vec::new(),
            mirrors: BTreeMap::new(),
        };
        world.connect_all();
        world
    }

    fn connect_all(&mut self) {
        self.event(Event::Tick);
        self.connections = (0..WATCHERS.end).map(|_| self.connect()).collect();
    }

    fn connect(&mut self) -> PeerId {
        let peer = PeerId(self.number());
        self.event(Event::Joined(peer, ([192, 0, 2, 1], 1).into()));
        peer
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn event(&mut self, event: Event) {
        let effects = self.names.handle(event, self.now);
        for effect in effects {
            match effect {
                Effect::Ready(_) | Effect::Ended(_) => {}
                Effect::Reached(limit) => panic!("{} was reached", limit.name()),
                Effect::Close(peer, close) => panic!("{peer:?} was closed: {close}"),
                Effect::Reserve { .. } if self.disk_fails => self.event(Event::NotReserved),
                Effect::Reserve { from } => {
                    let (block, mark) = self.mark.reserve(from, Duration::ZERO).unwrap();
                    self.mark = mark;
                    self.oracle.mark = mark.below;
                    self.oracle.has_block = true;
                    self.event(Event::Reserved(block));
                }
            }
        }
    }

    fn say(&mut self, peer: PeerId, said: Said) {
        self.event(Event::Said(peer, said));
    }

    /// Hosts, holders and askers read everything at once. What decides over a key is judged first,
    /// then orders as they were given: other answers to different peers have no order.
    fn read(&mut self) {
        let mut told = Vec::new();
        for at in 0..PEERS {
            let peer = self.connections[at];
            while let Some(answer) = self.names.take(peer) {
                told.push((peer, answer));
            }
        }
        told.sort_by_key(|(_, answer)| match answer {
            Answer::Granted { .. } => 0,
            Answer::Held { .. } | Answer::Refused { .. } => 1,
            Answer::Order { order, .. } => 1 + order,
            _ => u64::MAX,
        });
        for (peer, answer) in told {
            match &answer {
                Answer::Granted { id, epoch, proof } => {
                    let key = self.oracle.asked[&(peer, *id)].key.clone();
                    let (epoch, proof) = (*epoch, *proof);
                    let grants = self.grants.entry(key).or_default();
                    grants.push(Held { epoch, proof });
                }
                Answer::Order { order, key, .. } => {
                    self.orders.push((peer, *order, key.clone()));
                }
                _ => {}
            }
            self.oracle.told(peer, &answer, self.now);
        }
    }

    fn watched(&mut self, peer: PeerId, most: usize) {
        for _ in 0..most {
            let Some(answer) = self.names.take(peer) else {
                return;
            };
            let mirror = |id: u64| (peer, id);
            match answer {
                Answer::Up {
                    id,
                    key,
                    epoch,
                    value,
                } => {
                    let it = self.mirrors.get_mut(&mirror(id)).unwrap();
                    assert!(key.as_str().starts_with(&it.prefix));
                    let keys = if it.current {
                        &mut it.keys
                    } else {
                        &mut it.fresh
                    };
                    let before = keys.insert(key, (epoch, value));
                    assert!(
                        before.is_none_or(|(before, _)| before <= epoch),
                        "an epoch goes back"
                    );
                }
                Answer::Down { id, key } => {
                    let it = self.mirrors.get_mut(&mirror(id)).unwrap();
                    let keys = if it.current {
                        &mut it.keys
                    } else {
                        &mut it.fresh
                    };
                    keys.remove(&key);
                }
                Answer::Current { id } => {
                    assert!(!self.oracle.settling(self.now), "others may still come");
                    let it = self.mirrors.get_mut(&mirror(id)).unwrap();
                    it.keys = std::mem::take(&mut it.fresh);
                    it.current = true;
                }
                Answer::Reset { id } => {
                    let it = self.mirrors.get_mut(&mirror(id)).unwrap();
                    it.fresh.clear();
                    it.current = false;
                }
                other => panic!("{other:?} to a watcher"),
            }
        }
    }

    fn claim(&mut self, peer: PeerId, key: Key, held: Option<Held>, genuine: bool) {
        let id = self.number();
        let value = Bytes::from(format!("value {id}"));
        let shown = held.filter(|_| genuine).map(|held| held.epoch);
        let asked = Asked {
            key: key.clone(),
            value: value.clone(),
            shown,
        };
        self.oracle.asked.insert((peer, id), asked);
        self.say(
            peer,
            Said::Claim {
                id,
                key,
                value,
                ticket: None,
                held,
            },
        );
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Claim { peer, key, shown } => {
                let key = Key::new(KEYS[key]).unwrap();
                let grants = self.grants.get(&key).map(Vec::as_slice).unwrap_or_default();
                let held = match shown {
                    Shown::Nothing => None,
                    Shown::Forged => grants.last().map(|held| Held {
                        proof: [0; 32],
                        ..*held
                    }),
                    Shown::Earlier(ago) => grants.iter().rev().nth(ago).copied(),
                };
                let genuine = matches!(shown, Shown::Earlier(_));
                self.claim(self.connections[peer], key, held, genuine);
            }
            Step::Update { peer, key } => {
                let peer = self.connections[peer];
                let key = Key::new(KEYS[key]).unwrap();
                if let Some(hold) = self.oracle.holds.get_mut(&key).filter(|it| it.peer == peer) {
                    hold.value = Bytes::from("another value");
                    let (id, value) = (hold.id, hold.value.clone());
                    self.say(peer, Said::Update { id, value });
                }
            }
            Step::Release { peer, which } => {
                let peer = self.connections[peer];
                let holds = self.oracle.holds.values().map(|hold| (hold.peer, hold.id));
                let waiting = self.oracle.waiting.keys().copied();
                let all = holds
                    .chain(waiting)
                    .chain(self.oracle.hosts.keys().copied());
                let mine: Vec<_> = all.filter(|(of, _)| *of == peer).collect();
                if let Some(&(_, id)) = mine.get(which) {
                    self.oracle.released(peer, id);
                    self.say(peer, Said::Release { id });
                }
            }
            Step::Gone { peer } => {
                let gone = self.connections[peer];
                self.oracle.gone(gone);
                self.event(Event::Gone(gone));
                self.connections[peer] = self.connect();
            }
            Step::Restart => {
                self.names = start(self.now);
                self.oracle.restarted(self.now);
                self.mirrors.clear();
                self.connect_all();
            }
            Step::Pass { millis } => self.pass(Duration::from_millis(millis)),
            Step::Resolve { peer, key, within } => {
                let (peer, id) = (self.connections[peer], self.number());
                let key = Key::new(KEYS[key]).unwrap();
                let within = Duration::from_millis(within);
                self.oracle
                    .waiting
                    .insert((peer, id), (key.clone(), self.now + within));
                let start = Some(Start {
                    payload: Bytes::new(),
                    within,
                    ticket: None,
                });
                self.say(peer, Said::Resolve { id, key, start });
            }
            Step::Offer {
                peer,
                prefix,
                slots,
            } => {
                let (peer, id) = (self.connections[peer], self.number());
                let prefix = Prefix::new(PREFIXES[prefix]).unwrap();
                let host = Host {
                    prefix: prefix.clone(),
                    slots: slots as usize,
                    drained: false,
                };
                self.oracle.hosts.insert((peer, id), host);
                self.say(
                    peer,
                    Said::Offer {
                        id,
                        prefix,
                        slots,
                        ticket: None,
                    },
                );
            }
            Step::Refuse { peer } => {
                if let Some((peer, order, key)) = self.order_of(peer) {
                    self.oracle.answered(peer, &key, self.now);
                    let why = "full".to_owned();
                    self.say(
                        peer,
                        Said::Refuse {
                            order,
                            why: why.clone(),
                        },
                    );
                    self.read();
                    // An order answered twice changes nothing.
                    self.say(peer, Said::Refuse { order, why });
                }
            }
            Step::Fulfil { peer } => {
                if let Some((peer, _, key)) = self.order_of(peer) {
                    self.claim(peer, key, None, false);
                }
            }
            Step::Drain { peer, which } => {
                let peer = self.connections[peer];
                let mine = self
                    .oracle
                    .hosts
                    .iter_mut()
                    .filter(|((of, _), _)| *of == peer);
                if let Some((&(_, id), host)) = mine.into_iter().nth(which) {
                    host.drained = true;
                    self.say(peer, Said::Drain { id });
                }
            }
            Step::Watch { watcher, prefix } => {
                let (peer, id) = (self.connections[watcher], self.number());
                let prefix = Prefix::new(PREFIXES[prefix]).unwrap();
                let mirror = Mirror {
                    prefix: prefix.to_string(),
                    ..Mirror::default()
                };
                self.mirrors.insert((peer, id), mirror);
                self.say(peer, Said::Watch { id, prefix });
            }
            Step::Unwatch { watcher, which } => {
                let peer = self.connections[watcher];
                let mut mine = self.mirrors.keys().filter(|(of, _)| *of == peer);
                if let Some(&(_, id)) = mine.nth(which) {
                    self.mirrors.remove(&(peer, id));
                    self.say(peer, Said::Release { id });
                }
            }
            Step::Read { watcher, most } => self.watched(self.connections[watcher], most),
            Step::DiskFails(fails) => self.disk_fails = fails,
        }
        self.read();
        self.oracle.quiet(self.now);
    }

    fn order_of(&mut self, peer: usize) -> Option<(PeerId, u64, Key)> {
        let peer = self.connections[peer];
        let at = self.orders.iter().position(|(host, ..)| *host == peer)?;
        Some(self.orders.remove(at))
    }

    /// Time passes from one timeout to the next.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.names.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.event(Event::Tick);
            self.read();
        }
        self.now = end;
        self.event(Event::Tick);
    }

    /// In the end every watcher knows exactly what is held.
    fn end(&mut self) {
        self.pass(Oracle::longest_wait());
        self.read();
        self.oracle.quiet(self.now);
        assert!(self.oracle.waiting.is_empty() || self.oracle.settling(self.now));
        for watcher in WATCHERS {
            self.watched(self.connections[watcher], usize::MAX);
        }
        for mirror in self.mirrors.values() {
            let covered = |key: &Key| key.as_str().starts_with(&mirror.prefix);
            let held = self.oracle.holds.iter().filter(|(key, _)| covered(key));
            let held: BTreeMap<_, _> = held
                .map(|(key, hold)| (key.clone(), (hold.epoch, hold.value.clone())))
                .collect();
            assert!(mirror.current);
            assert_eq!(mirror.keys, held);
        }
        let totals = self.names.totals();
        assert_eq!(totals.claims, self.oracle.holds.len());
        assert_eq!(totals.offers, self.oracle.hosts.len());
        assert_eq!(totals.watches, self.mirrors.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn one_holder_growing_epochs_and_one_order_for_a_key(steps in vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.end();
    }
}
