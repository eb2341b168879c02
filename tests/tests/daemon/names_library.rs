//! Names through the library: one owner, also through restarts of the daemon; orders; watches.

use crate::{DAEMON, ZONE_CLIENT, ZONE_SERVER};
use futures::{StreamExt, future::join_all};
use metaserve_client::names::{
    Claim, ClaimError, Connector, Failed, Lost, Names, Offer, Order, Snapshot, StartError, Watch,
};
use metaserve_tests::{Daemon, patiently, run};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

const ON: [&str; 2] = ["--names", "on"];

/// Longer than a daemon waits for former holders, and shorter than our patience.
const LONG: Duration = Duration::from_secs(45);

fn names(daemon: &Daemon) -> Names {
    let connector = Connector::to(daemon.address.to_string()).fingerprint(daemon.fingerprint);
    Names::maintain(connector)
}

async fn claim(names: &Names, key: &str, value: &'static str) -> Result<Claim, ClaimError> {
    let claim = names.claim(key).value(value).within(LONG).into_future();
    patiently("the answer to a claim", claim).await
}

/// The first item that fits; each one before it must pass `check`.
async fn until(
    watch: &mut Watch,
    check: impl Fn(&Snapshot),
    wanted: impl Fn(&Snapshot) -> bool,
) -> Snapshot {
    loop {
        let now = patiently("a snapshot", watch.next()).await;
        let now = now.unwrap().unwrap();
        check(&now);
        if wanted(&now) {
            return now;
        }
    }
}

/// Makes an offer, and waits until the daemon has it: it answers a question that comes after it.
async fn known(names: &Names, offer: &mut Offer) {
    assert!(futures::poll!(offer.next()).is_pending());
    let asked = names.resolve("known").within(LONG).into_future();
    patiently("an answer", asked).await.unwrap();
}

async fn order(offer: &mut Offer) -> Order {
    let order = patiently("an order", offer.next()).await;
    order.unwrap().unwrap()
}

#[tokio::test]
async fn of_many_contenders_one_is_granted_and_the_next_one_after_its_release() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let programs: Vec<_> = (0..20).map(|_| names(&daemon)).collect();
    let claims = join_all(programs.iter().map(|it| claim(it, "zone/a", "first"))).await;
    let (mut held, told): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    let first = held.pop().unwrap().unwrap();
    assert!(held.is_empty(), "one is granted");
    assert!(first.is_certain());
    for told in told {
        let Err(ClaimError::Held { epoch, value }) = told else {
            panic!("{told:?}");
        };
        assert_eq!((epoch, &value[..]), (first.epoch(), &b"first"[..]));
    }

    let next = &programs[0];
    let mut watch = next.watch("zone/a");
    until(&mut watch, |_| (), |it| it.len() == 1).await;
    let epoch = first.epoch();
    first.release();
    until(&mut watch, |_| (), Snapshot::is_empty).await;
    let second = claim(next, "zone/a", "second").await.unwrap();
    assert!(second.epoch() > epoch);
}

#[tokio::test]
async fn a_program_that_ends_frees_its_names_at_once() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let (first, second) = (names(&daemon), names(&daemon));
    let mut watch = second.watch("");
    let held = claim(&first, "zone/a", "").await.unwrap();
    until(&mut watch, |_| (), |it| it.len() == 1).await;
    first.close().await;
    until(&mut watch, |_| (), Snapshot::is_empty).await;
    assert!(matches!(held.lost().await, Lost::Closed));
    drop(held);

    // The last handle is dropped.
    let third = names(&daemon);
    let held = claim(&third, "zone/a", "").await.unwrap();
    drop(third);
    assert!(held.is_certain(), "a claim keeps the connection");
    until(&mut watch, |_| (), |it| it.len() == 1).await;
    drop(held);
    until(&mut watch, |_| (), Snapshot::is_empty).await;
}

