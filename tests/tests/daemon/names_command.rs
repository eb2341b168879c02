//! `metaserve-daemon names`: names in scripts.

use crate::{DAEMON, names_library::trusting};
use futures::StreamExt;
use metaserve_client::names::{Connector, Names};
use metaserve_tests::{Daemon, Ended, patiently, run};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

async fn ask(daemon: &Daemon, arguments: &[&str]) -> Ended {
    let trust = trusting(daemon);
    let trust = trust.iter().map(String::as_str);
    let arguments = ["names"].into_iter().chain(arguments.iter().copied());
    run(DAEMON, &arguments.chain(trust).collect::<Vec<_>>()).await
}

fn names(daemon: &Daemon) -> Names {
    let connector = Connector::to(daemon.address.to_string()).fingerprint(daemon.fingerprint);
    Names::maintain(connector)
}

#[tokio::test]
async fn names_are_listed_and_found_with_an_exit_code_for_nobody() {
    let daemon = Daemon::start(DAEMON, &["--names", "on"]).await;
    let names = names(&daemon);
    let a = names.claim("zone/a").value("\u{1b}[2Jhere").await.unwrap();
    let b = names.claim("zone/b").value(vec![0xff, 0]).await.unwrap();
    let _c = names.claim("room/c").await.unwrap();

    let listed = ask(&daemon, &["list", "zone/"]).await;
    let rows: Vec<Vec<_>> = listed
        .output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let [one, two] = [&a, &b].map(|it| it.epoch().to_string());
    assert_eq!(rows[0], ["NAME", "EPOCH", "VALUE"]);
    assert_eq!(rows[1], ["zone/a", &one, "[2Jhere"]);
    assert_eq!(rows[2], ["zone/b", &two, "(2", "bytes)"]);
    assert_eq!(rows.len(), 3);

    let listed = ask(&daemon, &["list", "zone/b", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed.output).unwrap();
    let b = json!({ "key": "zone/b", "epoch": b.epoch(), "value_base64": "/wA=" });
    assert_eq!(listed, json!({ "names": [b] }));

    let found = ask(&daemon, &["resolve", "zone/a", "--json"]).await;
    assert_eq!(found.code, Some(0));
    let found: Value = serde_json::from_str(&found.output).unwrap();
    assert_eq!(found["value"], "\u{1b}[2Jhere");
    assert!(found["address"].as_str().unwrap().starts_with("127.0.0.1:"));

    let nobody = ask(&daemon, &["resolve", "zone/x"]).await;
    assert_eq!((nobody.code, nobody.output.as_str()), (Some(3), ""));
    assert!(
        nobody.complaint.contains("nobody owns zone/x"),
        "{nobody:?}"
    );
    let nobody = ask(&daemon, &["resolve", "zone/x", "--start"]).await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.complaint.contains("no host offers"), "{nobody:?}");
    let wrong = ask(&daemon, &["resolve", "zone/x", "--payload", "p"]).await;
    assert_eq!(wrong.code, Some(2));
}

#[tokio::test]
async fn a_daemon_without_names_is_told_apart_from_one_that_does_not_answer() {
    let daemon = Daemon::start(DAEMON, &[]).await;
    let refused = ask(&daemon, &["list"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.complaint.contains("--names on"), "{refused:?}");
}

#[tokio::test]
async fn changes_are_followed_line_by_line_until_the_daemon_is_gone() {
    let daemon = Daemon::start(DAEMON, &["--names", "on"]).await;
    let names = names(&daemon);
    let held = names.claim("zone/a").value("one").await.unwrap();
    let mut process = Command::new(DAEMON)
        .args(["names", "watch", "zone/"])
        .args(trusting(&daemon))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = patiently("a line", lines.next_line()).await;
        line.unwrap().unwrap()
    };
    let epoch = held.epoch();
    assert_eq!(next().await, format!("+ zone/a  {epoch}  one"));
    held.update("two").unwrap();
    assert_eq!(next().await, format!("~ zone/a  {epoch}  two"));
    held.release();
    assert_eq!(next().await, "- zone/a");
    drop(daemon);
    let ended = patiently("its end", process.wait()).await.unwrap();
    assert_eq!(ended.code(), Some(1));
}

#[tokio::test]
async fn a_name_is_started_with_a_payload_from_the_command_line() {
    let daemon = Daemon::start(DAEMON, &["--names", "on"]).await;
    let names = names(&daemon);
    let mut orders = names.offer("zone/", 1);
    assert!(futures::poll!(orders.next()).is_pending());
    // The daemon has the offer when it answers what comes after it.
    names.resolve("known").await.unwrap();
    let serve = async {
        let order = orders.next().await.unwrap().unwrap();
        let payload = order.payload().clone();
        order.claim().value(payload).await.unwrap()
    };
    let arguments = ["resolve", "zone/a", "--start", "--payload", "please"];
    let ask = ask(&daemon, &arguments);
    let (answer, claim) = patiently("both", async { tokio::join!(ask, serve) }).await;
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let row = answer.output.lines().nth(1).unwrap();
    assert!(
        row.starts_with(&format!("zone/a  {}", claim.epoch())),
        "{row}"
    );
    assert!(row.ends_with("please"), "{row}");
}
