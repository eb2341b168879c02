//! Challenges that are answered late, twice and by others, and restarts of the list in each state of a
//! server.

use super::*;

#[test]
fn a_restart_of_the_list_is_not_noticed() {
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(1, SIX6);
    net.pass(SECOND * 20);
    assert_eq!(net.ask(0, SIX, 0, ""), "success");
    net.pass(SECOND);
    // The list was away for 9 s: the second server is too old by then.
    let mut later = net.restarted(SECOND * 9);
    assert_eq!(later.list(), [("a".to_owned(), vec![SIX.to_owned()])]);
    assert_eq!(later.ask(0, SIX, 0, ""), "success");
    assert_eq!(later.ask(1, SIX6, 0, ""), "success");
    assert_eq!((later.names().len(), later.published.len()), (2, 2));
    assert_eq!(later.challenges, 0);
}

#[test]
fn a_token_of_the_last_hour_is_good_and_brings_a_new_one() {
    let mut net = Net::new();
    net.register(0, SIX);
    for _ in 0..5 {
        net.pass(Duration::from_secs(1_800));
        // The server has been away from the list, and its information is forgotten.
        let before = net.challenges;
        assert_eq!(net.ask(0, SIX, 0, r#"{"name":"a"}"#), "success");
        let renewed = net.challenges - before;
        assert!(renewed <= 1);
    }
    assert!(net.challenges >= 3, "{}", net.challenges);
    net.pass(Duration::from_secs(7_200));
    assert_eq!(net.ask(0, SIX, 0, ""), "need_challenge");
}

#[test]
fn a_challenge_that_is_answered_twice_lists_a_server_once() {
    let mut net = Net::new();
    net.register(0, SIX);
    for _ in 0..2 {
        assert_eq!(net.ask(0, SIX, 0, r#"{"name":"a"}"#), "success");
    }
    assert_eq!(net.names(), ["a"]);
    assert_eq!((net.published.len(), net.challenges), (1, 1));
}

/// A token says nothing about when its challenge was sent, within the hour of it and the next one.
#[test]
fn a_challenge_that_is_answered_late_is_good_until_its_token_ends() {
    for (seconds, expected) in [(59 * 60, "success"), (2 * 3_600, "need_challenge")] {
        let mut net = Net::new();
        assert_eq!(net.ask(0, SIX, 0, "{}"), "need_challenge");
        net.pass(SECOND * seconds);
        assert_eq!(net.ask(0, SIX, 0, "{}"), expected, "{seconds}");
    }
}

/// Somebody who has seen the token of another host, or has taken it from its traffic.
#[test]
fn a_challenge_that_others_answer_lists_nobody() {
    let mut net = Net::new();
    net.register(0, SIX);
    let token = net.tokens[&SIX.parse().unwrap()].clone();
    let other = "tw-0.6+udp://203.0.113.9:8303";
    net.tokens.insert(other.parse().unwrap(), token);
    assert_eq!(net.ask(1, other, 0, r#"{"name":"b"}"#), "need_challenge");
    assert_eq!(net.delete(1, SIX), "error 400");
    assert_eq!(net.list(), [("a".to_owned(), vec![SIX.to_owned()])]);
}

#[test]
fn a_restart_keeps_each_server_in_the_state_that_it_was_in() {
    let third = "tw-0.6+udp://192.0.2.3:8303";
    let mut net = Net::new();
    net.register(0, SIX);
    net.register(1, SIX6);
    assert_eq!(net.delete(1, SIX6), "success");
    // A challenge is on its way.
    assert_eq!(net.ask(2, third, 0, r#"{"name":"c"}"#), "need_challenge");
    net.pass(SECOND);
    let mut later = net.restarted(SECOND * 9);
    assert_eq!(later.names(), ["a"], "one is listed, one deleted, one new");
    assert_eq!(later.published.len(), 1);
    assert_eq!(later.delete(1, SIX6), "error 400");
    assert_eq!(later.ask(2, third, 0, r#"{"name":"c"}"#), "success");
    // What a deleted one has said is still known, as without the restart.
    assert_eq!(later.ask(1, SIX6, 0, ""), "success");
    assert_eq!((later.names().len(), later.challenges), (3, 0));
    assert_eq!(later.delete(0, SIX), "success");
}
