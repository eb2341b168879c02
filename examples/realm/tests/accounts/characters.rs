//! Characters: whose they are, where they are, and what ends with them.

use crate::world::{World, admit, arrival, commit, name, player};
use realm::{
    ids::ZoneId,
    keeper::{Keeper, KeeperError},
    log::{Leaver, Log},
    object::{Item, Point, Sheet},
};
use reqwest::Method;
use serde_json::json;

pub(crate) async fn characters_are_their_owners_only(world: &World) {
    let (ann, bob) = (world.player("ann").await, world.player("bob").await);
    let (status, body) = world.create(&ann, "Hilda").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["account"], "ann");
    let (status, shown) = world.show(&ann, "hilda").await;
    assert_eq!((status, &shown["name"]), (200, &json!("Hilda")));
    let (status, list) = world
        .ask(Method::GET, "/characters", Some(&ann), None)
        .await;
    let hilda = json!({ "name": "Hilda", "zone": "shared/meadow", "level": 1 });
    assert_eq!((status, list), (200, json!({ "characters": [hilda] })));
    // To everybody else she does not exist.
    let (status, list) = world
        .ask(Method::GET, "/characters", Some(&bob), None)
        .await;
    assert_eq!((status, list), (200, json!({ "characters": [] })));
    for method in [Method::GET, Method::DELETE] {
        let ask = |name: &str| {
            let path = format!("/characters/{name}");
            let (method, bob) = (method.clone(), bob.clone());
            async move { world.ask(method, &path, Some(&bob), None).await }
        };
        let (foreign, absent) = (ask("hilda").await, ask("hulda").await);
        assert_eq!((foreign.0, absent.0), (404, 404));
        let words = foreign.1.to_string().replace("hilda", "hulda");
        assert_eq!(words, absent.1.to_string());
        assert_eq!(ask("not%20a%20name").await.0, 404);
        assert_eq!(
            world
                .ask(method.clone(), "/characters/hilda", None, None)
                .await
                .0,
            401
        );
    }
    // A gateway is told the same.
    let keeper = world.keeper();
    let hers = keeper.character(&ann, &name("HILDA")).await.unwrap();
    assert_eq!((hers.name, hers.account), (name("Hilda"), name("ann")));
    let foreign = keeper.character(&bob, &name("hilda")).await.unwrap_err();
    assert!(matches!(foreign, KeeperError::NoCharacter(_)), "{foreign}");
    let refused = keeper
        .character("nonsense", &name("hilda"))
        .await
        .unwrap_err();
    assert!(matches!(refused, KeeperError::Refused(_)), "{refused}");
}

pub(crate) async fn a_name_is_taken_in_the_whole_world(world: &World) {
    let (ann, bob) = (world.player("ann").await, world.player("bob").await);
    assert_eq!(world.create(&ann, "Hilda").await.0, 201);
    for ticket in [&ann, &bob] {
        let (status, body) = world.create(ticket, "HILDA").await;
        assert_eq!((status, &body["field"]), (409, &json!("name")), "{body}");
    }
    let (status, body) = world.create(&ann, "x").await;
    assert_eq!((status, &body["field"]), (400, &json!("name")), "{body}");
}

pub(crate) async fn an_account_has_eight_characters(world: &World) {
    let ann = world.player("ann").await;
    for number in 1..=8 {
        assert_eq!(world.create(&ann, &format!("hero{number}")).await.0, 201);
    }
    assert_eq!(world.create(&ann, "hero9").await.0, 409);
    assert_eq!(world.delete(&ann, "hero1").await.0, 204);
    assert_eq!(world.create(&ann, "hero9").await.0, 201);
}

/// A sheet that has been somewhere since this one.
fn later(sheet: &Sheet, level: u32, item: Option<&str>) -> Sheet {
    let item = item.map(|id| Item {
        id: id.parse().unwrap(),
        kind: "sword".to_owned(),
        name: "sword".to_owned(),
        script: None,
    });
    Sheet {
        rev: sheet.rev + 1,
        level,
        inventory: item.into_iter().collect(),
        ..sheet.clone()
    }
}

async fn sheet(world: &World, ticket: &str, name: &str) -> Sheet {
    let (status, body) = world.show(ticket, name).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_value(body["sheet"].clone()).unwrap()
}

