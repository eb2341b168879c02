//! Tests that a room of the VCMI lobby is a server in the list: it appears, fills, changes and
//! leaves.

use crate::{
    DAEMON,
    process::{Bridge, Launcher},
};
use metaserve::{Identity, ServerInfo};
use metaserve_client::Snapshot;
use metaserve_tests::{Daemon, Follower};
use tempfile::TempDir;

const FAST: [&str; 2] = ["--tick", "20ms"];

/// A state directory with an identity, and the arguments with which a daemon trusts it.
pub(crate) fn trusted() -> (TempDir, Vec<String>) {
    let state = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(state.path(), &[]).unwrap();
    let fingerprint = identity.fingerprint().to_string();
    let arguments = FAST.map(str::to_owned).into_iter();
    let arguments = arguments
        .chain(["--trust-relay".into(), fingerprint])
        .collect();
    (state, arguments)
}

fn room(list: &Snapshot) -> Option<ServerInfo> {
    list.servers()
        .find_map(|server| ServerInfo::from_json(&server.heartbeat))
}

fn has_players(count: u32) -> impl Fn(&Snapshot) -> bool {
    move |list| room(list).is_some_and(|info| info.players == Some(count))
}

#[tokio::test]
async fn a_native_client_sees_a_room_appear_fill_and_leave() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let mut client = Follower::new(&daemon, Some("vcmi")).await;
    let mut alice = Launcher::new(&bridge, 5, "alice").await;
    let mut bobby = Launcher::new(&bridge, 2, "bobby").await;

    alice
        .says("<NEW>castle<PSWD>secret<COUNT>2<MODS>wog&1.0")
        .await;
    client.until("the room", has_players(1)).await;
    let listed = client.only();
    assert_eq!(listed.address, bridge.vcmi, "players join at the bridge");
    let id = listed.id;
    let info = room(&client.snapshot).unwrap();
    assert_eq!(
        (&*info.name, info.max_players, info.password),
        ("castle", Some(2), Some(true))
    );
    assert_eq!(info.version.as_deref(), Some("VCMI 1.4.0"));
    assert_eq!(
        (&*info.mods[0].name, info.mods[0].version.as_deref()),
        ("wog", Some("1.0"))
    );

    bobby.says("<JOIN>castle<PSWD>secret").await;
    client.until("two players", has_players(2)).await;
    assert_eq!(client.only().id, id, "the row is updated, not replaced");

    alice.says("<READY>castle").await;
    alice.hears("alice:True").await;
    bobby.says("<READY>castle").await;
    alice.hears(":>>START:").await;
    client.until("the start", Snapshot::is_empty).await;
}

#[tokio::test]
async fn rooms_are_listed_again_after_a_restart_of_the_daemon_and_the_lobby_continues() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let mut alice = Launcher::new(&bridge, 5, "alice").await;
    alice.says("<NEW>castle<COUNT>4").await;
    Follower::new(&daemon, Some("vcmi"))
        .await
        .until("the room", has_players(1))
        .await;

    let daemon = daemon.kill_and_restart(&arguments).await;
    let mut bobby = Launcher::new(&bridge, 5, "bobby").await;
    bobby.says("<JOIN>castle<PSWD>").await;
    alice.hears(":>>JOIN:castle:bobby").await;
    let mut client = Follower::new(&daemon, Some("vcmi")).await;
    client.until("the room with both", has_players(2)).await;
}

/// Two daemons that trust the bridge, and the bridge with a room that publishes at both or at one.
async fn at_two(
    state: &TempDir,
    arguments: &[String],
    at: &str,
) -> ([Daemon; 2], Bridge, Launcher) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemons = [
        Daemon::start(DAEMON, &arguments).await,
        Daemon::start(DAEMON, &arguments).await,
    ];
    let (second, trusted) = (daemons[1].address, daemons[1].fingerprint);
    let further = [
        ["--daemon", &second.to_string()],
        ["--fingerprint", &trusted.to_string()],
        ["--publish-at", at],
    ];
    let bridge = Bridge::with(&daemons[0], state.path(), &further.concat()).await;
    let mut alice = Launcher::new(&bridge, 5, "alice").await;
    alice.says("<NEW>castle<COUNT>4").await;
    (daemons, bridge, alice)
}

#[tokio::test]
async fn rooms_are_listed_at_every_daemon_and_stay_at_one_when_the_other_is_lost() {
    let (state, arguments) = trusted();
    let (daemons, bridge, _alice) = at_two(&state, &arguments, "every").await;
    for daemon in &daemons {
        let mut client = Follower::new(daemon, Some("vcmi")).await;
        client.until("the room", has_players(1)).await;
    }
    let [one, two] = daemons;
    let mut client = Follower::new(&two, Some("vcmi")).await;
    drop(one.kill().await);
    let mut bobby = Launcher::new(&bridge, 5, "bobby").await;
    bobby.says("<JOIN>castle<PSWD>").await;
    client.until("two players", has_players(2)).await;
}

#[tokio::test]
async fn rooms_move_to_another_daemon_when_theirs_is_lost() {
    let (state, arguments) = trusted();
    let ([one, two], _bridge, _alice) = at_two(&state, &arguments, "one").await;
    let mut first = Follower::new(&one, Some("vcmi")).await;
    let mut second = Follower::new(&two, Some("vcmi")).await;
    let (lost, mut other) = tokio::select! {
        _ = first.until("the room", has_players(1)) => (one, second),
        _ = second.until("the room", has_players(1)) => (two, first),
    };
    lost.signal("TERM").await;
    other.until("the room", has_players(1)).await;
}

#[tokio::test]
async fn an_untrusted_bridge_logs_what_the_operator_has_to_do() {
    let state = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let mut bridge = Bridge::start(&daemon, state.path()).await;
    let fingerprint = Identity::load_or_create(state.path(), &[])
        .unwrap()
        .fingerprint();
    bridge.logged(&format!("--trust-relay {fingerprint}")).await;
    let mut alice = Launcher::new(&bridge, 5, "alice").await;
    alice.says("<NEW>castle<COUNT>4").await;
    alice.hears(":>>CREATED:castle").await;
}