#[tokio::test]
async fn a_restart_keeps_every_claim_and_no_list_is_empty_in_between() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let (holder, other) = (names(&daemon), names(&daemon));
    let keys: Vec<_> = (0..100).map(|at| format!("zone/{at}")).collect();
    let held = join_all(keys.iter().map(|key| claim(&holder, key, "mine"))).await;
    let held: Vec<_> = held.into_iter().map(Result::unwrap).collect();
    let epochs: Vec<_> = held.iter().map(Claim::epoch).collect();
    let mut watch = other.watch("zone/");
    until(&mut watch, |_| (), |it| it.len() == 100).await;

    let daemon = daemon.kill_and_restart(&ON).await;
    let stranger = names(&daemon);
    let refused = claim(&stranger, "zone/7", "stolen").await;
    let Err(ClaimError::Held { epoch, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(epoch, epochs[7]);
    assert!(held.iter().all(Claim::is_certain));
    assert_eq!(held.iter().map(Claim::epoch).collect::<Vec<_>>(), epochs);

    held[3].update("changed").unwrap();
    let whole = |it: &Snapshot| assert_eq!(it.len(), 100);
    let changed = |it: &Snapshot| it.get("zone/3").is_some_and(|it| it.value == "changed");
    let now = until(&mut watch, whole, changed).await;
    assert_eq!(now.get("zone/3").unwrap().epoch, epochs[3]);
}

#[tokio::test]
async fn one_order_for_all_who_ask_and_the_other_host_if_the_first_refuses() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let (one, two, player) = (names(&daemon), names(&daemon), names(&daemon));
    // The host with more slots is asked first.
    let (mut first, mut second) = (one.offer("zone/", 8), two.offer("zone/", 4));
    let start = |key: &str| player.resolve(key).or_start("please").within(LONG);
    for (names, offer) in [(&one, &mut first), (&two, &mut second)] {
        known(names, offer).await;
    }
    let nobody = patiently("an answer", start("room/a").into_future()).await;
    assert!(
        matches!(&nobody, Err(StartError::Unavailable(why)) if why.contains("no host")),
        "{nobody:?}"
    );

    let serve = async {
        let refused = order(&mut first).await;
        assert_eq!(refused.key().as_str(), "zone/a");
        assert_eq!(refused.payload(), "please");
        refused.refuse("it is full");
        let order = order(&mut second).await;
        order.claim().value("two").await.unwrap()
    };
    let start_a = start("zone/a").into_future();
    let both = async { tokio::join!(start_a, serve) };
    let (found, claim) = patiently("a started zone", both).await;
    assert_eq!(found.unwrap().epoch, claim.epoch());
    let found = join_all((0..50).map(|_| start("zone/a").into_future())).await;
    assert!(found.iter().all(|it| it.as_ref().unwrap().value == "two"));

    drop(claim);
    let answers = join_all((0..50).map(|_| start("zone/b").into_future()));
    let refuse = async {
        order(&mut first).await.refuse("it is full");
        order(&mut second).await.refuse("its disk is broken");
    };
    let (answers, ()) = patiently("50 answers", async { tokio::join!(answers, refuse) }).await;
    for answer in answers {
        let why = answer.unwrap_err().to_string();
        assert!(
            why.contains("it is full") && why.contains("disk is broken"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn offers_are_made_again_after_a_restart_and_starts_go_on() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let (host, player) = (names(&daemon), names(&daemon));
    let mut orders = host.offer("zone/", 4);
    known(&host, &mut orders).await;
    let daemon = daemon.kill_and_restart(&ON).await;
    let start = player.resolve("zone/a").or_start("").within(LONG);
    let serve = async { order(&mut orders).await.claim().value("here").await };
    let both = async { tokio::join!(start.into_future(), serve) };
    let (found, claim) = patiently("a started zone", both).await;
    assert_eq!(found.unwrap().epoch, claim.unwrap().epoch());
    drop(daemon);
}

#[tokio::test]
async fn what_cannot_work_is_said_in_words() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let off = names(&daemon);
    let error = claim(&off, "zone/a", "").await.unwrap_err().to_string();
    assert!(
        error.contains("does not speak metaserve-names/1"),
        "{error}"
    );
    assert!(error.contains("--names on"), "{error}");

    let none = names(&daemon.kill_and_restart(&ON).await);
    let empty = claim(&none, "", "").await.unwrap_err().to_string();
    assert_eq!(empty, "a key has 1 to 255 bytes, and this one is empty");
    let long = none.claim("a").value(vec![0; 8_193]).await.unwrap_err();
    let told = "a value has at most 8192 bytes, and this one has 8193";
    assert_eq!(long.to_string(), told);
    let wrong = patiently("an error", none.watch("a\n").next()).await;
    assert!(matches!(wrong, Some(Err(Failed::Key(_)))));
}

/// A program, with the lines that it prints.
struct Program {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(binary: &str, daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut process = Command::new(binary)
            .args(trusting(daemon).iter().map(String::as_str))
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, output }
    }

    async fn line(&mut self) -> String {
        let line = patiently("a line", self.output.next_line()).await;
        line.unwrap().unwrap()
    }

    async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(kill.unwrap().success());
    }
}

