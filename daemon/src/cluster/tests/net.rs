//! Many nodes in one thread and in virtual time, with a NATS between them that can be made to lose,
//! delay and repeat messages, and to fail in part or as a whole. All that is random has a seed.

use super::super::{Config, Event, Message, Node, Role};
use metaserve::{
    feed::Feeds,
    list::{Clock, Server},
    registry::Registry,
    time,
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::JoinHandle};

/// The tick of clients' feeds, and that of the own feed.
pub(super) const TICK: Duration = Duration::from_secs(1);
pub(super) const OWN_TICK: Duration = Duration::from_millis(100);

pub(super) const HOLD: Duration = Duration::from_secs(30);
pub(super) const KEEP: Duration = Duration::from_secs(600);
pub(super) const IDLE: Duration = Duration::from_secs(15);

/// What the network does to messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// How many of 100 messages are lost, and how many come twice.
    pub(super) lost: u32,
    pub(super) twice: u32,
    /// Messages are late by up to so much, and overtake each other.
    pub(super) late: Duration,
}

/// A message on its way to a machine.
type Flying = BTreeMap<(Instant, u64), (usize, Message)>;

/// All machines, and the network between them.
pub(super) struct Net {
    pub(super) machines: Vec<Machine>,
    pub(super) weather: Weather,
    /// The part of the network that each machine is in.
    parts: Vec<u32>,
    flying: Flying,
    sent: u64,
    rng: fastrand::Rng,
    woken: Arc<Notify>,
    pub(super) hold: Duration,
    /// Whether a message to a machine is lost, besides those that the weather takes.
    pub(super) lose: Lose,
    /// Sees everything that is delivered: its length and how many got it.
    pub(super) traffic: Traffic,
    /// The most messages that a node wanted to publish at once.
    pub(super) longest_outbox: usize,
}

/// Says of a message to a machine whether it is lost.
type Lose = Box<dyn FnMut(usize, &Message) -> bool>;

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) published: u64,
    pub(super) published_bytes: u64,
    pub(super) delivered: u64,
    pub(super) delivered_bytes: u64,
}

/// One daemon.
pub(super) struct Machine {
    pub(super) node: Node,
    pub(super) registry: Arc<Registry>,
    pub(super) feeds: Arc<Feeds>,
    pub(super) config: Config,
    pub(super) events: Vec<Event>,
    subscriptions: Vec<String>,
    connected: bool,
    /// It runs: it is neither stopped nor dead.
    pub(super) running: bool,
    /// What arrives while it is stopped.
    backlog: Vec<Message>,
    pub(super) due: Instant,
    /// How far its clock is ahead of the net's.
    pub(super) ahead: Duration,
    own: metaserve::list::Revision,
    ticking: JoinHandle<()>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

impl Machine {
    fn start(config: Config, seed: u64, woken: &Arc<Notify>) -> Self {
        let clock = Arc::new(Clock::new(seed as u16));
        let feeds = Feeds::clustered(clock.clone());
        let registry = Registry::clustered(1000, vec![feeds.clone()], clock);
        let node = Node::new(config.clone(), registry.clone(), feeds.clone(), seed);
        let ticking = tokio::spawn(ticking(registry.clone(), feeds.clone(), woken.clone()));
        Self {
            subscriptions: node.subscriptions(),
            own: registry.own().revision(),
            node,
            registry,
            feeds,
            config,
            events: Vec::new(),
            connected: false,
            running: true,
            backlog: Vec::new(),
            due: time::now(),
            ahead: Duration::ZERO,
            ticking,
        }
    }

    /// What its clients see.
    pub(super) fn list(&self) -> Vec<Server> {
        self.feeds.of(None).servers()
    }

    pub(super) fn count(&self, of: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| of(event)).count()
    }
}

/// Makes frames, and tells when there is a new one of the own feed.
async fn ticking(registry: Arc<Registry>, feeds: Arc<Feeds>, woken: Arc<Notify>) {
    let mut own = registry.own().subscribe(None);
    let watch = async {
        loop {
            own.next().await;
            woken.notify_one();
        }
    };
    tokio::select! {
        () = registry.run_own(OWN_TICK) => {}
        () = feeds.run(TICK) => {}
        () = watch => {}
    }
}

