//! Chaos: players send numbered commands while zone hosts are killed and frozen, gateways are killed
//! and the log is restarted. Every command that was accepted is done once and in order, and nobody
//! is in two zones.
//!
//! In one process, over a log in memory, always; with a process for each role, over a redis-server
//! that this starts itself, with `--ignored`. `--nocapture` shows the counts.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod bots;
mod children;
mod one;
mod record;
mod threads;
mod world;

use self::{
    bots::{Bots, Plan, now},
    children::Children,
    one::Watch,
    threads::Threads,
    world::{World, zones},
};
use realm::log::memory::MemoryLog;
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(900);

/// Which of the hosts meets what, and in which order.
const SEED: u64 = 20;

enum Trouble {
    Kill,
    Freeze,
    Restart(&'static str),
}

/// What these processes run, if they were started as a role of a world.
#[test]
#[ignore = "a role of the other tests here; by itself it does nothing"]
fn a_role_of_the_world() {
    children::role();
}

#[tokio::test]
async fn no_command_is_lost_while_hosts_are_killed_and_frozen_in_one_process() {
    let world = World::new(Arc::new(MemoryLog::new()));
    let gateway = world.gateway().await;
    let mut hosts = Threads::start(&world, 3);
    let plan = Plan {
        commands: 125,
        per_second: 15,
    };
    let bots = Bots::play(&world, 16, gateway, plan);
    let trouble = async {
        bots.have_sent(200).await;
        hosts.kill(0);
        bots.have_sent(800).await;
        hosts.freeze(1);
        bots.have_sent(2_000).await;
    };
    timeout(LONG, trouble).await.expect("the bots go on");
    let played = timeout(LONG, bots.end()).await.expect("the bots end");
    hosts.thaw();
    timeout(LONG, world.compare(&played))
        .await
        .expect("all is done");
    println!("{played}; 1 owner killed, 1 frozen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn no_command_is_lost_while_hosts_are_killed_and_frozen_and_redis_restarts() {
    let (world, mut children) = children::world().await;
    let gateway = children.gateway().await;
    for _ in 0..3 {
        children.host().await;
    }
    let plan = Plan {
        commands: 500,
        per_second: 10,
    };
    let watch = Watch::start(children.log());
    let bots = Bots::play(&world, 40, gateway, plan);
    let mut random = fastrand::Rng::with_seed(SEED);
    let trouble = async {
        bots.have_sent(200).await;
        let mut rounds = 0;
        while rounds < 2 || !bots.have_ended() {
            let mut turn = [
                Trouble::Kill,
                Trouble::Freeze,
                Trouble::Restart("TERM"),
                Trouble::Restart("KILL"),
            ];
            random.shuffle(&mut turn);
            for trouble in turn {
                let zone = random.choice(zones()).unwrap();
                match trouble {
                    Trouble::Kill => children.replace_owner(&world, zone).await,
                    Trouble::Freeze => children.freeze_owner(&world, &zone).await,
                    Trouble::Restart(by) => children.restart_redis(by).await,
                }
                sleep(Duration::from_millis(random.u64(200..1_000))).await;
            }
            rounds += 1;
        }
    };
    timeout(LONG, trouble).await.expect("the bots end");
    end(world, bots, children).await;
    println!("nobody was in two zones at {} looks", watch.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn no_command_is_lost_while_gateways_are_killed() {
    let (world, mut children) = children::world().await;
    let gateway = children.gateway().await;
    for _ in 0..2 {
        children.host().await;
    }
    let plan = Plan {
        commands: 250,
        per_second: 15,
    };
    let bots = Bots::play(&world, 40, gateway, plan);
    let trouble = async {
        for part in 1..4 {
            bots.have_sent(part * 2_000).await;
            children.replace_gateway(bots.gateway()).await;
        }
        while !bots.have_ended() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LONG, trouble).await.expect("the bots end");
    end(world, bots, children).await;
}

/// Hosts come and go as an operator pleases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: tests/live.sh realm"]
async fn no_command_is_lost_while_hosts_are_drained_and_added() {
    let (world, mut children) = children::world().await;
    let gateway = children.gateway().await;
    children.host().await;
    let plan = Plan {
        commands: 250,
        per_second: 15,
    };
    let bots = Bots::play(&world, 40, gateway, plan);
    let change = async {
        for part in 1..5 {
            bots.have_sent(part * 1_500).await;
            children.host().await;
            children.drain_host().await;
        }
        while !bots.have_ended() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LONG, change).await.expect("the bots end");
    end(world, bots, children).await;
}

/// Prints how long acknowledgements take: 200 bots, 5 commands a second each, 30 seconds, two hosts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server, and a quiet machine"]
async fn benchmark() {
    let (world, mut children) = children::world().await;
    let gateway = children.gateway().await;
    for _ in 0..2 {
        children.host().await;
    }
    let plan = Plan {
        commands: 150,
        per_second: 5,
    };
    let (since, before) = (now(), children.work());
    let bots = Bots::play(&world, 200, gateway, plan);
    while !bots.have_ended() {
        sleep(Duration::from_millis(10)).await;
    }
    let (took, after) = ((now() - since).as_secs_f64(), children.work());
    let part = |of: usize| (after[of] - before[of]) / took * 100.0;
    println!(
        "{took:.1} s; of one processor the gateway used {:.0} %, both hosts {:.0} %, Redis {:.0} %",
        part(0),
        part(1),
        part(2)
    );
    end(world, bots, children).await;
}

async fn end(world: World, bots: Bots, children: Children) {
    let played = timeout(LONG, bots.end()).await.expect("the bots end");
    children.thaw();
    timeout(LONG, world.compare(&played))
        .await
        .expect("all is done");
    println!("{played}; {children}");
}