pub(crate) fn trusting(daemon: &Daemon) -> [String; 4] {
    let (address, fingerprint) = (daemon.address.to_string(), daemon.fingerprint.to_string());
    ["--daemon", &address, "--fingerprint", &fingerprint].map(str::to_owned)
}

/// Runs the program of a player.
async fn enter(daemon: &Daemon, zone: &str) -> metaserve_tests::Ended {
    let trust = trusting(daemon);
    let arguments: Vec<_> = trust.iter().map(String::as_str).chain([zone]).collect();
    run(ZONE_CLIENT, &arguments).await
}

#[tokio::test]
async fn the_programs_of_the_guide_own_a_zone_or_start_it() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut owner = Program::start(ZONE_SERVER, &daemon, &["meadow"]);
    let serving = owner.line().await;
    let epoch = serving
        .strip_prefix("serving zone/meadow with epoch ")
        .unwrap();
    let entered = enter(&daemon, "meadow").await;
    assert_eq!(entered.code, Some(0), "{entered:?}");
    let welcome = format!("welcome to zone/meadow, epoch {epoch}\n");
    assert!(entered.output.ends_with(&welcome), "{entered:?}");
    let trust = trusting(&daemon);
    let second: Vec<_> = trust.iter().map(String::as_str).chain(["meadow"]).collect();
    let second = run(ZONE_SERVER, &second).await;
    assert_eq!(second.code, Some(1));
    assert!(
        second.complaint.contains("another one holds the key"),
        "{second:?}"
    );

    let nobody = enter(&daemon, "forest").await;
    assert!(
        nobody.complaint.contains("no host offers to start it"),
        "{nobody:?}"
    );
    let mut host = Program::start(ZONE_SERVER, &daemon, &[]);
    let entered = loop {
        let entered = enter(&daemon, "forest").await;
        if !entered.complaint.contains("no host offers to start it") {
            break entered;
        }
    };
    assert_eq!(entered.code, Some(0), "{entered:?}");
    let serving = host.line().await;
    assert!(
        serving.starts_with("serving zone/forest with epoch "),
        "{serving}"
    );
}

#[tokio::test]
async fn a_frozen_owner_is_told_that_its_zone_has_another_one() {
    let daemon = Daemon::start(DAEMON, &ON).await;
    let mut frozen = Program::start(ZONE_SERVER, &daemon, &["meadow"]);
    let old = frozen.line().await;
    let next = names(&daemon);
    let mut watch = next.watch("zone/meadow");
    until(&mut watch, |_| (), |it| it.len() == 1).await;
    frozen.signal("STOP").await;
    until(&mut watch, |_| (), Snapshot::is_empty).await;
    let held = claim(&next, "zone/meadow", "mine").await.unwrap();
    frozen.signal("CONT").await;
    let mut process = frozen.process;
    let ended = patiently("the end of the former owner", process.wait()).await;
    assert_eq!(ended.unwrap().code(), Some(1), "{old}");
    assert!(held.is_certain());
}
