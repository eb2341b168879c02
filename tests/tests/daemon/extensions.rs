//! Extensions after any message: even tags are skipped, odd ones refuse the message.

use crate::{DAEMON, FAST};
use metaserve::{
    CloseCode, Identity, Role,
    protocol::{
        client::{Compression, Subscribe},
        codec, framing,
        heartbeat::{FromServer, Hello},
        relay::{FromRelay, Upsert},
    },
    stream::{self, FrameReader},
};
use metaserve_tests::{Daemon, Follower, patiently, raw_peer, say};

/// A frame of `message` with these extensions, in this order.
fn frame(message: impl codec::Message, extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let encoded = extensions.iter().flat_map(codec::encode);
    let bytes = framing::frame(|into| {
        into.extend(codec::encode(message));
        into.extend(encoded);
    });
    bytes.to_vec()
}

const HELLO: FromServer<'static> = FromServer::Hello(Hello {
    game: "game",
    port: None,
});

const SUBSCRIBE: Subscribe<'static> = Subscribe {
    game: None,
    known: None,
    compression: Compression::None,
};

fn upsert() -> FromRelay<'static> {
    FromRelay::Upsert(Upsert {
        key: 7,
        game: "game",
        address: ([192, 0, 2, 1], 7777).into(),
        heartbeat: b"relayed",
    })
}

/// Each message that a peer sends, by its name: its role, what has to come before it, and a frame of
/// it with these extensions.
fn messages(extensions: &[(u16, &[u8])]) -> [(&'static str, Role, Vec<u8>, Vec<u8>); 5] {
    let hello = || frame(HELLO, &[]);
    let heartbeat = FromServer::Heartbeat(b"published");
    let (server, relay) = (Role::Heartbeat, Role::Relay);
    [
        ("a hello", server, Vec::new(), frame(HELLO, extensions)),
        ("a heartbeat", server, hello(), frame(heartbeat, extensions)),
        (
            "a subscribe",
            Role::Client,
            Vec::new(),
            frame(SUBSCRIBE, extensions),
        ),
        ("an upsert", relay, Vec::new(), frame(upsert(), extensions)),
        (
            "a removal",
            relay,
            Vec::new(),
            frame(FromRelay::Remove(8), extensions),
        ),
    ]
}

async fn start() -> (Daemon, Identity) {
    let relay = Identity::load_or_create(tempfile::tempdir().unwrap().path(), &[]).unwrap();
    let fingerprint = relay.fingerprint().to_string();
    let trust = ["--trust-relay", &fingerprint];
    let daemon = Daemon::start(DAEMON, &[&FAST[..], &trust].concat()).await;
    (daemon, relay)
}

#[tokio::test]
async fn extensions_with_even_tags_are_skipped_a_thousand_of_them_too() {
    let (daemon, relay) = start().await;
    let mut client = Follower::new(&daemon, None).await;
    let thousand: Vec<_> = (0..250).map(|at| (at * 2, &b""[..])).collect();
    let few = [(0, &b""[..]), (2, b"later"), (60_000, b"much later")];
    // As many as fit a first message.
    let first: Vec<_> = (0..1000).map(|at| (at * 2, &b"12345"[..])).collect();
    for (extensions, of_hello) in [(&few[..], &few[..]), (&thousand, &first)] {
        let server = daemon.connect(Role::Heartbeat, None).await;
        let heartbeat = FromServer::Heartbeat(b"published");
        let bytes = [frame(HELLO, of_hello), frame(heartbeat, extensions)].concat();
        let _server = say(&server, &bytes).await;
        let relaying = daemon.connect(Role::Relay, Some(&relay)).await;
        let removal = frame(FromRelay::Remove(8), extensions);
        let _relay = say(&relaying, &[frame(upsert(), extensions), removal].concat()).await;
        client.until_words(&["published", "relayed"]).await;
        let listener = daemon.connect(Role::Client, None).await;
        let _listener = say(&listener, &frame(SUBSCRIBE, of_hello)).await;
        let stream = patiently("the list", listener.accept_uni()).await.unwrap();
        let list = patiently("a list", FrameReader::new(stream).next(1 << 20)).await;
        assert!(list.unwrap().is_some());
        for connection in [server, relaying] {
            connection.close(0_u8.into(), b"");
        }
        client.until_words(&[]).await;
    }
}

#[tokio::test]
async fn an_unknown_odd_extension_refuses_any_message_and_is_named() {
    let (daemon, relay) = start().await;
    for (name, role, before, message) in messages(&[(2, b"fine"), (7, b"")]) {
        let connection = daemon.connect(role, Some(&relay)).await;
        let close = raw_peer(&connection, &[before, message].concat()).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation, "{name}");
        let reason = format!("unknown extension 7 in {name}");
        assert!(close.reason.starts_with(&reason), "{close}");
    }
}

