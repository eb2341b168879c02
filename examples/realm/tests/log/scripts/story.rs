//! Players, owners that overlap, and what must have come of it at the end.

use super::owner::{Owner, Worked, said};
use crate::stage::{Stage, admission, command, name, say, zone};
use proptest::{prelude::*, test_runner::TestCaseError};
use realm::{
    command::{Action, Happening},
    log::{Admission, LogError, MOST_OUTPUT, Outputs},
};
use std::time::Duration;

const ZONES: [&str; 3] = ["shared/meadow", "shared/cellar", "solo/garden/ann"];
const PLAYERS: [&str; 4] = ["Ann", "Bob", "Cid", "Dora"];

/// One thing that happens. Numbers name players, zones and owners.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Comes in with the same session, or with a new one.
    Comes {
        who: usize,
        new: bool,
    },
    Says {
        who: usize,
    },
    /// Walks through a gate.
    Goes {
        who: usize,
        to: usize,
    },
    /// Sends the last command again, since it heard no answer.
    Resends {
        who: usize,
    },
    /// An older session, which should have ended, sends something.
    Haunts {
        who: usize,
    },
    Leaves {
        who: usize,
    },
    /// Another owner takes a zone. The one before is frozen, and comes back.
    Takes {
        zone: usize,
    },
    /// An owner works so much of its input.
    Works {
        owner: usize,
        most: usize,
        twice: bool,
    },
    /// An owner puts out a player whose session it believes ended.
    PutsOut {
        owner: usize,
        who: usize,
    },
}

impl Step {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let who = 0..PLAYERS.len();
        let of = 0..ZONES.len();
        let owner = 0..ZONES.len() * 2;
        prop_oneof![
            2 => (who.clone(), any::<bool>()).prop_map(|(who, new)| Self::Comes { who, new }),
            6 => who.clone().prop_map(|who| Self::Says { who }),
            3 => (who.clone(), of.clone()).prop_map(|(who, to)| Self::Goes { who, to }),
            2 => who.clone().prop_map(|who| Self::Resends { who }),
            1 => who.clone().prop_map(|who| Self::Haunts { who }),
            1 => who.clone().prop_map(|who| Self::Leaves { who }),
            1 => of.prop_map(|zone| Self::Takes { zone }),
            8 => (owner.clone(), 1..6_usize, any::<bool>())
                .prop_map(|(owner, most, twice)| Self::Works { owner, most, twice }),
            1 => (owner, who).prop_map(|(owner, who)| Self::PutsOut { owner, who }),
        ]
    }
}

#[derive(Default)]
struct Player {
    /// The number of its session, and the epoch of the session's claim.
    session: u64,
    epoch: u64,
    seq: u64,
    /// The last command that was sent.
    last: Option<Action>,
    /// What the log has accepted, in order.
    accepted: Vec<String>,
}

struct World {
    log: Stage,
    players: [Player; PLAYERS.len()],
    owners: Vec<Owner>,
    epochs: u64,
}

pub(super) async fn tell(log: Stage, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World {
        log,
        players: Default::default(),
        owners: Vec::new(),
        epochs: 0,
    };
    for step in steps {
        world.step(step).await?;
    }
    world.settle().await?;
    world.compare().await
}

impl World {
    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Comes { who, new } => self.comes(who, new).await,
            Step::Says { who } => {
                let text = "hello".to_owned();
                self.sends(who, Action::Say { text }).await
            }
            Step::Goes { who, to } => {
                let id = ZONES[to].parse().unwrap();
                self.sends(who, Action::Activate { id }).await
            }
            Step::Resends { who } => self.resends(who).await,
            Step::Haunts { who } => self.haunts(who).await,
            Step::Leaves { who } => {
                let leave = command(PLAYERS[who], self.players[who].session, 0, Action::Leave);
                match self.log.append(&leave).await {
                    Ok(_) | Err(LogError::Unknown(_)) => Ok(()),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Takes { zone } => {
                self.takes(ZONES[zone]).await;
                Ok(())
            }
            Step::Works { owner, most, twice } => {
                let Some(owner) = self.chosen(owner) else {
                    return Ok(());
                };
                let worked = self.owners[owner].work(&self.log, most, twice).await;
                self.outcome(owner, &worked)
            }
            Step::PutsOut { owner, who } => {
                let Some(owner) = self.chosen(owner) else {
                    return Ok(());
                };
                let worked = self.owners[owner]
                    .put_out(&self.log, &name(PLAYERS[who]))
                    .await;
                self.outcome(owner, &worked)
            }
        }
    }

    async fn comes(&mut self, who: usize, new: bool) -> Result<(), TestCaseError> {
        let player = &mut self.players[who];
        player.epoch += 1;
        if new || player.session == 0 {
            (player.session, player.seq, player.last) = (player.session + 1, 0, None);
        }
        let admission = Admission {
            epoch: player.epoch,
            ..admission(PLAYERS[who], player.session, ZONES[who % 2])
        };
        let at = self.log.admit(&admission).await.unwrap();
        // All that was sent was accepted: nothing is to be sent again.
        prop_assert_eq!(at.seq, player.seq);
        Ok(())
    }

