//! Names that need a ticket: who has none that covers it is refused with the reason.

use crate::{DAEMON, names::ON};
use metaserve::{
    names::{Answer, Refusal},
    protocol::names::{Claim, FromPeer, Start},
    time::wall_clock,
};
use metaserve_tests::{Daemon, RawNames, failing_start, run};
use metaserve_ticket::{Claims, Issuer, SecretKey};
use std::{fs, path::PathBuf, time::Duration};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3_600);

/// The files of public keys of one daemon, and its configuration.
struct Keys {
    directory: TempDir,
}

impl Keys {
    fn new(keys: &[&SecretKey]) -> Self {
        let it = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        it.set(keys);
        let file = it.path("names.keys");
        it.configure(&format!(
            "names = 'on'\nnames-need-ticket = ['{}']",
            file.display()
        ));
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn set(&self, keys: &[&SecretKey]) {
        let keys: String = keys
            .iter()
            .map(|key| format!("{}\n", key.public()))
            .collect();
        fs::write(self.path("names.keys"), keys).unwrap();
    }

    fn configure(&self, further: &str) {
        let text = format!("names-audience = 'game'\n{further}\n");
        fs::write(self.path("daemon.toml"), text).unwrap();
    }

    async fn daemon(&self) -> Daemon {
        let file = self.path("daemon.toml");
        Daemon::start(DAEMON, &["--config", file.to_str().unwrap()]).await
    }
}

fn ticket(key: &SecretKey, audience: &str, scope: &str, begins: i64) -> String {
    let now = wall_clock();
    let begins = match u64::try_from(begins) {
        Ok(hours) => now + HOUR * u32::try_from(hours).unwrap(),
        Err(_) => now - HOUR * u32::try_from(-begins).unwrap(),
    };
    let scopes = vec![scope.parse().unwrap()];
    let claims = Claims::new("host", audience, scopes, begins, HOUR);
    Issuer::new(key.clone()).issue(&claims).unwrap()
}

fn claim<'a>(id: u64, key: &'a str, ticket: Option<&'a str>) -> FromPeer<'a> {
    FromPeer::Claim(Claim {
        id,
        key,
        value: b"",
        ticket: ticket.map(str::as_bytes),
        held: None,
    })
}

async fn refused(peer: &mut RawNames, message: FromPeer<'_>) -> String {
    peer.say(message).await;
    match peer.next().await {
        Answer::Refused {
            refusal: Refusal::Ticket,
            why,
            ..
        } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_claim_start_or_offer_needs_a_ticket_and_each_refusal_has_its_reason() {
    let (key, retired) = (SecretKey::generate(), SecretKey::generate());
    let keys = Keys::new(&[&key]);
    let daemon = keys.daemon().await;
    let mut peer = RawNames::new(&daemon).await;
    let good = ticket(&key, "game", "claim:zone/*", 0);
    let mut forged = good.clone();
    let other = if forged[40..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    forged.replace_range(40..41, other);
    for (ticket, why) in [
        (None, "needs a ticket that permits \"claim:zone/a\""),
        (Some(forged), "forged or damaged"),
        (
            Some(ticket(&key, "game", "claim:zone/*", -2)),
            "has expired",
        ),
        (
            Some(ticket(&key, "game", "claim:zone/*", 1)),
            "not valid yet",
        ),
        (
            Some(ticket(&key, "other", "claim:zone/*", 0)),
            "for the audience \"other\"",
        ),
        (
            Some(ticket(&key, "game", "claim:room/*", 0)),
            "does not permit \"claim:zone/a\"",
        ),
        (Some(good[..good.len() - 9].to_owned()), "incomplete"),
        (
            Some(ticket(&retired, "game", "claim:zone/*", 0)),
            "is not accepted here",
        ),
    ] {
        let said = refused(&mut peer, claim(1, "zone/a", ticket.as_deref())).await;
        assert!(said.contains(why), "{said}");
    }
    let payload = b"";
    let start = |ticket: &'static str| Start {
        payload,
        within_millis: 1,
        ticket: Some(ticket.as_bytes()),
    };
    let key = "zone/b";
    let start = Some(start("no ticket"));
    let said = refused(&mut peer, FromPeer::Resolve { id: 1, key, start }).await;
    assert!(said.contains("not a ticket"), "{said}");
    let offer = |prefix| FromPeer::Offer {
        id: 1,
        prefix,
        slots: 1,
        ticket: Some(good.as_bytes()),
    };
    let said = refused(&mut peer, offer("")).await;
    assert!(said.contains("does not permit \"claim:*\""), "{said}");

    peer.say(claim(1, "zone/a", Some(&good))).await;
    assert!(matches!(peer.next().await, Answer::Granted { .. }));
}

#[tokio::test]
async fn keys_are_replaced_at_a_reload_and_a_mistake_in_them_changes_nothing() {
    let (old, new) = (SecretKey::generate(), SecretKey::generate());
    let keys = Keys::new(&[&old]);
    let mut daemon = keys.daemon().await;
    let mut peer = RawNames::new(&daemon).await;
    let tickets = [&old, &new].map(|key| ticket(key, "game", "claim:*", 0));
    peer.say(claim(1, "a", Some(&tickets[0]))).await;
    assert!(matches!(peer.next().await, Answer::Granted { .. }));
    let said = refused(&mut peer, claim(2, "b", Some(&tickets[1]))).await;
    assert!(said.contains("is not accepted here"), "{said}");

    keys.set(&[&new]);
    daemon.signal("HUP").await;
    daemon
        .logged("the keys for tickets were reloaded: 1 keys")
        .await;
    peer.say(claim(2, "b", Some(&tickets[1]))).await;
    assert!(matches!(peer.next().await, Answer::Granted { .. }));
    let said = refused(&mut peer, claim(3, "c", Some(&tickets[0]))).await;
    assert!(said.contains("is not accepted here"), "{said}");

    fs::write(
        keys.path("names.keys"),
        format!("{}\nnonsense\n", old.public()),
    )
    .unwrap();
    daemon.signal("HUP").await;
    let line = daemon.logged("keeping the old keys for tickets").await;
    assert!(
        line.contains("names.keys: line 2: not a public key"),
        "{line}"
    );
    peer.say(claim(3, "c", Some(&tickets[1]))).await;
    assert!(matches!(peer.next().await, Answer::Granted { .. }));
    // What is held stays, although its ticket is not accepted any more.
    let mut other = RawNames::new(&daemon).await;
    other.say(claim(1, "a", Some(&tickets[1]))).await;
    assert!(matches!(other.next().await, Answer::Held { .. }));

    keys.configure("names = 'on'");
    daemon.signal("HUP").await;
    daemon.logged("anybody can claim any name").await;
    other.granted(2, "d", b"").await;
}

#[tokio::test]
async fn a_mistake_in_the_keys_at_the_start_is_an_error_with_its_place() {
    let keys = Keys::new(&[&SecretKey::generate()]);
    fs::write(keys.path("names.keys"), "\n# a comment\nnonsense\n").unwrap();
    let (file, state) = (keys.path("daemon.toml"), keys.path("state"));
    let arguments = ["--config", file.to_str().unwrap()];
    let complaint = failing_start(DAEMON, "[::]:0", &state, &arguments).await;
    let state = state.to_str().unwrap().to_owned();
    let check = ["check", "--state-dir", &state];
    let checked = run(DAEMON, &[&check[..], &arguments].concat()).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let place = "names.keys: line 3: not a public key";
    for said in [complaint, checked.complaint] {
        assert!(
            said.contains("--names-need-ticket") && said.contains(place),
            "{said}"
        );
    }
}

#[tokio::test]
async fn without_tickets_the_daemon_says_that_anybody_can_claim() {
    let mut daemon = Daemon::start(DAEMON, &ON).await;
    daemon.logged("anybody can claim any name").await;
    let file = ["--names-need-ticket", "keys"];
    let state = tempfile::tempdir().unwrap();
    let complaint = failing_start(DAEMON, "[::]:0", state.path(), &file).await;
    assert!(
        complaint.contains("--names-need-ticket needs --names on"),
        "{complaint}"
    );
}