#[tokio::test]
async fn malformed_extensions_refuse_any_message_and_the_reason_says_how() {
    let (daemon, relay) = start().await;
    let far = [(4, &b""[..]), (2, b"")];
    let twice = [(2, &b"a"[..]), (2, b"a")];
    let long = [(2, &b"cut"[..])];
    for (extensions, cut, reason) in [
        (
            &far[..],
            0,
            "extension 2 follows extension 4: tags must ascend",
        ),
        (&twice, 0, "extension 2 is repeated"),
        (&long, 1, "extension 2 claims 3 bytes, but 2 are left"),
        (&long, 4, "the last extension is cut short"),
    ] {
        for (name, role, before, mut message) in messages(extensions) {
            message.truncate(message.len() - cut);
            let length = u32::try_from(message.len() - framing::PREFIX_BYTES).unwrap();
            message[..framing::PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
            let connection = daemon.connect(role, Some(&relay)).await;
            let close = raw_peer(&connection, &[before, message].concat()).await;
            assert_eq!(close.code, CloseCode::ProtocolViolation, "{name}");
            let reason = format!("malformed extensions in {name}: {reason}");
            assert!(close.reason.starts_with(&reason), "{close}");
        }
    }
}

#[tokio::test]
async fn the_longest_first_message_is_accepted_and_a_longer_one_is_not() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let bare = frame(SUBSCRIBE, &[(2, &[0; 300])]).len() - framing::PREFIX_BYTES - 300;
    for (length, accepted) in [(16_384, true), (16_385, false)] {
        let rest = vec![0; length - bare];
        let bytes = frame(SUBSCRIBE, &[(2, &rest)]);
        assert_eq!(bytes.len() - framing::PREFIX_BYTES, length);
        let connection = daemon.connect(Role::Client, None).await;
        if accepted {
            let _stream = say(&connection, &bytes).await;
            let list = patiently("the list", connection.accept_uni()).await;
            assert!(list.is_ok());
        } else {
            let close = raw_peer(&connection, &bytes).await;
            assert_eq!(close.code, CloseCode::ProtocolViolation, "{close}");
            assert!(close.reason.contains("at most 16384"), "{close}");
        }
    }
}

#[tokio::test]
async fn a_client_sends_one_message_and_nothing_more() {
    let daemon = Daemon::start(DAEMON, &FAST).await;
    let subscribe = stream::frame(SUBSCRIBE);
    for more in [&b"\0"[..], &subscribe] {
        let connection = daemon.connect(Role::Client, None).await;
        let close = raw_peer(&connection, &[&subscribe[..], more].concat()).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation);
        assert!(close.reason.contains("sends one message"), "{close}");
        // Later, and on another stream.
        for later in [false, true] {
            let connection = daemon.connect(Role::Client, None).await;
            let mut stream = say(&connection, &subscribe).await;
            let list = patiently("the list", connection.accept_uni()).await;
            if later {
                stream.finish().unwrap();
                stream = patiently("a second stream", connection.open_uni())
                    .await
                    .unwrap();
            }
            stream.write_all(more).await.unwrap();
            let close = metaserve_tests::closed(&connection).await;
            assert_eq!(close.code, CloseCode::ProtocolViolation);
            assert!(close.reason.contains("sends one message"), "{close}");
            drop(list);
        }
    }
}
