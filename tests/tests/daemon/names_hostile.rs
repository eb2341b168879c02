//! Hostile peers of names: what they do is bounded, counted and explained, and harms nobody else.

use crate::{
    DAEMON,
    metrics::{scrape, value_of},
};
use metaserve::{
    CloseCode,
    names::{Answer, Held, MAX_CHANGES, MAX_VALUE_BYTES},
    protocol::names::FromPeer,
    stream::frame,
};
use metaserve_tests::{
    Daemon, RawNames, closed,
    names::{claim, start},
    patiently,
};
use std::{net::SocketAddr, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// A daemon with a holder who must not notice anything.
struct Attacked {
    daemon: Daemon,
    http: SocketAddr,
    holder: RawNames,
    held: Held,
}

impl Attacked {
    async fn start(settings: &[&str]) -> Self {
        let common = ["--names", "on", "--http", "127.0.0.1:0"];
        let mut daemon = Daemon::start(DAEMON, &[&common[..], settings].concat()).await;
        let http = daemon.http().await;
        let mut holder = RawNames::new(&daemon).await;
        let held = holder.claims(1, "zone/held").await;
        Self {
            daemon,
            http,
            holder,
            held,
        }
    }

    async fn peer(&self) -> RawNames {
        RawNames::new(&self.daemon).await
    }

    /// Waits until the daemon has closed so many peers with a code.
    async fn counted(&self, code: CloseCode, count: usize) {
        let wanted = [("role", "names"), ("code", code.name())];
        let search = async {
            let closed = "metaserve_connections_closed_total";
            while value_of(&scrape(self.http).await, closed, &wanted) < count as f64 {}
        };
        patiently("the metric", search).await;
    }

    /// The holder still holds its key, and others are served.
    async fn unharmed(mut self) {
        assert_eq!(
            self.holder.resolves(2, "zone/held").await,
            Some(self.held.epoch)
        );
        let mut other = self.peer().await;
        other.say(FromPeer::Claim(claim(1, "zone/held"))).await;
        let answer = other.next().await;
        assert!(matches!(answer, Answer::Held { id: 1, .. }), "{answer:?}");
        let new = other.claims(2, "zone/new").await;
        assert!(new.epoch > self.held.epoch);
        self.holder.say(FromPeer::Release { id: 1 }).await;
        self.holder.claims(3, "zone/held").await;
    }
}

#[tokio::test]
async fn garbage_closes_its_peer_alone() {
    const ROUNDS: usize = 100;
    let attacked = Attacked::start(&[]).await;
    let mut random = fastrand::Rng::with_seed(19);
    for _ in 0..ROUNDS {
        let mut bytes: Vec<u8> = (0..random.usize(8..400)).map(|_| random.u8(..)).collect();
        // Otherwise its length may say that more is to come.
        bytes[..4].copy_from_slice(&4_u32.to_le_bytes());
        bytes[4] = random.u8(9..);
        let mut peer = attacked.peer().await;
        // It may be closed before it has said everything.
        let _ = peer.mouth().write_all(&bytes).await;
        let close = closed(&peer.connection).await;
        assert_eq!(
            close.code,
            CloseCode::ProtocolViolation,
            "{close}: {bytes:?}"
        );
    }
    attacked.counted(CloseCode::ProtocolViolation, ROUNDS).await;
    attacked.unharmed().await;
}

#[tokio::test]
async fn keys_that_nobody_may_claim_are_refused_with_the_reason() {
    let attacked = Attacked::start(&[]).await;
    let longest = "k".repeat(255);
    attacked.peer().await.claims(1, &longest).await;
    let wrong = [
        ("k".repeat(256), "this one has 256"),
        ("a\0b".to_owned(), "U+0000"),
        ("a\u{1b}[2J".to_owned(), "U+001B"),
        ("a\u{9b}".to_owned(), "U+009B"),
        (String::new(), "is empty"),
    ];
    let count = wrong.len();
    for (key, reason) in wrong {
        let mut peer = attacked.peer().await;
        peer.say(FromPeer::Claim(claim(1, &key))).await;
        let close = closed(&peer.connection).await;
        assert_eq!(close.code, CloseCode::ProtocolViolation);
        assert!(close.reason.contains(reason), "{close}");
    }
    attacked.counted(CloseCode::ProtocolViolation, count).await;
    attacked.unharmed().await;
}

#[tokio::test]
async fn an_id_that_is_in_use_closes_its_peer_and_frees_its_keys() {
    let attacked = Attacked::start(&[]).await;
    let mut peer = attacked.peer().await;
    peer.claims(7, "zone/other").await;
    peer.say(FromPeer::Watch { id: 7, prefix: "" }).await;
    let close = closed(&peer.connection).await;
    assert_eq!(close.code, CloseCode::ProtocolViolation);
    assert!(close.reason.contains("request 7 has not ended"), "{close}");
    attacked.counted(CloseCode::ProtocolViolation, 1).await;
    let mut next = attacked.peer().await;
    assert_eq!(next.resolves(1, "zone/other").await, None);
    attacked.unharmed().await;
}

/// Far more than wait anywhere on their way, all at once: so does a holder that connects again.
#[tokio::test]
async fn a_holder_may_claim_everything_at_once() {
    const KEYS: u64 = 3_000;
    let attacked = Attacked::start(&[]).await;
    let mut peer = attacked.peer().await;
    let claims = (0..KEYS).map(|id| frame(FromPeer::Claim(claim(id, &format!("many/{id}")))));
    let all = claims.collect::<Vec<_>>().concat();
    let mut out = peer.mouth();
    let says = tokio::spawn(async move { out.write_all(&all).await.map(|()| out) });
    for _ in 0..KEYS {
        let answer = peer.next().await;
        assert!(matches!(answer, Answer::Granted { .. }), "{answer:?}");
    }
    drop(says.await.unwrap().unwrap());
    attacked.unharmed().await;
}

#[tokio::test]
async fn a_host_may_answer_an_order_twice_or_claim_what_it_was_not_asked_for() {
    let attacked = Attacked::start(&[]).await;
    let (mut host, mut asker) = (attacked.peer().await, attacked.peer().await);
    host.offers(1, "zone/", 4).await;
    let asked = async |asker: &mut RawNames, host: &mut RawNames, id, key| {
        asker.say(start(id, key, MINUTE)).await;
        match host.next().await {
            Answer::Order {
                id: 1,
                order,
                key: of,
                ..
            } if of.as_str() == key => order,
            other => panic!("{other:?} instead of an order for {key}"),
        }
    };

    // Refused twice, and claimed after all.
    let order = asked(&mut asker, &mut host, 1, "zone/a").await;
    for why in ["full", "really"] {
        host.say(FromPeer::Refused { order, why }).await;
    }
    let answer = asker.next().await;
    let why = |answer: &Answer| match answer {
        Answer::Unavailable { why, .. } => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(why(&answer).contains("full"), "{answer:?}");
    host.claims(2, "zone/a").await;

    // Claimed and then refused: the claim counts.
    let order = asked(&mut asker, &mut host, 2, "zone/b").await;
    let held = host.claims(3, "zone/b").await;
    host.say(FromPeer::Refused { order, why: "late" }).await;
    let answer = asker.next().await;
    assert!(
        matches!(answer, Answer::Found { id: 2, epoch, .. } if epoch == held.epoch),
        "{answer:?}"
    );
    assert_eq!(asker.resolves(3, "zone/b").await, Some(held.epoch));

    // Another key than that of the order: nobody who waits is told of it. An order of another
    // host is not its own.
    let order = asked(&mut asker, &mut host, 4, "zone/c").await;
    host.claims(4, "zone/d").await;
    host.claims(5, "room/d").await;
    let mut stranger = attacked.peer().await;
    stranger.say(FromPeer::Refused { order, why: "mine" }).await;
    assert_eq!(stranger.resolves(1, "zone/c").await, None);
    let held = host.claims(6, "zone/c").await;
    let answer = asker.next().await;
    assert!(
        matches!(answer, Answer::Found { id: 4, epoch, .. } if epoch == held.epoch),
        "{answer:?}"
    );
    attacked.unharmed().await;
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_everything_anew() {
    const LAST: &[u8] = b"last";
    let keys = MAX_CHANGES as u64 + 100;
    let attacked = Attacked::start(&["--stall-timeout", "10m"]).await;
    let mut watcher = attacked.peer().await;
    watcher
        .say(FromPeer::Watch {
            id: 9,
            prefix: "many/",
        })
        .await;
    let answer = watcher.next().await;
    assert_eq!(answer, Answer::Current { id: 9 });
    let mut holder = attacked.peer().await;
    let key = |id| format!("many/{id:04}");
    for id in 0..keys {
        holder.claims(id, &key(id)).await;
    }
    // More than fits on the way to the watcher, and then a change of each key. Of changes that the
    // daemon has not written yet it keeps the latest: it is given the time to write many of them.
    for round in 0..20 {
        for id in 0..100 {
            let value = &[round; MAX_VALUE_BYTES];
            holder.say(FromPeer::Update { id, value }).await;
        }
        holder.resolves(keys, &key(keys - 1)).await;
    }
    for id in 0..keys {
        holder.say(FromPeer::Update { id, value: LAST }).await;
    }
    holder.resolves(keys, &key(0)).await;
    let (mut resets, mut latest, mut current) = (0, 0, true);
    while !(current && latest == keys) {
        match watcher.next().await {
            Answer::Reset { id: 9 } => {
                (latest, current) = (0, false);
                resets += 1;
            }
            Answer::Up { id: 9, value, .. } => latest += u64::from(value == LAST),
            Answer::Current { id: 9 } => current = true,
            other => panic!("{other:?} to a watcher"),
        }
    }
    assert!(resets > 0);
    attacked.unharmed().await;
}
