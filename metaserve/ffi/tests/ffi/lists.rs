//! Servers and lists with a daemon.

use crate::{daemon::Daemon, support::*};
use metaserve_ffi::ffi::*;
use std::ptr;

#[test]
fn a_server_is_listed_changed_and_removed_and_each_change_is_told_once() {
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let (list, server) = (List::open(&options.it), Server::open(&options.it));
    assert_eq!(list.changes(), [], "the empty list");
    server.says("one");
    let id = match &list.changes()[..] {
        [(ADDED, id, said)] if said == "one" => *id,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (list.all(), ms_list_count(list.0)),
        (vec![(id, "one".into())], 1)
    );
    assert_eq!(list.all().len(), 1, "rewound");
    server.says("two");
    assert_eq!(list.changes(), [(UPDATED, id, "two".into())]);
    assert_eq!(server.state(), (LIVE, String::new()));
    assert_eq!(
        (ms_list_poll(list.0), list.state()),
        (0, (LIVE, String::new()))
    );
    drop(server);
    assert_eq!(list.changes(), [(REMOVED, id, "two".into())], "as it was");
    assert_eq!(list.all(), []);
}

#[test]
fn the_last_words_of_a_server_that_is_closed_are_not_lost_and_it_leaves_at_once() {
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let list = List::open(&options.it);
    let server = Server::open(&options.it);
    server.says("here");
    until("the server", || list.changes().pop());
    // It waits for nothing: what it says is on its way.
    ms_server_close(server.0, 0);
    // Far sooner than the 15 s after which a silent server is removed.
    let begin = metaserve::time::now();
    until("its end", || {
        list.changes().pop().filter(|it| it.0 == REMOVED)
    });
    assert!(begin.elapsed().as_secs() < 14);
}

#[test]
fn a_restart_of_the_daemon_is_one_change_of_each_row_and_no_id_is_used_twice() {
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let (list, server) = (List::open(&options.it), Server::open(&options.it));
    server.says("before");
    let first = until("the server", || list.changes().pop()).1;
    let daemon = daemon.restart();
    server.says("after");
    let mut rows = std::collections::BTreeMap::from([(first, "before".to_owned())]);
    until("the server again", || {
        for (kind, id, said) in list.changes() {
            match kind {
                ADDED => assert_eq!(rows.insert(id, said), None, "{id} was there"),
                UPDATED => assert!(rows.insert(id, said).is_some(), "{id} was not there"),
                _ => assert!(rows.remove(&id).is_some(), "{id} was not there"),
            }
        }
        rows.values().eq(["after"]).then_some(())
    });
    assert!(!rows.contains_key(&first), "another run gives other ids");
    assert_eq!(list.all(), Vec::from_iter(rows));
    drop(daemon);
    until("the loss", || (list.state().0 == WAITING).then_some(()));
    assert!(!list.state().1.is_empty(), "it says why");
    assert_eq!(list.all().len(), 1, "the last list stays");
}

#[test]
fn a_daemon_that_is_not_trusted_ends_both_with_the_reason() {
    let daemon = Daemon::start();
    let options = Options::new(&daemon.address, &"ab".repeat(32));
    let (list, server) = (List::open(&options.it), Server::open(&options.it));
    let ended = || (ms_list_poll(list.0) == 0 && list.state().0 == ENDED).then_some(());
    until("the end of the list", ended);
    until("the end of the server", || {
        (server.says("x") == ENDED).then_some(())
    });
    for (_, why) in [list.state(), server.state()] {
        assert!(why.contains("not trusted"), "{why}");
    }
}

#[test]
fn a_server_with_an_identity_has_its_fingerprint_in_the_list_and_notices_are_text() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    let path = std::ffi::CString::new(directory.path().join("id").to_str().unwrap()).unwrap();
    let options = Options::of(&daemon);
    let it = ms_options {
        identity_dir: path.as_ptr(),
        ..options.it
    };
    let (list, server) = (List::open(&options.it), Server::open(&it));
    server.says("here");
    until("the server", || list.changes().pop());
    let mut entry = no_entry();
    ms_list_rewind(list.0);
    assert_eq!(unsafe { ms_list_next(list.0, &mut entry) }, 1);
    assert_eq!(text(entry.identity).map(|it| it.len()), Some(64));
    assert_eq!(text(entry.game).as_deref(), Some("ffi"));
    assert_eq!(text(entry.address).as_deref(), Some("127.0.0.1:7777"));
    assert_eq!(text(entry.second_address), None);
    assert_eq!(unsafe { ms_list_next(list.0, &mut entry) }, 0);
    assert!(
        entry.heartbeat.is_null() && entry.id == 0,
        "nothing at the end"
    );
    server.says(&"x".repeat(10_000));
    let notice = until("a notice", || {
        Some(server.state().1).filter(|it| !it.is_empty())
    });
    assert!(notice.contains("8192"), "{notice}");
}

/// A program of an older header, whose struct ends with the heartbeat.
#[test]
fn an_older_entry_is_filled_in_up_to_its_end_and_a_newer_one_is_zeroed_beyond_ours() {
    #[repr(C)]
    struct Newer {
        it: ms_entry,
        added: u64,
    }
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let (list, server) = (List::open(&options.it), Server::open(&options.it));
    server.says("here");
    until("the server", || list.changes().pop());
    let untouched = ptr::without_provenance(9);
    let mut newer = Newer {
        it: ms_entry {
            size: 24,
            game: untouched,
            ..no_entry()
        },
        added: 9,
    };
    let next = |newer: &mut Newer| {
        ms_list_rewind(list.0);
        unsafe { ms_list_next(list.0, &raw mut newer.it) }
    };
    assert_eq!(next(&mut newer), 1);
    assert_eq!(bytes(newer.it.heartbeat, newer.it.heartbeat_len), "here");
    assert_eq!(
        (newer.it.size, newer.it.game, newer.added),
        (24, untouched, 9)
    );
    newer.it.size = size_of::<Newer>() as u32;
    assert_eq!((next(&mut newer), newer.added), (1, 0));
    newer.it.size = 8;
    assert_eq!(next(&mut newer), ARGUMENT);
    assert!(error().contains("sizeof(ms_entry)"), "{}", error());
}

#[test]
fn ten_thousand_servers_are_all_there_and_a_walk_uses_the_same_memory_for_each() {
    let daemon = Daemon::start();
    let options = Options::of(&daemon);
    let list = List::open(&options.it);
    let servers = daemon.lists(10_000);
    let mut added = 0;
    until("all of them", || {
        let changes = list.changes();
        added += changes.iter().filter(|it| it.0 == ADDED).count();
        assert!(changes.iter().all(|it| it.0 != REMOVED));
        (ms_list_count(list.0) == 10_000).then_some(())
    });
    assert_eq!(added, 10_000, "each is told once");
    let all = std::collections::BTreeSet::from_iter(list.all());
    assert_eq!(all.len(), 10_000);
    let mut entry = no_entry();
    ms_list_rewind(list.0);
    let mut places = std::collections::BTreeSet::new();
    while unsafe { ms_list_next(list.0, &mut entry) } == 1 {
        places.insert((entry.address.addr(), entry.game.addr()));
    }
    assert!(places.len() < 8, "texts have {} places", places.len());
    drop(servers);
    until("none of them", || {
        list.changes();
        (ms_list_count(list.0) == 0).then_some(())
    });
}
