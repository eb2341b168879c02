//! Members, NATS and the network fail.

use super::{
    super::{Event, State},
    *,
};
use crate::settings::Terms;
use net::Weather;
use std::cell::RefCell;

#[tokio::test(start_paused = true)]
async fn row_1_all_lists_are_equal_and_a_change_is_everywhere_soon() {
    let mut net = Net::of_members(1, 3).await;
    let mut servers = Vec::new();
    for round in 0..20_u16 {
        let at = usize::from(round % 3);
        servers.push(net.serve(at, round + 1));
        if round % 4 == 3 {
            drop(servers.remove(usize::from(round) % servers.len()));
        }
        net.run(SETTLED).await;
        net.assert_equal();
    }
    for machine in &net.machines {
        assert_eq!(machine.count(|it| matches!(it, Event::Gap { .. })), 0);
    }
}

/// Servers come, change and go at random for a minute, while messages are lost, repeated and late.
#[tokio::test(start_paused = true)]
async fn row_2_lists_are_equal_after_quiet_whatever_becomes_of_messages() {
    for seed in 0..4 {
        let mut net = Net::of_members(seed, 3).await;
        net.weather = Weather {
            lost: 10,
            twice: 10,
            late: Duration::from_millis(300),
        };
        let mut random = fastrand::Rng::with_seed(seed);
        let mut servers = Vec::new();
        let ever = RefCell::new(std::collections::BTreeSet::new());
        for step in 0..300_u16 {
            match random.u8(..4) {
                0 | 1 => servers.push(net.serve(random.usize(..3), step + 1)),
                2 if !servers.is_empty() => {
                    let server: &Registration = &servers[random.usize(..servers.len())];
                    server.heartbeat(format!("changed by {step}").into());
                }
                _ if !servers.is_empty() => {
                    drop(servers.swap_remove(random.usize(..servers.len())));
                }
                _ => {}
            }
            net.run_checking(Duration::from_millis(200), |net| {
                let mut ever = ever.borrow_mut();
                for machine in &net.machines {
                    ever.extend(rows(&said(machine)));
                    for row in rows(&machine.list()) {
                        // A client's feed may be ahead of the own feed by a tick of that.
                        let own = machine.list();
                        let own = own
                            .iter()
                            .filter(|it| it.origin == metaserve::list::Origin::Here);
                        let own: Vec<_> = own.cloned().collect();
                        assert!(ever.contains(&row) || rows(&own).contains(&row), "{row:?}");
                    }
                }
            })
            .await;
        }
        net.weather = Weather::default();
        net.run(seconds(10)).await;
        net.assert_equal();
        let gaps = |it: &Event| matches!(it, Event::Gap { .. });
        let gaps: usize = net.machines.iter().map(|it| it.count(gaps)).sum();
        assert!(gaps > 10, "{gaps} gaps in a minute of bad weather");
    }
}

/// The servers of a member that is killed notice after their idle timeout and connect elsewhere.
#[tokio::test(start_paused = true)]
async fn row_3_no_server_of_a_killed_member_is_missing_until_it_is_back_elsewhere() {
    let mut net = Net::of_members(3, 3).await;
    let lost: Vec<_> = (1..=5).map(|number| net.serve(0, number)).collect();
    let _others = [net.serve(1, 6), net.serve(2, 7)];
    net.run(SETTLED).await;
    net.kill(0);
    let all = |net: &Net| {
        for at in [1, 2] {
            assert_eq!(net.shows(at), [1, 2, 3, 4, 5, 6, 7]);
        }
    };
    net.run_checking(seconds(16), all).await;
    assert_eq!(net.state(1, 0), Some(State::Held));
    let back = [net.serve(1, 1), net.serve(2, 2), net.serve(1, 3)];
    net.run_checking(seconds(12), all).await;
    // Those that do not come back leave with the hold.
    net.run(seconds(10)).await;
    for at in [1, 2] {
        assert_eq!(net.shows(at), [1, 2, 3, 6, 7]);
        assert_eq!(net.state(at, 0), None);
    }
    drop((lost, back));
}

#[tokio::test(start_paused = true)]
async fn row_4_members_leave_and_start_again_in_turn_and_no_row_is_missing_or_twice() {
    let mut net = Net::of_members(4, 3).await;
    let mut servers: Vec<_> = (0..3)
        .map(|at| (at, net.serve(at, at as u16 + 1)))
        .collect();
    net.run(SETTLED).await;
    for at in 0..3 {
        let all = |net: &Net| {
            for (other, machine) in net.machines.iter().enumerate() {
                if machine.running && machine.node.joined() && other != at {
                    assert_eq!(net.shows(other), [1, 2, 3], "at {other}, without {at}");
                }
            }
        };
        net.leave(at);
        net.kill(at);
        net.run_checking(seconds(2), all).await;
        net.restart(at);
        net.run_checking(seconds(3), all).await;
        assert!(net.machines[at].node.joined());
        for (number, (home, server)) in servers.iter_mut().enumerate() {
            if *home == at {
                *home = (at + 1) % 3;
                *server = net.serve(*home, number as u16 + 1);
            }
        }
        net.run_checking(seconds(40), all).await;
        net.assert_equal();
    }
}

