//! Zones start by themselves when somebody asks for them, on one host each.

use crate::common::{Realm, patiently, zone};
use async_trait::async_trait;
use futures::{future::join_all, poll};
use metaserve_client::names::Entry;
use realm::{
    command::Action,
    ids::{Name, ZoneId},
    keeper::{Character, Keeper, KeeperError},
    log::{Log, Stored},
    roles::Owner,
    testing::MemoryKeeper,
    zone::Settings,
};
use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};
use tokio::sync::watch;

#[tokio::test]
async fn of_200_who_ask_for_an_absent_zone_all_are_told_one_owner() {
    let realm = Realm::start();
    let _hosts = [realm.host("first").await, realm.host("second").await];
    let asked = (0..200).map(|_| realm.ask("shared/meadow"));
    let found = join_all(asked).await;
    let epochs: BTreeSet<u64> = found.iter().map(|it| it.as_ref().unwrap().epoch).collect();
    assert_eq!(epochs.len(), 1);
    let stored = realm.stored("shared/meadow").await;
    assert_eq!(Some(&stored.epoch), epochs.first());
}

#[tokio::test]
async fn a_zone_comes_up_again_whether_its_host_has_crashed_or_was_stopped() {
    let realm = Realm::start();
    let first = realm.host("first").await;
    let epoch = realm.ask("shared/meadow").await.unwrap().epoch;
    let second = realm.host("second").await;
    first.crash().await;
    realm.gone("shared/meadow", epoch).await;
    assert_eq!(realm.owner("shared/meadow").await.host, "second");
    let _third = realm.host("third").await;
    second.stop().await.unwrap();
    assert_eq!(realm.owner("shared/meadow").await.host, "third");
}

#[tokio::test]
async fn a_zone_that_has_gone_to_sleep_comes_up_again() {
    let realm = Realm::start();
    let at_once = Settings {
        idle: Duration::ZERO,
        ..Settings::default()
    };
    let _host = realm.host_with("host", at_once).await;
    // The garden has nothing that ever is to be done.
    let first = realm.ask("solo/garden/ann").await.unwrap().epoch;
    realm.held("solo/garden/ann", |it| it.is_none()).await;
    let rev = realm.stored("solo/garden/ann").await.rev;
    let second = realm.ask("solo/garden/ann").await.unwrap().epoch;
    assert!(second > first);
    realm.held("solo/garden/ann", |it| it.is_none()).await;
    assert!(realm.stored("solo/garden/ann").await.rev >= rev);
}

/// How many players there are is what the claim says of the zone.
#[tokio::test]
async fn a_claim_says_how_many_players_are_there() {
    let realm = Realm::start();
    let _host = realm.host("host").await;
    realm.ask("shared/meadow").await.unwrap();
    let players = async |wanted| {
        let counts = |it: &Entry| Owner::of(&it.value).unwrap().players == wanted;
        realm
            .held("shared/meadow", |it| it.is_some_and(counts))
            .await;
    };
    players(0).await;
    let ann = realm.enter("Ann", "shared/meadow").await;
    players(1).await;
    realm.enter("Bob", "shared/meadow").await;
    players(2).await;
    ann.does(0, Action::Leave).await;
    players(1).await;
}

