//! A client that does not read delays nobody, and is up to date when it reads again.

use crate::{DAEMON, FAST};
use futures::channel::mpsc;
use metaserve::Role;
use metaserve_tests::{Daemon, Follower, RawClient};

#[tokio::test]
async fn a_client_that_stops_reading_delays_nobody_and_then_gets_the_current_state() {
    let stall = [&FAST[..], &["--stall-timeout", "200ms"]].concat();
    let daemon = Daemon::start(DAEMON, &stall).await;
    let (heartbeats, stream) = mpsc::unbounded();
    let connection = daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, stream));
    // Each change is near the largest heartbeat, so that a few fill all windows.
    let words = |number: u32| format!("{number:08000}");
    heartbeats.unbounded_send(words(0)).unwrap();
    let mut reading = Follower::new(&daemon, None).await;
    reading.until_words(&[&words(0)]).await;

    let mut stopped = RawClient::new(daemon.connect(Role::Client, None).await, None, None).await;
    stopped.next().await;
    // 2 MB, while a client's window and the daemon's buffer for it hold less than 700 KB.
    for number in 1..=250 {
        heartbeats.unbounded_send(words(number)).unwrap();
        reading.until_words(&[&words(number)]).await;
    }
    // The client is given up in the meantime; this only makes sure that its 200 ms have passed.
    let mut number = 250;
    while stopped.resets == 0 {
        number += 1;
        heartbeats.unbounded_send(words(number)).unwrap();
        reading.until_words(&[&words(number)]).await;
        if number % 50 == 0 {
            let message = stopped.next().await;
            if stopped.resets == 1 {
                assert_eq!(
                    message.from, None,
                    "it must be a snapshot, not the missed changes"
                );
            }
        }
    }
    let latest = words(number);
    while stopped
        .heartbeats
        .values()
        .next()
        .is_none_or(|words| *words != latest.as_bytes())
    {
        stopped.next().await;
    }
}
