//! Clients that lose their member, and go on at another one.

use crate::members::{Member, named};
use metaserve::Role;
use metaserve_client::Connector;
use metaserve_tests::{Follower, Nats, constant, http::Answer};

/// The value of a metric with these labels, in their order; zero if it is not there.
fn value(metrics: &str, metric: &str) -> f64 {
    let mut lines = metrics.lines();
    let line = lines.find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

/// What a daemon has sent to clients.
#[derive(Clone, Copy, Debug)]
struct Sent {
    snapshots: f64,
    catch_ups: f64,
    bytes: f64,
}

impl Sent {
    fn of(metrics: &str) -> Self {
        let frames = |kind: &str| {
            let metric = format!("metaserve_frames_sent_total{{way=\"quic\",kind=\"{kind}\"}}");
            value(metrics, &metric)
        };
        Self {
            snapshots: frames("snapshot"),
            catch_ups: frames("catch_up"),
            bytes: value(metrics, "metaserve_sent_bytes_total{way=\"quic\"}"),
        }
    }

    /// Waits until it has sent another list to somebody who has come.
    async fn next(self, member: &Member) -> Self {
        let more = |answer: &Answer| {
            let now = Self::of(std::str::from_utf8(&answer.body).unwrap());
            now.snapshots + now.catch_ups > self.snapshots + self.catch_ups
        };
        member.asked("/metrics", more).await;
        Self::of(&member.metrics().await)
    }
}

/// Waits until a member has heard so many more beats.
async fn beats(member: &Member, more: f64) {
    let heard = |metrics: &str| value(metrics, "metaserve_cluster_lag_seconds_count");
    let before = heard(&member.metrics().await);
    let has = |answer: &Answer| {
        let metrics = std::str::from_utf8(&answer.body).unwrap();
        heard(metrics) >= before + more
    };
    member.asked("/metrics", has).await;
}

/// Row 25.
#[tokio::test]
async fn a_client_whose_member_is_killed_is_told_by_another_what_is_different_alone() {
    let nats = Nats::one().await;
    let members = Member::all(&nats, ["a", "b"]).await;
    let (daemons, prints) = named(&[&members[0], &members[1]]);
    let connector = Connector::to_one_of(daemons).fingerprints(prints);
    let list = metaserve_client::maintain(connector).run();
    let mut client = Follower::of(list).await;
    let clients = "metaserve_connections{role=\"client\"}";
    let [a, b] = members;
    let (here, there) = match value(&a.metrics().await, clients) > 0.0 {
        true => (a, b),
        false => (b, a),
    };
    beats(&here, 3.0).await;
    beats(&there, 3.0).await;

    let serve = async |words: String| {
        let connection = there.daemon.connect(Role::Heartbeat, None).await;
        tokio::spawn(metaserve_heartbeat::run(connection, constant(words)));
    };
    let mut random = fastrand::Rng::with_seed(25);
    let mut all = Vec::new();
    for number in 10..50 {
        let noise: String = (0..200).map(|_| random.alphanumeric()).collect();
        all.push(format!("{number} {noise}"));
        serve(all[all.len() - 1].clone()).await;
    }
    let expected: Vec<_> = all.iter().map(String::as_str).collect();
    client.until_words(&expected).await;
    beats(&there, 3.0).await;
    // What came after the last beat before that is told again.
    serve("98 last".to_owned()).await;
    let expected: Vec<_> = expected.into_iter().chain(["98 last"]).collect();
    client.until_words(&expected).await;
    beats(&there, 3.0).await;

    let before = Sent::of(&there.metrics().await);
    let killed = here.daemon.kill().await;
    let moved = before.next(&there).await;
    assert_eq!(
        moved.snapshots, before.snapshots,
        "it was not sent the list"
    );
    serve("99 later".to_owned()).await;
    let expected: Vec<_> = expected.into_iter().chain(["99 later"]).collect();
    client.until_words(&expected).await;

    let before_new = Sent::of(&there.metrics().await);
    let mut new = Follower::new(&there.daemon, None).await;
    new.until_words(&expected).await;
    let after = before_new.next(&there).await;
    let (told, whole) = (moved.bytes - before.bytes, after.bytes - before_new.bytes);
    println!("{told} bytes instead of {whole}");
    assert!(told * 20.0 <= whole, "{told} bytes instead of {whole}");
    drop(killed);
}
