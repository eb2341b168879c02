//! What servers and hosts may not do.

use metaserve::bans::Bans;

use super::*;

#[test]
fn announcements_of_one_server_and_servers_of_one_host_have_limits() {
    let mut net = Net::with(Limits {
        per_host: 3,
        pinged_per_host: 2,
        servers: 4,
        ..Limits::default()
    });
    for _ in 0..4 {
        assert_eq!(net.ask(&start(1, "a")), 202);
    }
    assert_eq!(net.ask(&start(1, "a")), 429);
    net.now += SECOND * 5;
    assert_eq!(net.ask(&start(1, "a")), 202);
    assert_eq!(net.ask(&start(2, "b")), 202);
    assert_eq!(net.ask(&start(3, "c")), 429, "two are pinged");
    net.ponged(Some(0.1));
    net.ponged(Some(0.1));
    assert_eq!(net.ask(&start(3, "c")), 202);
    assert_eq!(net.ask(&start(4, "d")), 403);
    assert_eq!(net.ask_from([192, 0, 2, 2], &start(1, "e"), None).0, 202);
    assert_eq!(net.ask_from([192, 0, 2, 3], &start(1, "f"), None).0, 503);
    for _ in 0..9 {
        assert_eq!(net.ask(&delete(9)), 200, "deletes are not limited");
    }
}

#[test]
fn banned_hosts_leave_the_list() {
    let mut net = Net::new();
    net.ask(&start(1, "a"));
    net.ponged(Some(0.1));
    net.ask(&start(2, "b"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    net.hear(News::Bans(Arc::new(Bans::read(file.path()).unwrap())));
    net.ponged(Some(0.1));
    assert_eq!((net.names(), net.published.len()), (vec![], 0));
}

/// A host that announces a server at each of a thousand ports: others are listed as ever.
#[test]
fn a_thousand_servers_of_one_host_leave_room_for_others() {
    let mut net = Net::new();
    let (mut filed, mut refused) = (0, 0);
    for port in 1..=1_000 {
        match net.ask_from(HOST, &start(port, "a"), None) {
            (202, _) => filed += 1,
            (429, _) => refused += 1,
            (403, why) => {
                assert_eq!(why, "Too many servers of this address.");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
        // Its servers answer as soon as eight are waited for.
        if net.work.len() == 8 {
            net.ponged(Some(0.1));
        }
    }
    assert_eq!((filed, refused), (32, 968));
    assert_eq!(net.ask_from([192, 0, 2, 2], &start(1, "b"), None).0, 202);
    while !net.work.is_empty() {
        net.ponged(Some(0.1));
    }
    assert!(net.names().contains(&"b".to_owned()));
    assert_eq!((net.names().len(), net.published.len()), (33, 33));
}
