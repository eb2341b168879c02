//! Notifications to the service manager.

use crate::{
    DAEMON, FAST,
    game_server::GameServer,
    process::{Agent, Home},
};
use metaserve_tests::{Daemon, Manager};

#[tokio::test]
async fn the_manager_is_told_ready_how_many_servers_are_listed_and_the_end() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let (manager, home) = (Manager::new(), Home::new());
    let server = GameServer::named("one").await;
    let target = server.target();
    let arguments = ["--server", &target, "--game", "q3"];
    let (address, trust) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    let environment = manager.environment();
    let agent = Agent::under(&environment, &address, &trust, &home, &arguments);
    let told = manager.told_otherwise().await;
    assert_eq!(told[0], "READY=1");
    assert!(told[1].ends_with("of 1 servers on the list"), "{told:?}");
    let listed = ["STATUS=1 of 1 servers on the list"];
    while manager.told_otherwise().await != listed {}
    // Its sign of life comes from the task that holds the servers.
    while manager.told().await != ["WATCHDOG=1"] {}
    server.end().await;
    while manager.told_otherwise().await != ["STATUS=0 of 1 servers on the list"] {}
    agent.stop().await;
    while manager.told_otherwise().await != ["STOPPING=1"] {}
}

/// They were counted as listed: the daemon had accepted them.
#[tokio::test]
async fn servers_that_wait_for_room_in_the_list_are_not_counted_as_listed() {
    let settings = [
        &FAST[..],
        &["--max-listed-per-prefix", "1", "--trusted-prefix", "none"],
    ]
    .concat();
    let daemon = Daemon::start(DAEMON, &settings).await;
    let (manager, home) = (Manager::new(), Home::new());
    let (one, two) = (
        GameServer::named("one").await,
        GameServer::named("two").await,
    );
    let (one, two) = (one.target(), two.target());
    let arguments = ["--server", &one, "--server", &two, "--game", "q3"];
    let (address, trust) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    let environment = manager.environment();
    let agent = Agent::under(&environment, &address, &trust, &home, &arguments);
    let waits = ["STATUS=1 of 2 servers on the list, 1 was told to wait for room"];
    while manager.told_otherwise().await != waits {}
    agent.stop().await;
}
