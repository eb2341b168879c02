//! Whatever players send and scripts wish.

use super::*;
use crate::world::hooks::Gift;
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

const WHO: [&str; 3] = ["Ann", "Bob", "Cid"];

/// A script that wishes anything at all, as its seed says.
fn wild(call: &Call<'_>) -> Result<Option<Answer>, Failure> {
    let mut rng = fastrand::Rng::with_seed(call.seed);
    let someone = |rng: &mut fastrand::Rng| match rng.u8(0..4) {
        0 => call.me.id.clone(),
        1 => call.other.map_or_else(|| id("dummy"), |it| it.id.clone()),
        2 => id("hen"),
        _ => ObjectId::player(&name(WHO[rng.usize(0..3)])),
    };
    let gift = || Gift {
        kind: "egg".into(),
        name: "Egg".into(),
        script: Some("wild".parse().unwrap()),
    };
    let mut list = Vec::new();
    for _ in 0..rng.u8(0..3) {
        list.push(match rng.u8(0..14) {
            0 => Wish::Say("x".repeat(rng.usize(0..510))),
            1 => Wish::Status("y".into()),
            2 => Wish::Move(rng.f64() * 12.0 - 6.0, rng.f64() * 12.0 - 6.0),
            3 => Wish::Roll(6, rng.u32(1..7)),
            4 => Wish::Give(someone(&mut rng), gift()),
            5 => Wish::Drop(gift()),
            6 => Wish::Warp(someone(&mut rng), gate("cellar", rng.bool())),
            7 => Wish::Place(someone(&mut rng), at(rng.f64() * 40.0, rng.f64() * 30.0)),
            8 => Wish::WakeIn(rng.u64(0..500)),
            9 => Wish::Damage(someone(&mut rng), rng.u32(0..8)),
            10 => Wish::Health(Some(rng.u32(1..5))),
            11 => Wish::Body([Body::None, Body::Fixed, Body::Loose, Body::Walker][rng.usize(0..4)]),
            12 => Wish::Whisper(name("Ann"), "psst".into()),
            _ => Wish::Kind("thing".into()),
        });
    }
    Ok(Some(Answer {
        done: rng.u8(0..4) == 0,
        wishes: list,
        memory: None,
    }))
}

#[derive(Clone, Debug)]
enum Deed {
    Send(usize, Action),
    Repeat,
    Enter(usize),
    Leave(usize),
    Ended(usize),
    Edited,
    NewOwner,
    Wait(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let metres = prop_oneof![
        8 => -20.0..20.0_f64,
        1 => proptest::num::f64::ANY,
    ];
    let object = prop_oneof![
        3 => prop::sample::select(vec!["hen", "gate", "sword", "dummy", "barrel", "@ann", "@bob"])
            .prop_map(id),
        2 => (1..12_u32).prop_map(|it| id(&format!("shared/meadow#{it}"))),
    ];
    let action = prop_oneof![
        3 => (metres.clone(), metres).prop_map(|(dx, dy)| Action::Move { dx, dy }),
        1 => ".{0,20}".prop_map(|text| Action::Say { text }),
        1 => ".{0,80}".prop_map(|text| Action::Status { text }),
        2 => object.clone().prop_map(|id| Action::Activate { id }),
        3 => object.clone().prop_map(|id| Action::Take { id }),
        2 => object.clone().prop_map(|id| Action::Drop { id }),
        2 => (object.clone(), prop::option::of(object)).prop_map(|(id, on)| Action::Use { id, on }),
    ];
    let deed = prop_oneof![
        12 => (0..3_usize, action).prop_map(|(who, action)| Deed::Send(who, action)),
        1 => Just(Deed::Repeat),
        3 => (0..3_usize).prop_map(Deed::Enter),
        1 => (0..3_usize).prop_map(Deed::Leave),
        1 => (0..3_usize).prop_map(Deed::Ended),
        1 => Just(Deed::Edited),
        1 => Just(Deed::NewOwner),
        3 => (1..20_u8).prop_map(Deed::Wait),
    ];
    vec(deed, 1..60)
}

/// A meadow whose things act by that script, with the characters that are not in it.
struct Trial {
    play: Play,
    scripts: Scripts,
    away: BTreeMap<String, Arrival>,
    repeated: Option<Command>,
}

impl Trial {
    fn new(script: &'static str) -> Self {
        let scripts = Scripts::of(&[("wild", wild)]);
        let mut map = meadow();
        map.objects
            .push(thing("barrel", 12.0, 10.0, 0.4, Body::Loose));
        for object in &mut map.objects {
            object.script = Some(script.parse().unwrap());
            if let Some(item) = &mut object.item {
                item.script = Some(script.parse().unwrap());
            }
        }
        Self {
            play: Play::with(map, Box::new(scripts.clone())),
            scripts,
            away: WHO
                .map(|it| (it.to_owned(), arrival()))
                .into_iter()
                .collect(),
            repeated: None,
        }
    }

