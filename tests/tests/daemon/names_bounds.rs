//! What one peer of names can cost: peers that are silent, or do not read, and limits.

use crate::{
    DAEMON,
    limits::reached,
    metrics::{scrape, value_of},
    names::ON,
    with_http,
};
use metaserve::{
    CloseCode, Role,
    names::{Answer, Refusal},
    protocol::names::{FromPeer, Start},
    stream::frame,
    tls::client_config,
    transport,
};
use metaserve_tests::{Daemon, RawNames, closed, patiently};
use std::{sync::Arc, time::Duration};

/// A connection with these transport settings.
async fn connect(daemon: &Daemon, transport: quinn::TransportConfig) -> quinn::Connection {
    let mut config = client_config(Role::Names, &daemon.trust(), None).unwrap();
    config.transport_config(Arc::new(transport));
    let endpoint = metaserve::client_endpoint().unwrap();
    let connecting = endpoint.connect_with(config, daemon.address, "localhost");
    connecting.unwrap().await.unwrap()
}

/// QUIC's own timers would let it stay for 15 s.
#[tokio::test]
async fn a_peer_from_which_nothing_comes_is_closed_and_its_names_are_free() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut silent = transport::client(Role::Names);
    let minute = Duration::from_secs(60).try_into().unwrap();
    silent
        .keep_alive_interval(None)
        .max_idle_timeout(Some(minute));
    let mut silent = RawNames::of(connect(&daemon, silent).await).await;
    let lost = silent.granted(1, "a", b"").await;
    let mut other = RawNames::new(&daemon).await;
    other.say(FromPeer::Watch { id: 1, prefix: "" }).await;
    let close = closed(&silent.connection).await;
    assert_eq!(close.code, CloseCode::TooSlow);
    assert!(
        close
            .reason
            .contains("no packet has come from this peer for 5s"),
        "{close}"
    );
    while !matches!(other.next().await, Answer::Down { .. }) {}
    assert!(other.granted(2, "a", b"").await > lost);
}

#[tokio::test]
async fn a_peer_that_asks_and_does_not_read_is_not_read_either_and_then_closed() {
    let further = ["--stall-timeout", "1s", "--requests-at-once", "1000000"];
    let (daemon, http) = with_http(&[&ON[..], &further].concat()).await;
    let mut unread = transport::client(Role::Names);
    unread.receive_window(0_u32.into());
    let connection = connect(&daemon, unread).await;
    let mut out = connection.open_uni().await.unwrap();
    let key = "a";
    let resolve = frame(FromPeer::Resolve {
        id: 1,
        key,
        start: None,
    });
    let asking = async { while out.write_all(&resolve).await.is_ok() {} };
    let (close, ()) = tokio::join!(closed(&connection), patiently("the end", asking));
    assert_eq!(close.code, CloseCode::TooSlow);
    assert!(close.reason.contains("nothing was read"), "{close}");
    reached(http, "stall_timeout").await;
    // What fits the queues of the daemon, and not what a peer can send in a second.
    let answered = [("answer", "absent")];
    let answered = value_of(
        &scrape(http).await,
        "metaserve_names_answers_total",
        &answered,
    );
    assert!(answered < 100.0, "{answered}");
}

async fn full(peer: &mut RawNames, message: FromPeer<'_>) -> String {
    peer.say(message).await;
    match peer.next().await {
        Answer::Refused {
            refusal: Refusal::Full,
            why,
            ..
        } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_limit_is_a_refusal_with_a_reason_and_counted() {
    let start = Some(Start {
        payload: b"",
        within_millis: 60_000,
        ticket: None,
    });
    let (id, key, prefix) = (9, "b", "");
    let value = b"";
    let claim = metaserve::protocol::names::Claim {
        id,
        key,
        value,
        ticket: None,
        held: None,
    };
    let offer = FromPeer::Offer {
        id,
        prefix,
        slots: 1,
        ticket: None,
    };
    let resolve = FromPeer::Resolve { id, key, start };
    let watch = FromPeer::Watch { id, prefix };
    for (limit, most, message) in [
        ("max_claims", "1", FromPeer::Claim(claim)),
        ("max_claims_per_peer", "1", FromPeer::Claim(claim)),
        ("max_watches", "0", watch),
        ("max_offers", "0", offer),
        ("max_orders", "0", resolve),
        ("max_resolvers", "0", resolve),
    ] {
        let setting = format!("--{}", limit.replace('_', "-"));
        let (daemon, http) = with_http(&[&ON[..], &[&setting, most]].concat()).await;
        let mut peer = RawNames::new(&daemon).await;
        peer.granted(1, "a", b"").await;
        let why = full(&mut peer, message).await;
        assert!(!why.is_empty());
        reached(http, limit).await;
        let refused = [("reason", "full")];
        let refused = value_of(
            &scrape(http).await,
            "metaserve_names_refused_total",
            &refused,
        );
        assert_eq!(refused, 1.0, "{limit}");
    }
}

#[tokio::test]
async fn a_flood_of_requests_closes_its_peer_alone() {
    let few = ["--requests-at-once", "100", "--requests-per-second", "1"];
    let (daemon, http) = with_http(&[&ON[..], &few].concat()).await;
    let mut other = RawNames::new(&daemon).await;
    other.granted(1, "a", b"").await;
    let connection = daemon.connect(Role::Names, None).await;
    let mut flood = RawNames::of(connection.clone()).await;
    let key = "a";
    for _ in 0..200 {
        let resolve = FromPeer::Resolve {
            id: 1,
            key,
            start: None,
        };
        // Fails when the daemon has closed the connection.
        if !flood.try_say(resolve).await {
            break;
        }
    }
    let close = closed(&connection).await;
    assert_eq!(close.code, CloseCode::RateLimited);
    assert!(
        close.reason.contains("more than 1 requests per second"),
        "{close}"
    );
    reached(http, "requests_per_second").await;
    let start = None;
    other.say(FromPeer::Resolve { id: 2, key, start }).await;
    assert!(matches!(other.next().await, Answer::Found { .. }));
}