    async fn sends(&mut self, who: usize, action: Action) -> Result<(), TestCaseError> {
        let player = &mut self.players[who];
        let command = command(PLAYERS[who], player.session, player.seq + 1, action.clone());
        match self.log.append(&command).await {
            Ok(_) => {
                player.seq += 1;
                player.last = Some(action);
                let said = said(player.session, PLAYERS[who], player.seq);
                player.accepted.push(said);
            }
            Err(LogError::Unknown(_)) => {}
            Err(error) => panic!("{error}"),
        }
        Ok(())
    }

    async fn resends(&mut self, who: usize) -> Result<(), TestCaseError> {
        let player = &self.players[who];
        let Some(action) = player.last.clone() else {
            return Ok(());
        };
        let command = command(PLAYERS[who], player.session, player.seq, action);
        match self.log.append(&command).await {
            Ok(_) | Err(LogError::Unknown(_)) => Ok(()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn haunts(&mut self, who: usize) -> Result<(), TestCaseError> {
        let player = &self.players[who];
        if player.session < 2 {
            return Ok(());
        }
        let old = player.session - 1;
        let answer = self
            .log
            .append(&say(PLAYERS[who], old, player.seq + 9))
            .await;
        prop_assert!(matches!(
            answer,
            Err(LogError::Fenced(_) | LogError::Unknown(_))
        ));
        let answer = self
            .log
            .admit(&admission(PLAYERS[who], old, ZONES[0]))
            .await;
        let fenced = matches!(answer, Err(LogError::Fenced(_)));
        prop_assert!(fenced || player.epoch == old);
        Ok(())
    }

    async fn takes(&mut self, id: &'static str) -> usize {
        self.epochs += 1;
        let stored = self.log.take(&zone(id), self.epochs).await.unwrap();
        self.owners.push(Owner::new(id, self.epochs, stored));
        self.owners.len() - 1
    }

    /// One of the latest owners, so that most of them are no ghosts.
    fn chosen(&self, owner: usize) -> Option<usize> {
        self.owners.len().checked_sub(owner + 1)
    }

    /// An owner is fenced exactly if a later one has the zone.
    fn outcome(&mut self, owner: usize, worked: &Worked) -> Result<(), TestCaseError> {
        if *worked == Worked::Idle {
            return Ok(());
        }
        let it = &self.owners[owner];
        let rivals = self.owners.iter().filter(|other| other.zone == it.zone);
        let replaced = it.epoch < rivals.map(|it| it.epoch).max().unwrap_or(0);
        prop_assert_eq!(*worked == Worked::Fenced, replaced);
        if replaced {
            self.owners.remove(owner);
        }
        Ok(())
    }

    /// New owners work until nothing is left.
    async fn settle(&mut self) -> Result<(), TestCaseError> {
        for id in ZONES {
            self.takes(id).await;
        }
        let latest = self.owners.len() - ZONES.len();
        self.owners.drain(..latest);
        let mut waiting = true;
        while waiting {
            waiting = false;
            for owner in &mut self.owners {
                let some = self.log.waiting(owner.zone).await;
                waiting |= !some.is_empty();
                let worked = owner.work(&self.log, 7, false).await;
                prop_assert_eq!(worked, Worked::Yes);
            }
        }
        Ok(())
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        let mut done: [Vec<(u64, String)>; PLAYERS.len()] = Default::default();
        for id in ZONES {
            let outputs = self
                .log
                .outputs(&zone(id), 0, MOST_OUTPUT, Duration::ZERO)
                .await;
            let Outputs::Since(outputs) = outputs.unwrap() else {
                panic!("a story is shorter than what is kept");
            };
            for event in outputs.into_iter().flat_map(|it| it.1.events) {
                let Happening::Said { from, text } = event.what else {
                    panic!("{event:?}");
                };
                let who = PLAYERS.iter().position(|it| *it == from).unwrap();
                let (count, said) = text.split_once(' ').unwrap();
                done[who].push((count.parse().unwrap(), said.to_owned()));
            }
        }
        for (who, mut done) in done.into_iter().enumerate() {
            done.sort();
            let counts: Vec<_> = done.iter().map(|it| it.0).collect();
            let all = u64::try_from(counts.len()).unwrap();
            // The sheet began at 1, and was carried along whole.
            prop_assert_eq!(counts, (2..=all + 1).collect::<Vec<_>>());
            let done: Vec<_> = done.into_iter().map(|it| it.1).collect();
            prop_assert_eq!(&done, &self.players[who].accepted);

            let name = name(PLAYERS[who]);
            let at = self.log.whereabouts(&name).await.unwrap();
            let there: Vec<_> = self.owners.iter().filter(|it| it.has(&name)).collect();
            let there: Vec<_> = there.into_iter().map(|it| zone(it.zone)).collect();
            let says = at.filter(|it| it.present).map(|it| it.zone);
            prop_assert_eq!(there, Vec::from_iter(says));
        }
        Ok(())
    }
}