#[tokio::test]
async fn a_host_owns_as_many_zones_as_it_has_slots_for() {
    let realm = Realm::start();
    let one = Settings {
        slots: 1,
        ..Settings::default()
    };
    let host = realm.host_with("first", one).await;
    realm.ask("shared/meadow").await.unwrap();
    let start = realm.names.resolve("zone/shared/cellar").or_start("");
    let error = start.await.unwrap_err().to_string();
    assert!(error.contains("no host has a free slot"), "{error}");
    // There is a place as soon as another host comes, or this one has given a zone up.
    let _second = realm.host("second").await;
    assert_eq!(realm.owner("shared/cellar").await.host, "second");
    host.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_in_words() {
    let realm = Realm::start();
    let one = Settings {
        slots: 1,
        ..Settings::default()
    };
    let _host = realm.host_with("host", one).await;
    for (key, why) in [
        ("zone/shared/atlantis", "unknown map atlantis"),
        ("zone/../maps", "not a zone"),
        ("zone/solo/garden", "not a zone"),
    ] {
        let start = realm.names.resolve(key).or_start("").await;
        let error = start.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    // The slot is free again each time.
    realm.ask("shared/meadow").await.unwrap();
}

/// The log has lost everything, and the accounts role is not there yet.
#[tokio::test]
async fn a_zone_is_not_made_anew_while_the_keeper_is_away() {
    let realm = Realm::start();
    let host = realm.host("first").await;
    realm.ask("shared/meadow").await.unwrap();
    let mut saved = realm.stored("shared/meadow").await;
    host.stop().await.unwrap();
    let _host = realm.host("second").await;
    realm.log.lose();
    saved.objects.truncate(1);
    let (id, rev) = (zone("shared/meadow"), saved.rev);
    let only = saved.objects[0].id.clone();
    realm.keeper.zones.lock().insert(id.clone(), saved);
    realm.keeper.is_away.store(true, SeqCst);
    let error = realm.ask("shared/meadow").await.unwrap_err().to_string();
    assert!(error.contains("accounts cannot be reached"), "{error}");
    assert_eq!(realm.log.stored(&id).await.unwrap(), None);
    realm.keeper.is_away.store(false, SeqCst);
    realm.ask("shared/meadow").await.unwrap();
    let stored = realm.stored("shared/meadow").await;
    assert!(stored.rev > rev + 1_000_000, "{}", stored.rev);
    let ids: Vec<_> = stored.objects.iter().map(|it| &it.id).collect();
    assert_eq!(ids, [&only]);
}

/// Does not answer for the meadow before it may.
#[derive(Debug)]
struct Slow {
    keeper: Arc<MemoryKeeper>,
    may: watch::Receiver<bool>,
    asked: watch::Sender<bool>,
}

#[async_trait]
impl Keeper for Slow {
    async fn character(&self, ticket: &str, name: &Name) -> Result<Character, KeeperError> {
        self.keeper.character(ticket, name).await
    }

    async fn zone(&self, zone: &ZoneId) -> Result<Option<Stored>, KeeperError> {
        if zone.to_string() == "shared/meadow" {
            self.asked.send_replace(true);
            let _ = self.may.clone().wait_for(|it| *it).await;
        }
        self.keeper.zone(zone).await
    }
}

#[tokio::test]
async fn a_slow_start_delays_no_other_zone() {
    let realm = Realm::start();
    let (may, asked) = (watch::Sender::new(false), watch::Sender::new(false));
    let slow = Slow {
        keeper: realm.keeper.clone(),
        may: may.subscribe(),
        asked: asked.clone(),
    };
    let _host = realm.host_by("host", Arc::new(slow)).await;
    let mut meadow = pin!(realm.ask("shared/meadow"));
    assert!(poll!(&mut meadow).is_pending());
    let mut asked = asked.subscribe();
    patiently("a slow start", asked.wait_for(|it| *it))
        .await
        .unwrap();
    for id in ["shared/cellar", "solo/garden/ann", "solo/garden/bob"] {
        realm.ask(id).await.unwrap();
    }
    assert!(poll!(&mut meadow).is_pending());
    may.send_replace(true);
    meadow.await.unwrap();
}

/// Two starts race: the one who claims the zone has it, and the other one never touches its state.
#[tokio::test]
async fn a_host_that_loses_the_race_for_a_zone_leaves_it_alone() {
    let realm = Realm::start();
    let (may, asked) = (watch::Sender::new(false), watch::Sender::new(false));
    let slow = Slow {
        keeper: realm.keeper.clone(),
        may: may.subscribe(),
        asked: asked.clone(),
    };
    let host = realm.host_by("late", Arc::new(slow)).await;
    let mut meadow = pin!(realm.ask("shared/meadow"));
    assert!(poll!(&mut meadow).is_pending());
    let mut asked = asked.subscribe();
    patiently("a slow start", asked.wait_for(|it| *it))
        .await
        .unwrap();
    let owner = Owner {
        host: "early".into(),
        ..Owner::default()
    };
    let claim = realm.names.claim("zone/shared/meadow").value(owner.value());
    let claim = claim.await.unwrap();
    assert_eq!(meadow.await.unwrap().epoch, claim.epoch());
    may.send_replace(true);
    host.stop().await.unwrap();
    // It would be fenced, had the host taken the zone after this claim, and stored, had it committed.
    assert_eq!(
        realm.log.take(&zone("shared/meadow"), 1).await.unwrap(),
        None
    );
}
