//! What the bridge counts of its connections to the daemon.

use crate::{
    DAEMON,
    process::{Bridge, Launcher},
    vcmi::trusted,
};
use metaserve::Role;
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, constant, http::get_in_the_end, patiently};

/// Waits until a series, such as `bans`, has a value that `is` right.
async fn until(bridge: &Bridge, series: &str, is: impl Fn(f64) -> bool) {
    let line = format!("\nmetaserve_bridge_{series} ");
    let waiting = async {
        loop {
            let answer = get_in_the_end(bridge.metrics, "/metrics").await;
            let text = String::from_utf8(answer.body.to_vec()).unwrap();
            let (_, value) = text.split_once(&line).unwrap();
            if is(value.lines().next().unwrap().parse().unwrap()) {
                return;
            }
        }
    };
    patiently(series, waiting).await;
}

#[tokio::test]
async fn the_connections_to_the_daemon_are_counted_through_its_restart() {
    let (state, arguments) = trusted();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = Daemon::start(DAEMON, &arguments).await;
    let bridge = Bridge::start(&daemon, state.path()).await;
    let links = |purpose, state| format!(r#"daemon_links{{purpose="{purpose}",state="{state}"}}"#);
    for purpose in ["publish", "follow"] {
        until(&bridge, &links(purpose, "live"), |value| value == 1.0).await;
        until(&bridge, &links(purpose, "down"), |value| value == 0.0).await;
    }
    let mut alice = Launcher::new(&bridge, 5, "alice").await;
    alice
        .says("<NEW>castle<PSWD>secret<COUNT>2<MODS>wog&1.0")
        .await;
    let rooms = r#"servers{protocol="vcmi",family="ipv4"}"#;
    until(&bridge, rooms, |value| value == 1.0).await;
    // A native server that players of Aleph One are shown.
    let connection = daemon.connect(Role::Heartbeat, None).await;
    let publisher = Publisher::new(connection).game("alephone").port(7777);
    let record = r#"{"name":"native","players":1,"max_players":8}"#;
    tokio::spawn(publisher.run(constant(record)));
    let followed = r#"followed_servers{protocol="aleph_one"}"#;
    until(&bridge, followed, |value| value == 1.0).await;

    let killed = daemon.kill().await;
    for purpose in ["publish", "follow"] {
        until(&bridge, &links(purpose, "down"), |value| value == 1.0).await;
        let failures = format!(r#"daemon_link_failures_total{{purpose="{purpose}"}}"#);
        until(&bridge, &failures, |value| value >= 1.0).await;
    }
    let _daemon = killed.restart(&arguments).await;
    for purpose in ["publish", "follow"] {
        until(&bridge, &links(purpose, "live"), |value| value == 1.0).await;
        let made = format!(r#"daemon_links_made_total{{purpose="{purpose}"}}"#);
        until(&bridge, &made, |value| value >= 2.0).await;
    }
    // Rooms stay open meanwhile.
    until(&bridge, rooms, |value| value == 1.0).await;
}
