//! A game server or client like the README's, in a program without a log: what it prints when
//! something is wrong is what a newcomer sees.

use futures::StreamExt;
use metaserve::connect::ConnectorFor;
use metaserve_heartbeat::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, daemon, trust, game, bytes] = &arguments[..] else {
        panic!("server|client HOST:PORT FINGERPRINT|CA-FILE|system GAME HEARTBEAT-BYTES");
    };
    if role == "server" {
        let heartbeat = "x".repeat(bytes.parse().expect("a number of bytes"));
        let heartbeats = futures::stream::iter([heartbeat]).chain(futures::stream::pending());
        let daemon = trusting(ConnectorFor::to(daemon), trust);
        return metaserve_heartbeat::maintain(daemon)
            .game(game)
            .run(heartbeats)
            .await;
    }
    let daemon = trusting(ConnectorFor::to(daemon), trust);
    let mut list = metaserve_client::maintain(daemon).game(game).run();
    while let Some(snapshot) = list.next().await {
        println!("{} servers", snapshot?.len());
    }
    Ok(())
}

fn trusting<R>(connector: ConnectorFor<R>, trust: &str) -> ConnectorFor<R> {
    match trust {
        "system" => connector,
        file if file.ends_with(".pem") => connector.ca_file(file),
        digits => connector.fingerprint(digits),
    }
}
