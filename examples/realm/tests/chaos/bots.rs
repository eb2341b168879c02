//! Players: each sends numbered commands through a gateway, and after every break those again that
//! were not acknowledged.

use crate::world::World;
use futures::{SinkExt, StreamExt, future::join_all};
use realm::{
    ids::{Name, SessionId},
    messages::{Down, Scope, Ticket, Up},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use tokio_util::task::AbortOnDropHandle;

/// So many commands are on their way at most.
const WINDOW: u64 = 10;

/// A gateway of which nothing is heard for so long is tried again.
const SILENCE: Duration = Duration::from_secs(30);

/// A bot that gets nowhere for so many connections gives up, and says why.
const MOST_BREAKS: u32 = 600;

/// What each bot does.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) commands: u64,
    pub(super) per_second: u64,
}

impl Plan {
    fn period(self) -> Duration {
        Duration::from_millis(1_000 / self.per_second)
    }
}

/// All bots of a world.
pub(super) struct Bots {
    tasks: Vec<AbortOnDropHandle<Played>>,
    gateway: watch::Sender<String>,
    sent: watch::Receiver<u64>,
}

/// What became of one bot's commands, or of those of all.
#[derive(Default)]
pub(super) struct Played {
    /// Numbers that were accepted, by character.
    pub(super) accepted: BTreeMap<Name, BTreeSet<u64>>,
    breaks: u64,
    /// How many words they heard, their own among them.
    heard: u64,
    /// How long each acknowledgement took, from when the command was first sent.
    took: Vec<Duration>,
}

impl Bots {
    pub(super) fn play(world: &World, count: usize, gateway: String, plan: Plan) -> Self {
        let (gateway, at) = watch::channel(gateway);
        let (total, sent) = watch::channel(0);
        let counted = Arc::new(AtomicU64::new(0));
        let tasks = (0..count).map(|number| {
            let name: Name = format!("Bot{number}").parse().unwrap();
            // They do not send all at the same time.
            let later =
                plan.period() * u32::try_from(number).unwrap() / u32::try_from(count).unwrap();
            let bot = Bot {
                ticket: world.ticket(&name),
                name,
                plan,
                gateway: at.clone(),
                session: None,
                acked: 0,
                sent_at: BTreeMap::new(),
                counted: counted.clone(),
                total: total.clone(),
                in_a_row: 0,
                played: Played::default(),
            };
            AbortOnDropHandle::new(tokio::spawn(async move {
                sleep(later).await;
                bot.play().await
            }))
        });
        Self {
            tasks: tasks.collect(),
            gateway,
            sent,
        }
    }

    /// Waits until so many commands were accepted.
    pub(super) async fn have_sent(&self, count: u64) {
        let mut sent = self.sent.clone();
        sent.wait_for(|it| *it >= count).await.unwrap();
    }

    pub(super) fn have_ended(&self) -> bool {
        self.tasks.iter().all(|it| it.is_finished())
    }

    /// Where bots connect from now on.
    pub(super) const fn gateway(&self) -> &watch::Sender<String> {
        &self.gateway
    }

    pub(super) async fn end(self) -> Played {
        let mut all = Played::default();
        for one in join_all(self.tasks).await {
            let one = one.expect("a bot does not fail");
            all.accepted.extend(one.accepted);
            all.breaks += one.breaks;
            all.heard += one.heard;
            all.took.extend(one.took);
        }
        all.took.sort();
        all
    }
}

impl fmt::Display for Played {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |of: usize| {
            let place = self.took.len() * of / 100;
            self.took
                .get(place.min(self.took.len() - 1))
                .copied()
                .unwrap_or_default()
        };
        write!(
            formatter,
            "{} commands of {} bots, who heard {} words, {} breaks; acknowledged in {:?} (half), {:?} (99 of 100), \
             {:?} (all)",
            self.took.len(),
            self.accepted.len(),
            self.heard,
            self.breaks,
            part(50),
            part(99),
            part(100),
        )
    }
}

struct Bot {
    name: Name,
    ticket: String,
    plan: Plan,
    gateway: watch::Receiver<String>,
    session: Option<SessionId>,
    acked: u64,
    sent_at: BTreeMap<u64, Instant>,
    counted: Arc<AtomicU64>,
    total: watch::Sender<u64>,
    /// Breaks since a command was accepted.
    in_a_row: u32,
    played: Played,
}

