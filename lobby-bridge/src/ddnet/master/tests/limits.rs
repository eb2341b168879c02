//! What servers and hosts may not do.

use metaserve::bans::Bans;

use super::*;

#[test]
fn challenges_to_one_address_are_few() {
    let mut net = Net::new();
    for _ in 0..100 {
        net.tokens.clear();
        assert_eq!(net.ask(0, SIX, 0, ""), "need_challenge");
    }
    assert_eq!(net.challenges, 5);
    net.pass(SECOND * 15);
    net.tokens.clear();
    net.ask(0, SIX, 0, "");
    assert_eq!(net.challenges, 6);
}

#[test]
fn one_host_and_all_of_them_have_limits() {
    let mut net = Net::with(Limits {
        servers: 2,
        per_host: 2,
        info_bytes: 100,
        ..Limits::default()
    });
    let third = "tw-0.6+udp://192.0.2.1:8304";
    net.register(0, SIX);
    net.register(0, SEVEN);
    net.ask(0, third, 0, "");
    assert_eq!(net.ask(0, third, 0, ""), "error 429");
    net.register(1, SIX6);
    let other = "tw-0.6+udp://192.0.2.7:8303";
    net.ask(2, other, 0, "{}");
    assert_eq!(net.ask(2, other, 0, "{}"), "error 503");
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(100));
    assert_eq!(net.ask(1, SIX6, 1, &long), "error 503");
    assert_eq!(net.ask(1, SIX6, 0, ""), "success", "it stays as it was");
    // Room is given back.
    assert_eq!(net.delete(0, SIX), "success");
    assert_eq!(net.ask(1, third, 0, ""), "success");
}

#[test]
fn banned_hosts_leave_the_list() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(1, SIX6);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    let bans = Bans::read(file.path()).unwrap();
    net.hear(News::Bans(Arc::new(bans)));
    assert_eq!(net.list()[0].1, [SIX6]);
    assert_eq!(net.published.len(), 1);
}

#[test]
fn addresses_that_nobody_can_join_are_refused() {
    let mut net = Net::new();
    assert_eq!(
        net.ask(0, "tw-0.6+udp://169.254.1.1:8303", 0, "{}"),
        "error 400"
    );
    assert_eq!(net.challenges, 0);
}

/// A host that registers a server at each of a thousand ports: others are listed as ever, and the
/// answer says which limit it is.
#[test]
fn a_thousand_servers_of_one_host_leave_room_for_others() {
    let mut net = Net::new();
    let mut answers = BTreeMap::<String, usize>::new();
    for port in 1..=1_000 {
        let address = format!("tw-0.6+udp://203.0.113.9:{port}");
        assert_eq!(net.ask(0, &address, 0, r#"{"name":"b"}"#), "need_challenge");
        *answers
            .entry(net.ask(0, &address, 0, r#"{"name":"b"}"#))
            .or_default() += 1;
    }
    let expected = [("error 429".to_owned(), 872), ("success".to_owned(), 128)];
    assert_eq!(answers, expected.into());
    net.register(1, SIX);
    let of_others = net.list().into_iter().filter(|it| it.1 == [SIX]);
    assert_eq!(of_others.count(), 1);
    assert_eq!(net.published.len(), 2, "its addresses are one server");
}