fn matches(subscription: &str, subject: &str) -> bool {
    match subscription.strip_suffix('>') {
        Some(prefix) => subject.starts_with(prefix),
        None => {
            let (mut one, mut other) = (subscription.split('.'), subject.split('.'));
            loop {
                match (one.next(), other.next()) {
                    (None, None) => return true,
                    (Some("*"), Some(_)) => {}
                    (Some(a), Some(b)) if a == b => {}
                    _ => return false,
                }
            }
        }
    }
}

impl Net {
    pub(super) fn new(seed: u64) -> Self {
        fastrand::seed(seed);
        Self {
            machines: Vec::new(),
            weather: Weather::default(),
            parts: Vec::new(),
            flying: Flying::new(),
            sent: 0,
            rng: fastrand::Rng::with_seed(seed),
            woken: Arc::default(),
            hold: HOLD,
            lose: Box::new(|_, _| false),
            traffic: Traffic::default(),
            longest_outbox: 0,
        }
    }

    /// A net of so many members `a`, `b`, ... that have joined.
    pub(super) async fn of_members(seed: u64, members: usize) -> Self {
        let mut net = Self::new(seed);
        for at in 0..members {
            net.add(&name(at), Role::Member);
        }
        net.run(Duration::from_secs(6)).await;
        for machine in &net.machines {
            assert!(machine.node.joined());
            let complete = Event::Joined { complete: true };
            assert_eq!(machine.count(|it| *it == complete), 1);
        }
        net
    }

    pub(super) fn config(&mut self, name: &str, role: Role) -> Config {
        Config {
            cluster: "test".to_owned(),
            name: name.to_owned(),
            role,
            run: self.rng.u64(..),
            hold: self.hold,
            keep: KEEP,
            idle_timeout: IDLE,
            bans: true,
            list_bytes: 256 << 20,
        }
    }

    /// Starts another machine, which reaches NATS at once.
    pub(super) fn add(&mut self, name: &str, role: Role) -> usize {
        let config = self.config(name, role);
        self.start(config)
    }

    pub(super) fn start(&mut self, config: Config) -> usize {
        self.start_ahead(config, Duration::ZERO)
    }

    /// The same, of a machine whose clock is ahead of others.
    pub(super) fn start_ahead(&mut self, config: Config, ahead: Duration) -> usize {
        let seed = self.rng.u64(..);
        let mut machine = Machine::start(config, seed, &self.woken);
        machine.ahead = ahead;
        self.machines.push(machine);
        self.parts.push(0);
        let at = self.machines.len() - 1;
        self.connect(at, true);
        at
    }

    /// The machine says goodbye, as after SIGTERM.
    pub(super) fn leave(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.node.leave(time::now() + machine.ahead);
        self.carry(at);
    }

    /// The machine is killed, or its process: nobody is told.
    pub(super) fn kill(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        machine.running = false;
        machine.connected = false;
        machine.ticking.abort();
    }

    /// Starts a machine again that was killed: it has another run and an empty registry.
    pub(super) fn restart(&mut self, at: usize) {
        let config = Config {
            run: self.rng.u64(..),
            ..self.machines[at].config.clone()
        };
        let events = std::mem::take(&mut self.machines[at].events);
        self.machines[at] = Machine::start(config, self.rng.u64(..), &self.woken);
        self.machines[at].events = events;
        self.connect(at, true);
    }

    /// NATS can be reached by this machine, or not.
    pub(super) fn connect(&mut self, at: usize, connected: bool) {
        let machine = &mut self.machines[at];
        if machine.connected != connected {
            machine.connected = connected;
            machine
                .node
                .connected(time::now() + machine.ahead, connected);
            machine.due = time::now();
            self.carry(at);
        }
    }

    /// The machine does not run, as after SIGSTOP; or it runs again, and finds what has arrived.
    pub(super) fn stop(&mut self, at: usize, stopped: bool) {
        let machine = &mut self.machines[at];
        machine.running = !stopped;
        for message in std::mem::take(&mut machine.backlog) {
            machine.node.heard(time::now() + machine.ahead, message);
        }
        machine.due = time::now();
    }