#[tokio::test(start_paused = true)]
async fn row_5_a_member_that_restarts_shows_its_old_servers_before_they_return() {
    for gone in [1, 10] {
        let mut net = Net::of_members(5, 2).await;
        let servers: Vec<_> = (1..=3).map(|number| net.serve(0, number)).collect();
        net.run(SETTLED).await;
        net.kill(0);
        let all = |net: &Net| assert_eq!(net.shows(1), [1, 2, 3]);
        net.run_checking(seconds(gone), all).await;
        net.restart(0);
        net.run_checking(seconds(4), all).await;
        assert!(net.machines[0].node.joined());
        assert_eq!(net.shows(0), [1, 2, 3], "after {gone} seconds");
        // They return to the new run, as the same rows.
        let back: Vec<_> = (1..=3).map(|number| net.serve(0, number)).collect();
        net.run_checking(seconds(60), |net| {
            for at in [0, 1] {
                assert_eq!(net.shows(at), [1, 2, 3]);
            }
        })
        .await;
        drop((servers, back));
    }
}

#[tokio::test(start_paused = true)]
async fn row_6_and_7_without_nats_lists_stand_and_are_equal_soon_after_it_is_back() {
    for outage in [2, 60] {
        let mut net = Net::of_members(7, 3).await;
        let mut servers: Vec<_> = (0..3).map(|at| net.serve(at, at as u16 + 1)).collect();
        net.run(SETTLED).await;
        (0..3).for_each(|at| net.connect(at, false));
        net.run_checking(seconds(outage), |net| {
            (0..3).for_each(|at| assert_eq!(net.shows(at), [1, 2, 3]));
        })
        .await;
        let state = match outage {
            2 => State::Heard,
            _ => State::Kept,
        };
        assert_eq!(net.state(0, 1), Some(state));
        // Own changes go on, and others learn of them afterwards.
        servers.push(net.serve(0, 4));
        drop(servers.remove(1));
        net.run(SETTLED).await;
        assert_eq!(net.shows(0), [1, 2, 3, 4]);
        assert_eq!(net.shows(1), [1, 3]);
        (0..3).for_each(|at| net.connect(at, true));
        net.run(seconds(3)).await;
        net.assert_equal();
        assert_eq!(net.shows(2), [1, 3, 4]);
        assert_eq!(net.state(0, 1), Some(State::Heard));
    }
}

#[tokio::test(start_paused = true)]
async fn row_8_after_the_keep_only_own_servers_are_left() {
    let mut net = Net::of_members(8, 3).await;
    let _servers: Vec<_> = (0..3).map(|at| net.serve(at, at as u16 + 1)).collect();
    net.run(SETTLED).await;
    (0..3).for_each(|at| net.connect(at, false));
    net.run_checking(net::KEEP - seconds(2), |net| {
        (0..3).for_each(|at| assert_eq!(net.shows(at), [1, 2, 3]));
    })
    .await;
    net.run(seconds(5)).await;
    (0..3).for_each(|at| assert_eq!(net.shows(at), [at as u16 + 1]));
    (0..3).for_each(|at| net.connect(at, true));
    net.run(seconds(3)).await;
    net.assert_equal();
}

