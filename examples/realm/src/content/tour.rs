//! A character's way through all maps, over a log: what belongs together fits together.

use super::Content;
use crate::{
    command::{Action, Arrival, Command, Happening},
    ids::{Name, ObjectId, SessionId, ZoneId},
    log::{Admission, Cursor, Log, memory::MemoryLog},
    object::{Millis, Object, Point, Sheet},
    world::{World, physics::Physics},
};
use std::{collections::BTreeMap, time::Duration};

/// All zones that run, and Ann in one of them.
struct Tour {
    content: Content,
    log: MemoryLog,
    zones: BTreeMap<ZoneId, World>,
    now: Millis,
    seq: u64,
    session: SessionId,
    refused: Vec<String>,
}

fn ann() -> Name {
    "Ann".parse().unwrap()
}

impl Tour {
    /// Ann comes into the meadow.
    async fn begin() -> Self {
        let tour = Self {
            content: Content::embedded().unwrap(),
            log: MemoryLog::new(),
            zones: BTreeMap::new(),
            now: 1_700_000_000_000,
            seq: 0,
            session: "the-session-of-Ann".parse().unwrap(),
            refused: Vec::new(),
        };
        let arrival = Arrival {
            account: ann(),
            at: None,
            sheet: Sheet::default(),
            seq: 0,
        };
        let admission = Admission {
            character: ann(),
            session: tour.session.clone(),
            epoch: 1,
            zone: "shared/meadow".parse().unwrap(),
            arrival,
        };
        tour.log.admit(&admission).await.unwrap();
        tour
    }

    async fn zone(&self) -> ZoneId {
        self.log.whereabouts(&ann()).await.unwrap().unwrap().zone
    }

    /// All zones do what is to be done; those that are wanted are started.
    async fn tick(&mut self) {
        self.now += 50;
        let mut wanted: Vec<_> = self.log.due(self.now, 16).await.unwrap();
        wanted.push((self.zone().await, self.now));
        for (zone, _) in wanted {
            if !self.zones.contains_key(&zone) {
                let stored = self.log.take(&zone, 1).await.unwrap();
                let map = self.content.map(zone.map()).unwrap();
                let hooks = self.content.hooks().unwrap();
                let (id, now) = (zone.clone(), self.now);
                let world = World::new(id, &map, stored, 1, hooks, Physics::On, now).unwrap();
                self.zones.insert(zone, world);
            }
        }
        for (zone, world) in &mut self.zones {
            let after: Cursor = world.cursor();
            let inputs = self.log.inputs(zone, after, 100, Duration::ZERO).await;
            let Some(commit) = world.step(inputs.unwrap(), self.now) else {
                continue;
            };
            self.log.commit(zone, &commit).await.unwrap();
            for event in commit.output.events {
                if let Happening::Refused { why, .. } = event.what {
                    self.refused.push(why);
                }
            }
        }
        let id = ObjectId::player(&ann());
        let here = self
            .zones
            .values()
            .filter(|it| it.objects().any(|it| it.id == id));
        assert!(here.count() <= 1, "Ann is in two zones");
    }

    /// An object of the zone where Ann is.
    async fn object(&self, id: &str) -> Option<Object> {
        let world = self.zones.get(&self.zone().await)?;
        world.objects().find(|it| it.id.as_str() == id).cloned()
    }

    async fn me(&mut self) -> Object {
        for _ in 0..100 {
            if let Some(me) = self.object("@ann").await {
                return me;
            }
            self.tick().await;
        }
        panic!("Ann does not arrive");
    }

    async fn sheet(&mut self) -> Sheet {
        self.me().await.player.unwrap().sheet
    }

    /// Ann does something, and it is not refused.
    async fn act(&mut self, action: Action) {
        self.me().await;
        self.seq += 1;
        let command = Command {
            character: ann(),
            session: self.session.clone(),
            seq: self.seq,
            action,
        };
        self.log.append(&command).await.unwrap();
        self.tick().await;
        assert!(
            self.refused.is_empty(),
            "{:?}: {:?}",
            command.action,
            self.refused
        );
    }

    /// Ann walks to a place, and gets there.
    async fn walk(&mut self, x: f64, y: f64) {
        let Point {
            x: from_x,
            y: from_y,
        } = self.me().await.at;
        self.act(Action::Move {
            dx: x - from_x,
            dy: y - from_y,
        })
        .await;
        for _ in 0..400 {
            let me = self.me().await;
            if me.walk.is_none() {
                let far = (me.at.x - x).hypot(me.at.y - y);
                assert!(far < 0.1, "stopped at {:?}, on the way to {x}, {y}", me.at);
                return;
            }
            self.tick().await;
        }
        panic!("the walk does not end");
    }

    async fn activate(&mut self, id: &str) {
        self.act(Action::Activate {
            id: id.parse().unwrap(),
        })
        .await;
    }

    /// Ann goes through a gate.
    async fn go(&mut self, gate: &str, to: &str) {
        self.activate(gate).await;
        assert_eq!(self.zone().await.to_string(), to);
        self.me().await;
    }

    /// Ann waits until the slime comes, and hits it until nothing is left of it.
    async fn overcome(&mut self, slime: &str) {
        let sword = self.sheet().await.inventory[0].id.clone();
        for _ in 0..1_200 {
            let (me, it) = (self.me().await, self.object(slime).await.unwrap());
            if it.kind == "puddle" {
                return;
            }
            if (me.at.x - it.at.x).hypot(me.at.y - it.at.y) < 2.0 {
                let on = Some(it.id.clone());
                self.act(Action::Use {
                    id: sword.clone(),
                    on,
                })
                .await;
            } else {
                self.tick().await;
            }
        }
        panic!("{slime} does not come: {:?}", self.object(slime).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_character_goes_through_all_maps_and_grows_on_the_way() {
    let mut tour = Tour::begin().await;
    for (x, y) in [(20.0, 20.0), (30.0, 11.0), (48.0, 9.0)] {
        tour.walk(x, y).await;
    }
    tour.go("cellar-steps", "shared/cellar").await;
    tour.walk(12.5, 10.0).await;
    tour.activate("door").await;
    tour.walk(24.5, 10.0).await;
    tour.act(Action::Take {
        id: "sword".parse().unwrap(),
    })
    .await;
    let sword = tour.sheet().await.inventory[0].clone();
    assert_eq!(sword.id.as_str().split('#').next(), Some("shared/cellar"));
    tour.overcome("slime-2").await;
    assert_eq!(tour.sheet().await.experience, 5);

    tour.walk(17.5, 10.0).await;
    if tour.object("door").await.unwrap().status == "closed" {
        tour.activate("door").await;
    }
    tour.walk(12.5, 10.0).await;
    tour.overcome("slime-1").await;
    assert_eq!(tour.sheet().await.level, 2);

    tour.walk(3.5, 3.5).await;
    tour.go("steps", "shared/meadow").await;
    tour.walk(48.0, 28.0).await;
    tour.walk(49.0, 31.0).await;
    tour.go("garden-gate", "solo/garden/ann").await;
    tour.go("gate", "shared/meadow").await;
    let sheet = tour.sheet().await;
    assert_eq!(sheet.level, 2);
    assert_eq!(sheet.inventory[0], sword);
}
