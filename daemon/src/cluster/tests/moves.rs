//! Servers move between members, and are at two at once.

use super::*;
use futures::FutureExt;

fn ended(server: &Registration) -> bool {
    server.replaced().now_or_never().is_some()
}

#[tokio::test(start_paused = true)]
async fn row_12_a_server_that_moves_every_second_is_one_row_and_the_last_place_is_shown() {
    let mut net = Net::of_members(12, 3).await;
    let mut places = vec![net.serve_as(0, address(1), Some(identity(1)))];
    net.run(SETTLED).await;
    let mut last = 0;
    for round in 1..30 {
        last = round % 2;
        places.push(net.serve_as(last, address(1), Some(identity(1))));
        net.run_checking(seconds(1), |net| {
            (0..3).for_each(|at| assert_eq!(net.shows(at), [1], "at {at}, round {round}"));
        })
        .await;
    }
    net.run(SETTLED).await;
    net.assert_equal();
    let shown = rows(&net.machines[2].list());
    assert_eq!(shown[0].heartbeat, format!("{} at {last}", address(1)));
    // The one that lost is closed, but not at once: the other may be the one that is dead.
    let winner = places.pop().unwrap();
    let loser = places.pop().unwrap();
    assert!(!ended(&loser));
    net.run(net::IDLE + seconds(3)).await;
    assert!(ended(&loser));
    assert!(!ended(&winner));
}

#[tokio::test(start_paused = true)]
async fn row_13_one_server_at_both_sides_of_a_split_is_one_row_after_it_and_one_is_closed() {
    let mut net = Net::of_members(13, 4).await;
    net.split(1, &[0, 1]);
    net.run(seconds(8)).await;
    let places = [0, 2].map(|at| net.serve_as(at, address(1), Some(identity(1))));
    net.run(seconds(30)).await;
    assert!(!places.iter().any(ended));
    net.split(0, &[0, 1]);
    net.run(seconds(3)).await;
    net.assert_equal();
    (0..4).for_each(|at| assert_eq!(net.shows(at), [1]));
    net.run(net::IDLE + seconds(3)).await;
    assert_eq!(places.iter().filter(|it| ended(it)).count(), 1);
    (0..4).for_each(|at| assert_eq!(net.shows(at), [1]));
}

#[tokio::test(start_paused = true)]
async fn row_14_a_server_without_an_identity_that_moves_within_the_hold_is_one_row() {
    let mut net = Net::of_members(14, 3).await;
    let _lost = net.serve(0, 1);
    net.run(SETTLED).await;
    net.kill(0);
    net.run(seconds(16)).await;
    let _back = net.serve(1, 1);
    net.run_checking(seconds(60), |net| {
        (1..3).for_each(|at| assert_eq!(net.shows(at), [1], "at {at}"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn row_15_the_addresses_of_a_server_at_two_members_are_one_row_and_one_can_be_lost() {
    let mut net = Net::of_members(15, 3).await;
    let first = net.serve_as(0, address(1), Some(identity(1)));
    net.run(SETTLED).await;
    let _second = net.serve_as(1, address6(1), Some(identity(1)));
    net.run(SETTLED).await;
    net.assert_equal();
    let shown = rows(&net.machines[2].list());
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].address, shown[0].second),
        (address(1), Some(address6(1)))
    );
    drop(first);
    net.run(SETTLED).await;
    net.assert_equal();
    let shown = rows(&net.machines[2].list());
    assert_eq!((shown[0].address, shown[0].second), (address6(1), None));
}

/// Machines take the same servers over from each other at random, with and without identities, and
/// the network is bad. However messages come, what follows from them is the same.
#[tokio::test(start_paused = true)]
async fn whatever_moves_and_however_messages_come_all_lists_follow_from_what_was_said() {
    for seed in 0..4 {
        let mut net = Net::of_members(seed, 4).await;
        net.weather = net::Weather {
            lost: 5,
            twice: 5,
            late: Duration::from_millis(200),
        };
        let mut random = fastrand::Rng::with_seed(seed);
        let mut servers = std::collections::BTreeMap::new();
        for step in 0..200 {
            let (at, which) = (random.usize(..4), random.u8(..6));
            let who = (which < 4).then(|| identity(which));
            let address = match which % 2 == 0 && random.bool() {
                true => address6(which.into()),
                false => address(which.into()),
            };
            match random.u8(..4) {
                0 => drop(servers.remove(&(at, which, address))),
                _ => {
                    let server = net.serve_as(at, address, who);
                    server.heartbeat(format!("{step}").into());
                    servers.insert((at, which, address), server);
                }
            }
            net.run(Duration::from_millis(random.u64(..400))).await;
        }
        net.weather = net::Weather::default();
        net.run(seconds(10)).await;
        net.assert_equal();
    }
}