/// The operator sees that NATS will be away for longer, or that the list is of no use any more.
#[tokio::test(start_paused = true)]
async fn a_keep_that_is_changed_holds_also_for_members_that_are_kept_already() {
    let mut net = Net::of_members(8, 2).await;
    let _servers: Vec<_> = (0..2).map(|at| net.serve(at, at as u16 + 1)).collect();
    net.run(SETTLED).await;
    (0..2).for_each(|at| net.connect(at, false));
    net.run(seconds(20)).await;
    net.machines[0].node.set_terms(Terms {
        hold: net::HOLD,
        keep: seconds(30),
        bans: true,
        list_bytes: 256 << 20,
    });
    net.run(seconds(15)).await;
    assert_eq!(net.shows(0), [1]);
    assert_eq!(net.shows(1), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn row_9_a_member_that_is_cut_off_keeps_all_and_its_servers_leave_elsewhere_with_the_hold() {
    for outage in [20, 60] {
        let mut net = Net::of_members(9, 3).await;
        let _servers: Vec<_> = (0..3).map(|at| net.serve(at, at as u16 + 1)).collect();
        net.run(SETTLED).await;
        net.connect(0, false);
        let all = |net: &Net| assert_eq!(net.shows(0), [1, 2, 3]);
        net.run_checking(seconds(20), |net| {
            (0..3).for_each(|at| assert_eq!(net.shows(at), [1, 2, 3]));
        })
        .await;
        assert_eq!(net.state(0, 1), Some(State::Kept));
        assert_eq!(net.state(1, 0), Some(State::Held));
        net.run_checking(seconds(outage - 20), all).await;
        if outage == 60 {
            assert_eq!(net.shows(1), [2, 3]);
        }
        net.connect(0, true);
        net.run_checking(seconds(3), all).await;
        net.assert_equal();
    }
}

#[tokio::test(start_paused = true)]
async fn row_10_the_larger_part_of_a_split_holds_and_smaller_and_even_parts_keep() {
    for (members, apart, larger, smaller) in [
        (3, 1, State::Held, State::Kept),
        (2, 1, State::Kept, State::Kept),
        (4, 2, State::Kept, State::Kept),
        (5, 2, State::Held, State::Kept),
    ] {
        let mut net = Net::of_members(10, members).await;
        let _servers: Vec<_> = (0..members)
            .map(|at| net.serve(at, at as u16 + 1))
            .collect();
        net.run(SETTLED).await;
        let part: Vec<_> = (0..apart).collect();
        net.split(1, &part);
        net.run(seconds(8)).await;
        let last = members - 1;
        assert_eq!(net.state(last, 0), Some(larger), "{apart} of {members}");
        assert_eq!(net.state(0, last), Some(smaller), "{apart} of {members}");
        net.run(seconds(52)).await;
        let all = |at: usize| net.shows(at).len() == members;
        assert_eq!(all(last), larger == State::Kept);
        assert!(all(0) || smaller == State::Held);
        net.split(0, &part);
        net.run(seconds(3)).await;
        net.assert_equal();
    }
}

#[tokio::test(start_paused = true)]
async fn row_11_a_member_that_was_stopped_is_held_and_then_right_within_seconds() {
    let mut net = Net::of_members(11, 3).await;
    let mut servers: Vec<_> = (0..3).map(|at| net.serve(at, at as u16 + 1)).collect();
    let moves = net.serve_as(0, address(9), Some(identity(1)));
    net.run(SETTLED).await;
    net.stop(0, true);
    net.run_checking(seconds(20), |net| {
        (1..3).for_each(|at| assert_eq!(net.shows(at), [1, 2, 3, 9]));
    })
    .await;
    assert_eq!(net.state(1, 0), Some(State::Held));
    // Meanwhile one of its servers has gone elsewhere, and another is new.
    let moved = net.serve_as(1, address(9), Some(identity(1)));
    servers.push(net.serve(2, 4));
    net.run(seconds(8)).await;
    net.stop(0, false);
    net.run_checking(seconds(3), |net| {
        (0..3).for_each(|at| assert!(net.shows(at).starts_with(&[1, 2, 3])));
    })
    .await;
    net.assert_equal();
    assert_eq!(net.shows(0), [1, 2, 3, 4, 9]);
    assert_eq!(net.state(0, 1), Some(State::Heard));
    let ended = |server: &Registration| futures::FutureExt::now_or_never(server.replaced());
    assert_eq!(ended(&moved), None, "it has the greater claim");
    drop(moves);
}

/// Each machine's clock shows another time, years apart: nothing depends on what it shows.
#[tokio::test(start_paused = true)]
async fn row_23_clocks_that_are_years_apart_make_no_difference() {
    let mut net = Net::new(23);
    for at in 0..3_u32 {
        let config = net.config(&net::name(at as usize), super::super::Role::Member);
        let ahead = seconds(365 * 24 * 3600) * at;
        net.start_ahead(config, ahead);
    }
    net.run(seconds(6)).await;
    let mut servers: Vec<_> = (0..3).map(|at| net.serve(at, at as u16 + 1)).collect();
    net.run(SETTLED).await;
    net.assert_equal();
    drop(servers.remove(0));
    net.run(TICK + SETTLED).await;
    net.assert_equal();
    net.kill(2);
    net.run(seconds(29)).await;
    assert_eq!(net.shows(0), [2, 3]);
    net.run(seconds(4)).await;
    assert_eq!(net.shows(0), [2]);
}

/// The second server has come within a tick of the first, so no frame has it yet.
#[tokio::test(start_paused = true)]
async fn a_member_that_leaves_states_what_has_just_changed() {
    let mut net = Net::of_members(26, 2).await;
    net.run(SETTLED).await;
    let _first = net.serve(0, 1);
    net.run(Duration::from_millis(10)).await;
    let _second = net.serve(0, 2);
    net.leave(0);
    net.run(seconds(2)).await;
    assert_eq!(net.shows(1), [1, 2]);
}