    fn step(&mut self, commands: Vec<Command>) {
        if let Some(commit) = self.play.step(commands) {
            let travellers = commit
                .travellers
                .into_iter()
                .map(|it| (it.character, it.arrival));
            let leavers = commit
                .leavers
                .into_iter()
                .map(|it| (it.character, it.arrival));
            for (character, arrival) in travellers.chain(leavers) {
                let twice = self.away.insert(character.to_string(), arrival);
                assert!(twice.is_none(), "{character} has left twice");
            }
        }
        let map = &self.play.map;
        for object in &self.play.stored.objects {
            let (at, radius) = (object.at, object.radius);
            assert!((radius..=map.width - radius).contains(&at.x), "{object:?}");
            assert!((radius..=map.height - radius).contains(&at.y), "{object:?}");
        }
    }

    fn do_(&mut self, deed: Deed) {
        match deed {
            Deed::Send(who, action) => {
                self.play.seq += 1;
                let it = command(WHO[who], self.play.seq, action);
                self.repeated = Some(it.clone());
                self.step(vec![it]);
            }
            Deed::Repeat => {
                let repeated: Vec<_> = self.repeated.clone().into_iter().collect();
                self.step(repeated);
            }
            Deed::Enter(who) => {
                if let Some(arrival) = self.away.remove(WHO[who]) {
                    self.step(vec![command(WHO[who], 0, Action::Enter(arrival))]);
                }
            }
            Deed::Leave(who) => self.step(vec![command(WHO[who], 0, Action::Leave)]),
            Deed::Ended(who) => self.play.world.leave(&name(WHO[who])),
            Deed::Edited => {
                self.scripts.edited.lock().push("wild".parse().unwrap());
                self.play.world.scripts_edited();
            }
            Deed::NewOwner => self.play.world = self.play.again(Box::new(self.scripts.clone())),
            Deed::Wait(ticks) => (0..ticks).for_each(|_| self.step(vec![])),
        }
    }

    /// All items there are: on the ground, carried here, and carried elsewhere. Each is there once.
    fn items(&self) -> BTreeSet<ObjectId> {
        let objects = &self.play.stored.objects;
        let ground = objects.iter().filter_map(|it| it.item.as_ref());
        let here = objects.iter().filter_map(|it| it.player.as_ref());
        let here = here.flat_map(|it| &it.sheet.inventory);
        let elsewhere = self.away.values().flat_map(|it| &it.sheet.inventory);
        let mut items = BTreeSet::new();
        for item in ground.chain(here).chain(elsewhere) {
            assert!(items.insert(item.id.clone()), "{} is there twice", item.id);
        }
        items
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    /// [`Play::step`] asserts that the stored objects are those of the world.
    #[test]
    fn nothing_leaves_the_map_and_no_item_is_lost_or_there_twice(deeds in deeds()) {
        let mut trial = Trial::new("wild");
        let mut before = trial.items();
        for deed in deeds {
            trial.do_(deed);
            let after = trial.items();
            // Scripts give items, and none of these has one vanish.
            prop_assert!(after.is_superset(&before), "{:?} are gone", &before - &after);
            before = after;
        }
    }

    #[test]
    fn without_scripts_the_items_are_always_the_same(deeds in deeds()) {
        let mut trial = Trial::new("none");
        let before = trial.items();
        for deed in deeds {
            trial.do_(deed);
            prop_assert_eq!(trial.items(), before.clone());
        }
    }
}
