//! A stopping daemon does not wait for peers that are not admitted yet.

use crate::{
    DAEMON,
    metrics::{scrape, value},
};
use metaserve::{Connector, Role};
use metaserve_tests::{Daemon, patiently};
use tokio::net::UdpSocket;

#[tokio::test]
async fn a_handshake_in_progress_does_not_delay_a_stopping_daemon() {
    let mut daemon = Daemon::start(DAEMON, &["--http", "127.0.0.1:0"]).await;
    let http = daemon.http().await;
    // After the first packet, the path to the daemon is lost.
    let way = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = way.local_addr().unwrap().to_string();
    let connector = Connector::new(Role::Client, &address, &daemon.trust(), None).unwrap();
    let connecting = tokio::spawn(async move { connector.connect().await });
    let mut packet = [0; 2000];
    let length = patiently("a first packet", way.recv(&mut packet))
        .await
        .unwrap();
    way.send_to(&packet[..length], daemon.address)
        .await
        .unwrap();
    let begun =
        async { while value(&scrape(http).await, "metaserve_handshakes_under_way", "") < 1.0 {} };
    patiently("a handshake", begun).await;

    daemon.signal("TERM").await;
    daemon.logged("stopped: every peer was told").await;
    assert_eq!(daemon.ended().await, Some(0));
    connecting.abort();
}