pub(crate) async fn a_character_is_where_the_log_says(world: &World) {
    let ann = world.player("ann").await;
    world.create(&ann, "Hilda").await;
    let log = &*world.log;
    let before = sheet(world, &ann, "hilda").await;
    admit(log, "Hilda", "ann", before.clone()).await;
    let (at, now) = (Point { x: 3.0, y: 4.0 }, later(&before, 2, Some("a#1")));
    let hilda = player("Hilda", "ann", at, now.clone());
    let arrives = commit(log, 1, vec![hilda.clone()]).await;
    log.commit(&crate::world::meadow(), &arrives).await.unwrap();
    // Read from the zone that she is in, saved or not.
    let (_, shown) = world.show(&ann, "hilda").await;
    assert_eq!(shown["at"], json!({ "x": 3.0, "y": 4.0 }));
    assert_eq!(sheet(world, &ann, "hilda").await, now);
    // She goes through a gate.
    let mut leaves = commit(log, 2, Vec::new()).await;
    leaves.gone = vec![hilda.id];
    let cellar: ZoneId = "shared/cellar".parse().unwrap();
    leaves.travellers = vec![realm::log::Traveller {
        character: name("Hilda"),
        session: crate::world::session(),
        to: cellar,
        arrival: arrival("ann", later(&now, 3, Some("a#1"))),
        then: Vec::new(),
    }];
    log.commit(&crate::world::meadow(), &leaves).await.unwrap();
    let (_, list) = world
        .ask(Method::GET, "/characters", Some(&ann), None)
        .await;
    let hilda = json!({ "name": "Hilda", "zone": "shared/cellar", "level": 3 });
    assert_eq!(list, json!({ "characters": [hilda] }));
}

pub(crate) async fn a_character_in_the_world_is_not_deleted(world: &World) {
    let ann = world.player("ann").await;
    world.create(&ann, "Hilda").await;
    let sheet = sheet(world, &ann, "hilda").await;
    admit(&*world.log, "Hilda", "ann", sheet).await;
    let (status, body) = world.delete(&ann, "hilda").await;
    assert_eq!(status, 409, "{body}");
    assert_eq!(world.show(&ann, "hilda").await.0, 200);
}

/// The log still knows the character that was deleted, and has it to be saved. Another player gets
/// the name: neither the old place nor the old things come with it.
pub(crate) async fn a_deleted_character_does_not_come_back(world: &World) {
    let (ann, bob) = (world.player("ann").await, world.player("bob").await);
    world.create(&ann, "Hilda").await;
    let log = &*world.log;
    let first = sheet(world, &ann, "hilda").await;
    admit(log, "Hilda", "ann", first.clone()).await;
    let rich = later(&first, 9, Some("a#1"));
    let mut leaves = commit(log, 1, Vec::new()).await;
    leaves.leavers = vec![Leaver {
        character: name("Hilda"),
        arrival: arrival("ann", rich.clone()),
    }];
    log.commit(&crate::world::meadow(), &leaves).await.unwrap();
    assert_eq!(sheet(world, &ann, "hilda").await, rich);

    assert_eq!(world.delete(&ann, "hilda").await.0, 204);
    assert_eq!(world.show(&ann, "hilda").await.0, 404);
    assert_eq!(world.create(&bob, "Hilda").await.0, 201);
    let new = sheet(world, &bob, "hilda").await;
    assert_eq!((new.level, new.inventory.len()), (1, 0));
    let (_, list) = world
        .ask(Method::GET, "/characters", Some(&bob), None)
        .await;
    assert_eq!(list["characters"][0]["level"], 1);
    // What is left to be saved of the old one is saved over nothing.
    crate::world::eventually(async || log.dirty(9).await.unwrap().is_empty()).await;
    assert_eq!(sheet(world, &bob, "hilda").await, new);
    // Nor does she come into the world with it.
    admit(log, "Hilda", "bob", new.clone()).await;
    let known = log.whereabouts(&name("hilda")).await.unwrap().unwrap();
    assert_eq!(known.arrival, arrival("bob", new));
}

pub(crate) async fn requests_at_once_make_no_ninth_character(world: &World) {
    let ann = world.player("ann").await;
    let names: Vec<_> = (0..16).map(|it| format!("Hen{it}")).collect();
    let made = names.iter().map(|name| world.create(&ann, name));
    let made = futures::future::join_all(made).await;
    let made = made.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(made, 8);
    let (_, list) = world
        .ask(Method::GET, "/characters", Some(&ann), None)
        .await;
    assert_eq!(list["characters"].as_array().unwrap().len(), 8);
}