    /// NATS is split: these machines are in another part of it than before.
    pub(super) fn split(&mut self, part: u32, machines: &[usize]) {
        for at in machines {
            self.parts[*at] = part;
        }
    }

    /// Publishes what the node has in its outbox.
    pub(super) fn carry(&mut self, from: usize) {
        let messages: Vec<_> = self.machines[from].node.outbox().collect();
        self.longest_outbox = self.longest_outbox.max(messages.len());
        for message in messages {
            self.publish(Some(from), message);
        }
        let machine = &mut self.machines[from];
        machine.events.extend(machine.node.take_events());
    }

    /// Publishes a message, of a stranger if it is of no machine.
    pub(super) fn publish(&mut self, from: Option<usize>, message: Message) {
        assert!(message.payload.len() <= 256 * 1024);
        let bytes = message.payload.len() as u64;
        self.traffic.published += 1;
        self.traffic.published_bytes += bytes;
        for to in 0..self.machines.len() {
            let machine = &self.machines[to];
            let reaches = from.is_none_or(|from| from != to && self.parts[from] == self.parts[to]);
            let wants = |it: &String| matches(it, &message.subject);
            if !reaches || !machine.connected || !machine.subscriptions.iter().any(wants) {
                continue;
            }
            self.traffic.delivered += 1;
            self.traffic.delivered_bytes += bytes;
            let Weather { lost, twice, late } = self.weather;
            let copies = match self.rng.u32(..100) {
                _ if (self.lose)(to, &message) => 0,
                lot if lot < lost => 0,
                lot if lot < lost + twice => 2,
                _ => 1,
            };
            for _ in 0..copies {
                let delay = Duration::from_millis(1) + late.mul_f64(self.rng.f64());
                self.sent += 1;
                let key = (time::now() + delay, self.sent);
                self.flying.insert(key, (to, message.clone()));
            }
        }
    }

    /// Lets time pass.
    pub(super) async fn run(&mut self, time: Duration) {
        self.run_checking(time, |_| {}).await;
    }

    /// Lets time pass, and checks something after everything that happens.
    pub(super) async fn run_checking(&mut self, time: Duration, mut check: impl FnMut(&Self)) {
        let end = time::now() + time;
        loop {
            self.step();
            check(self);
            let flying = self.flying.first_key_value().map(|((at, _), _)| *at);
            let running = self.machines.iter().filter(|it| it.running);
            let next = running.map(|it| it.due).chain(flying).min();
            let next = next.unwrap_or(end).min(end);
            tokio::select! {
                () = time::sleep_until(Some(next)) => {}
                () = self.woken.notified() => {}
            }
            if time::now() >= end {
                self.step();
                check(self);
                return;
            }
        }
    }

    /// Delivers what has arrived, and gives each machine its turn that wants it.
    fn step(&mut self) {
        let now = time::now();
        let mut heard = Vec::new();
        while let Some(entry) = self.flying.first_entry()
            && entry.key().0 <= now
        {
            let (to, message) = entry.remove();
            let machine = &mut self.machines[to];
            match (machine.connected, machine.running) {
                (false, _) => continue,
                (true, false) => machine.backlog.push(message),
                (true, true) => {
                    let due = machine.node.heard(now + machine.ahead, message);
                    machine.due = (due - machine.ahead).min(machine.due);
                    heard.push(to);
                }
            }
        }
        heard.dedup();
        heard.into_iter().for_each(|at| self.carry(at));
        for at in 0..self.machines.len() {
            let machine = &mut self.machines[at];
            let own = machine.registry.own().revision();
            if machine.running && (machine.due <= now || machine.own != own) {
                machine.own = own;
                machine.due = machine.node.turn(now + machine.ahead) - machine.ahead;
                self.carry(at);
            }
        }
    }
}

/// The name of a member, by its position.
pub(super) fn name(at: usize) -> String {
    let letter = char::from(b'a' + (at % 26) as u8);
    match at / 26 {
        0 => letter.to_string(),
        more => format!("{letter}{more}"),
    }
}
