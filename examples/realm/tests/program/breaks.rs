//! What a player's program does when something breaks.

use crate::{heard, patiently, player, proxy::Proxy, world};
use realm::{
    client::{Account, Client, Wish},
    messages::Scope,
    zones,
};

fn say(text: String) -> Wish {
    let scope = Scope::Zone;
    Wish::Say { scope, text }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_over_breaking_connections_is_done_once_and_in_order() {
    let state = tempfile::tempdir().unwrap();
    let world = world(state.path()).await;
    let proxy = Proxy::to(world.url()).await;
    let (_, ann) = player(&world, "Ann", std::slice::from_ref(&proxy.url)).await;
    let (_, bob) = player(&world, "Bob", &[world.url().to_owned()]).await;
    let mut news = bob.news();
    let mut last = None;
    for number in 1..=60 {
        last = Some(ann.send(say(number.to_string())).await.unwrap());
        if number % 10 == 0 {
            proxy.cut();
        }
    }
    patiently("the last words", ann.done(last.unwrap()))
        .await
        .unwrap();
    for number in 1..=60 {
        assert_eq!(heard(&mut news, "Ann").await, number.to_string());
    }
    ann.bye().await;
    bob.bye().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_goes_on_when_its_zone_host_is_killed() {
    let state = tempfile::tempdir().unwrap();
    let world = world(state.path()).await;
    let gateways = [world.url().to_owned()];
    let (account, ann) = player(&world, "Ann", &gateways).await;
    let begin = ann.state().borrow().me().unwrap().x;
    let sent = ann.send(Wish::Move { dx: 9.0, dy: 0.0 }).await.unwrap();
    patiently("the walk", ann.done(sent)).await.unwrap();
    let walks = ann.until(|state| state.me().is_some_and(|it| it.x > begin + 1.0));
    patiently("some steps", walks).await.unwrap();

    let row = zones::all(&gateways).await.unwrap().remove(0);
    world.hosts().kill(&row.host).await.unwrap();
    patiently("the end of the walk", ann.still()).await.unwrap();
    let end = ann.state().borrow().me().unwrap().x;
    assert!((end - begin - 9.0).abs() < 0.01, "from {begin} to {end}");
    let later = zones::all(&gateways).await.unwrap().remove(0);
    assert!(later.epoch > row.epoch, "{later:?} after {row:?}");
    assert_eq!(later.players, 1);

    // The database knows it too, once it is saved.
    ann.bye().await;
    world.stop().await;
    let world = crate::world(state.path()).await;
    let gateways = [world.url().to_owned()];
    let account = Account::log_in(&gateways, account.name(), "a long password");
    let account = patiently("a log-in", account).await.unwrap();
    let ann = Client::enter(gateways.to_vec(), account, "Ann".parse().unwrap());
    let ann = patiently("the same world", ann).await.unwrap();
    let there = ann.state().borrow().me().unwrap().x;
    assert!((there - end).abs() < 0.01, "from {end} to {there}");
    ann.bye().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_world_does_not_use_the_same_state() {
    let state = tempfile::tempdir().unwrap();
    let world = world(state.path()).await;
    let settings = realm::dev::Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        state: state.path().to_owned(),
        content: None,
        no_physics: true,
    };
    let second = realm::dev::World::start(&settings);
    let error = second.await.err().unwrap().to_string();
    assert!(error.contains("another directory with --state"), "{error}");
    world.stop().await;
}