impl Bot {
    async fn play(mut self) -> Played {
        self.played
            .accepted
            .insert(self.name.clone(), BTreeSet::new());
        while self.acked < self.plan.commands {
            let gateway = self.gateway.borrow().clone();
            if let Err(why) = self.connected(&gateway).await {
                self.played.breaks += 1;
                self.in_a_row += 1;
                assert!(self.in_a_row < MOST_BREAKS, "{}: {why}", self.name);
                sleep(Duration::from_millis(200)).await;
            }
        }
        self.played
    }

    /// Plays over one connection, until it breaks or everything was accepted.
    async fn connected(&mut self, gateway: &str) -> anyhow::Result<()> {
        let address = gateway.replacen("http", "ws", 1) + "/ws";
        let (mut socket, _) = timeout(SILENCE, connect_async(address)).await??;
        let hello = Up::Hello {
            ticket: Ticket(self.ticket.clone()),
            resume: self.session.clone(),
        };
        let enter = Up::Enter {
            character: self.name.clone(),
        };
        for it in [hello, enter] {
            socket
                .send(Message::text(serde_json::to_string(&it)?))
                .await?;
        }
        let mut next = None;
        let mut pace = interval(self.plan.period());
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.acked < self.plan.commands {
            let may_send = next.filter(|it| *it <= self.plan.commands.min(self.acked + WINDOW));
            tokio::select! {
                frame = timeout(SILENCE, socket.next()) => {
                    let frame = frame?.ok_or_else(|| anyhow::anyhow!("closed"))??;
                    if let Message::Text(text) = frame
                        && let Some(seq) = self.hear(serde_json::from_str(&text)?)?
                    {
                        next = Some(seq + 1);
                    }
                }
                _ = pace.tick(), if may_send.is_some() => {
                    let seq = may_send.unwrap();
                    let now = now();
                    self.sent_at.entry(seq).or_insert(now);
                    socket.send(Message::text(serde_json::to_string(&command(seq))?)).await?;
                    next = Some(seq + 1);
                }
            }
        }
        Ok(())
    }

    /// Where to go on sending, once the character has entered.
    fn hear(&mut self, frame: Down) -> anyhow::Result<Option<u64>> {
        match frame {
            Down::Ready { session, .. } => {
                let resumed = self.session.replace(session.clone());
                assert!(resumed.is_none_or(|it| it == session), "a session was lost");
            }
            Down::Entered { seq, .. } => {
                self.accepted(seq);
                return Ok(Some(seq));
            }
            Down::Said { .. } => self.played.heard += 1,
            Down::Ack { seq } => self.accepted(seq),
            Down::Refused { seq: 0, why } | Down::Closing { why } => anyhow::bail!(why),
            Down::Refused { seq, why } if seq > self.acked => {
                panic!("{} was not accepted: {why}", self.name);
            }
            _ => {}
        }
        Ok(None)
    }

    /// All commands up to this number are accepted.
    fn accepted(&mut self, seq: u64) {
        for seq in self.acked + 1..=seq {
            let sent_at = self.sent_at.remove(&seq).expect("it was sent");
            self.played.took.push(now() - sent_at);
            self.played
                .accepted
                .get_mut(&self.name)
                .unwrap()
                .insert(seq);
            self.total
                .send_replace(self.counted.fetch_add(1, Relaxed) + 1);
        }
        self.in_a_row = 0;
        self.acked = self.acked.max(seq);
    }
}

/// Whether the command is to say its number aloud: most are. The others are steps to and fro.
pub(super) const fn is_said(seq: u64) -> bool {
    !matches!(seq % 10, 0 | 3 | 7)
}

/// Whether the command leads through a gate.
pub(super) const fn is_gate(seq: u64) -> bool {
    seq.is_multiple_of(10)
}

fn command(seq: u64) -> Up {
    if is_gate(seq) {
        return Up::Activate {
            id: "gate".parse().unwrap(),
            seq,
        };
    }
    if is_said(seq) {
        return Up::Say {
            scope: Scope::Zone,
            text: seq.to_string(),
            seq,
        };
    }
    Up::Move {
        dx: if seq % 10 == 3 { 0.5 } else { -0.5 },
        dy: 0.0,
        seq,
    }
}

#[expect(clippy::disallowed_methods, reason = "measures how long answers take")]
pub(super) fn now() -> Instant {
    Instant::now()
}
