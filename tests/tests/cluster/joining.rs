//! From the start of a member until its list is complete.

use crate::members::Member;
use metaserve::Role;
use metaserve_tests::{Daemon, Follower, Nats, constant, http::get};

/// The daemon joins nobody, and serves its own servers.
#[tokio::test]
async fn a_member_whose_nats_is_away_serves_its_own_servers_after_a_while() {
    let mut nats = Nats::one().await;
    nats.kill(0).await;
    let mut member = Member::start(&nats, "a", &[]).await;
    let connection = member.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("rook")));
    let refused = get(member.http, "/api/v1/servers", &[]).await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.json()["error"]
            .as_str()
            .unwrap()
            .starts_with("joining")
    );
    let events = get(member.http, "/api/v1/events", &[]).await;
    assert_eq!(events.status, 503);
    let ready = member.ready().await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.starts_with(b"joining\n"), "{ready:?}");

    member.daemon.logged("cannot reach the NATS server").await;
    let metrics = member.metrics().await;
    assert!(
        metrics.contains("cluster_connected{role=\"member\"} 0"),
        "{metrics}"
    );
    member
        .daemon
        .logged("joined the cluster with an incomplete list")
        .await;
    let mut client = Follower::new(&member.daemon, None).await;
    client.until_words(&["rook"]).await;
    assert_eq!(member.ready().await.status, 200);

    nats.restart(0).await;
    member
        .daemon
        .logged("connected to the NATS server n0")
        .await;
    let metrics = member.metrics().await;
    assert!(
        metrics.contains("cluster_connected{role=\"member\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_client_gets_its_first_list_when_the_member_has_joined() {
    let nats = Nats::one().await;
    let mut member = Member::start(&nats, "a", &[]).await;
    let connection = member.daemon.connect(Role::Heartbeat, None).await;
    tokio::spawn(metaserve_heartbeat::run(connection, constant("rook")));
    // The server is listed at once, but joining takes two seconds.
    let mut client = Follower::new(&member.daemon, None).await;
    client.until_words(&["rook"]).await;
    let members = member.members().await;
    assert_eq!(members["cluster"]["member"], "a");
    assert_eq!(members["cluster"]["joined"], true);
    let said = "joined the cluster: the list is complete";
    member.daemon.logged(said).await;
}

#[tokio::test]
async fn members_and_edges_see_each_other() {
    let nats = Nats::three().await;
    let mut a = Member::joined(&nats, "a", &[]).await;
    let b = Member::joined(&nats, "b", &[]).await;
    let edge = Member::joined(&nats, "x", &["--cluster-role", "edge"]).await;
    for (here, others) in [(&a, ["b", "x"]), (&b, ["a", "x"]), (&edge, ["a", "b"])] {
        for other in others {
            here.sees(other, "heard").await;
        }
    }
    let line = a.daemon.logged("the edge x").await;
    assert!(line.ends_with("the edge x is heard"), "{line}");
    let metrics = a.metrics().await;
    for says in [
        "role=\"member\",state=\"heard\"} 1",
        "role=\"edge\",state=\"heard\"} 1",
    ] {
        assert!(metrics.contains(says), "{metrics}");
    }
    let ready = a.ready().await;
    let says = "ready\ncluster: {\"heard\": 1, \"held\": 0, \"kept\": 0}\n";
    assert_eq!((ready.status, &ready.body[..]), (200, says.as_bytes()));
    assert_eq!(edge.ready().await.status, 200);
}

#[tokio::test]
async fn an_edge_takes_clients_only_and_is_not_ready_without_members() {
    let nats = Nats::one().await;
    let edge = Member::joined(&nats, "x", &["--cluster-role", "edge"]).await;
    for role in [Role::Heartbeat, Role::Relay] {
        let refused = edge.daemon.connector(role, None).connect().await;
        let refused = format!("{:#}", anyhow::Error::from(refused.unwrap_err()));
        assert!(refused.contains("does not speak"), "{refused}");
    }
    let mut client = Follower::new(&edge.daemon, None).await;
    client.until("the empty list", |list| list.is_empty()).await;
    let ready = edge.ready().await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.body.starts_with(b"this edge hears no member\n"),
        "{ready:?}"
    );
    let a = Member::joined(&nats, "a", &[]).await;
    edge.ready_with(200).await;
    drop(a);
}

/// Row 24 of the faults that a cluster has to bear.
#[tokio::test]
async fn missing_rights_are_named_in_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (file, public) = crate::connection::key(directory.path());
    let rights = "{ publish: [\"ms.metaserve.hello\"], subscribe: [\"ms.metaserve.>\"] }";
    let users =
        format!("authorization {{ users = [ {{ nkey: {public}, permissions: {rights} }} ] }}");
    let nats = Nats::start(1, &users).await;
    let mut member = Member::start(&nats, "a", &["--cluster-key", &file]).await;
    let line = member.daemon.logged("a right is missing").await;
    assert!(
        line.contains("may not publish to ms.metaserve.m.a"),
        "{line}"
    );
    // It serves all the same.
    let mut client = Follower::new(&member.daemon, None).await;
    client.until("the empty list", |list| list.is_empty()).await;
}

/// Row 26: without a cluster there is none.
#[tokio::test]
async fn a_daemon_without_a_cluster_connects_to_nobody() {
    let nats = Nats::one().await;
    let mut daemon = Daemon::start(crate::DAEMON, &["--http", "127.0.0.1:0"]).await;
    let http = daemon.http().await;
    let ready = get(http, "/readyz", &[]).await;
    assert_eq!((ready.status, &ready.body[..]), (200, &b"ready\n"[..]));
    let members = get(http, "/api/v1/members", &[]).await.json();
    assert_eq!(members, serde_json::json!({ "members": [] }));
    assert_eq!(connections(&nats), 0);
    let _member = Member::joined(&nats, "a", &[]).await;
    assert_eq!(connections(&nats), 1, "the member's alone");
    assert!(!daemon.said().iter().any(|line| line.contains("NATS")));
}

/// How many connections the NATS server has.
fn connections(nats: &Nats) -> usize {
    const ESTABLISHED: &str = "01";
    let url = nats.url(0);
    let (_, port) = url.rsplit_once(':').unwrap();
    let port = format!(":{:04X}", port.parse::<u16>().unwrap());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let fields = table.lines().skip(1).map(|line| line.split_whitespace());
    let here = fields.filter_map(|mut fields| Some((fields.nth(1)?, fields.nth(1)?)));
    here.filter(|(local, state)| local.ends_with(&port) && *state == ESTABLISHED)
        .count()
}
