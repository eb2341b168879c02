//! The keeper saves what has changed, and loads what the log has lost.

use crate::world::{World, admit, commit, eventually, hen, meadow, name, player};
use realm::{
    keeper::Keeper,
    log::{Dirty, Log, memory::MemoryLog},
    object::{Object, Point, Sheet},
};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;

fn at(x: f64) -> Point {
    Point { x, y: 0.0 }
}

/// A hen and Hilda at revision `rev` of the meadow, of which the log knows nothing yet.
async fn stage(log: &MemoryLog, rev: u64, x: f64, sheet: &Sheet) {
    admit(log, "Hilda", "ann", sheet.clone()).await;
    let changed = vec![hen(at(x)), player("Hilda", "ann", at(x), sheet.clone())];
    let commit = commit(log, rev, changed).await;
    log.commit(&meadow(), &commit).await.unwrap();
}

async fn saved(log: &MemoryLog) {
    eventually(async || log.dirty(9).await.unwrap().is_empty()).await;
}

/// Ann's ticket; she has Hilda.
async fn ann(world: &World) -> (String, Sheet) {
    let ann = world.player("ann").await;
    let (_, body) = world.create(&ann, "Hilda").await;
    (ann, serde_json::from_value(body["sheet"].clone()).unwrap())
}

fn later(sheet: &Sheet, level: u32) -> Sheet {
    let rev = sheet.rev + u64::from(level);
    Sheet {
        rev,
        level,
        ..sheet.clone()
    }
}

/// What is left when the log has lost everything.
async fn known(world: &World, ticket: &str) -> (Option<u64>, Vec<Object>, f64, u32) {
    let keeper = world.keeper();
    let zone = keeper.zone(&meadow()).await.unwrap();
    let hilda = keeper.character(ticket, &name("Hilda")).await.unwrap();
    let x = hilda.at.map_or(0.0, |it| it.x);
    let objects = zone.as_ref().map(|it| it.objects.clone());
    let rev = zone.map(|it| it.rev);
    (rev, objects.unwrap_or_default(), x, hilda.sheet.level)
}

pub(crate) async fn a_zone_and_its_characters_are_saved_and_loaded(world: &World) {
    let (ticket, sheet) = ann(world).await;
    assert_eq!(known(world, &ticket).await, (None, Vec::new(), 0.0, 1));
    let sheet = later(&sheet, 2);
    stage(&world.log, 1, 5.0, &sheet).await;
    saved(&world.log).await;
    // She walks: the sheet stays as it was.
    let walks = commit(&*world.log, 2, vec![player("Hilda", "ann", at(6.0), sheet)]).await;
    world.log.commit(&meadow(), &walks).await.unwrap();
    saved(&world.log).await;
    world.log.lose();
    assert_eq!(
        known(world, &ticket).await,
        (Some(2), vec![hen(at(5.0))], 6.0, 2)
    );
    // Zones that have long bodies, and words of all the world.
    let mut changed = Vec::new();
    for number in 0..500 {
        let mut it = hen(at(1.0));
        it.id = format!("hen{number}").parse().unwrap();
        it.status = "🐔 Hühner, 鶏 \u{0} \\ ' \"".repeat(10);
        changed.push(it);
    }
    let many = commit(&*world.log, 3, changed.clone()).await;
    world.log.commit(&meadow(), &many).await.unwrap();
    saved(&world.log).await;
    let zone = world.keeper().zone(&meadow()).await.unwrap().unwrap();
    assert_eq!(zone.objects.len(), 500);
    assert_eq!(zone.objects[0].status, changed[0].status);
    assert_eq!(zone.world, json!({ "seed": 7 }));
}

/// A keeper that was frozen goes on after another one: it knows an older world.
pub(crate) async fn a_late_keeper_overwrites_nothing(world: &World) {
    let (ticket, sheet) = ann(world).await;
    stage(&world.log, 7, 5.0, &later(&sheet, 3)).await;
    saved(&world.log).await;
    let newest = known(world, &ticket).await;
    let late = Arc::new(MemoryLog::new());
    stage(&late, 6, 1.0, &later(&sheet, 2)).await;
    let role = crate::world::Role::start(&world.settings, late.clone(), &world.daemon).await;
    // It is the spare: it saves once the other one is gone.
    assert_ne!(late.dirty(9).await.unwrap(), []);
    world.pause().await;
    role.serves(&world.http).await;
    role.end().await;
    // It is not said to be saved: it is saved once it is past what is stored.
    assert_eq!(late.dirty(9).await.unwrap(), [Dirty::Zone(meadow())]);
    world.go_on().await;
    world.log.lose();
    assert_eq!(known(world, &ticket).await, newest);
}

pub(crate) async fn the_last_changes_are_saved_at_the_end(world: &World) {
    let (ticket, sheet) = ann(world).await;
    let mut settings = world.settings.clone();
    settings.save_every = std::time::Duration::from_secs(3_600);
    world.pause().await;
    let log = Arc::new(MemoryLog::new());
    let role = crate::world::Role::start(&settings, log.clone(), &world.daemon).await;
    role.serves(&world.http).await;
    stage(&log, 9, 8.0, &later(&sheet, 4)).await;
    role.end().await;
    assert_eq!(log.dirty(9).await.unwrap(), []);
    world.go_on().await;
    assert_eq!(
        known(world, &ticket).await,
        (Some(9), vec![hen(at(8.0))], 8.0, 4)
    );
}

pub(crate) async fn a_zone_is_shown_to_roles_only(world: &World) {
    let (ticket, sheet) = ann(world).await;
    stage(&world.log, 1, 5.0, &sheet).await;
    saved(&world.log).await;
    let path = "/keeper/zones/shared/meadow";
    assert_eq!(world.ask(Method::GET, path, None, None).await.0, 401);
    assert_eq!(
        world.ask(Method::GET, path, Some(&ticket), None).await.0,
        403
    );
    let service = String::from_utf8(world.pass().service.to_vec()).unwrap();
    let (status, body) = world.ask(Method::GET, path, Some(&service), None).await;
    assert_eq!(status, 200);
    // Nobody's session is in the database.
    assert!(!body.to_string().contains(crate::world::session().as_str()));
    let (status, body) = world
        .ask(Method::GET, "/keeper/zones/nonsense", Some(&service), None)
        .await;
    assert_eq!((status, &body["field"]), (404, &json!("zone")));
}

/// The meadow's owner commits this revision.
pub(crate) async fn play(world: &World, rev: u64) {
    let x = rev as f64;
    let commit = commit(&*world.log, rev, vec![hen(at(x))]).await;
    world.log.commit(&meadow(), &commit).await.unwrap();
}

/// Saves a meadow.
pub(crate) async fn save_meadow(world: &World) {
    stage(&world.log, 1, 5.0, &Sheet::default()).await;
    saved(&world.log).await;
}
