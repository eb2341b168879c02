//! Faults of routers: they forget their mappings.

use crate::{
    net::{Place, nft, run},
    world::World,
};
use std::net::Ipv4Addr;

/// Lets a router send all packets from its own address, and from ports from `first` on.
fn masquerade(router: &Place, first: u16) {
    let namespace = &router.namespace;
    let last = first + 999;
    nft(namespace, "add table ip router");
    nft(
        namespace,
        "add chain ip router out { type nat hook postrouting priority 100; }",
    );
    nft(namespace, "flush chain ip router out");
    let rule = format!("oifname wire meta l4proto udp masquerade to :{first}-{last}");
    nft(namespace, &format!("add rule ip router out {rule}"));
}

/// Replaces the router's address, so that it forgets its mappings.
fn renew(world: &World, router: &Place, address: Ipv4Addr) {
    let namespace = &router.namespace;
    run(&format!("ip -n {namespace} address flush dev wire"));
    run(&format!(
        "ip -n {namespace} address add {address}/24 dev wire"
    ));
    // Otherwise the hub would use the old neighbour for a while.
    run(&format!("ip -n {} neigh flush all", world.net.hub()));
}

#[tokio::test]
async fn the_list_follows_new_ports_and_addresses_of_a_router() {
    let mut world = World::new().await;
    let router = world.net.place();
    let home = world.net.behind(&router);
    let reader = world.net.place();
    masquerade(&router, 41_000);
    // From the home, everything beyond its own wire is behind the router.
    let daemon = world.address(&router);
    let seen = router.address;
    world
        .server_via("home", &home, daemon, seen.into(), None)
        .await;
    world.client("reader", &reader);
    // There is a client at home as well, whose list must stay right.
    world.client_via("neighbour", &home, daemon);
    world.rounds(2).await;
    assert!((41_000..42_000).contains(&world.port("reader", "home")));

    masquerade(&router, 42_000);
    renew(&world, &router, seen);
    world.rounds(1).await;
    let new_port = |list: &crate::truth::Shown| list[0].0.port() / 1000 == 42;
    world.until("reader", "the new port", new_port).await;

    let [a, b, c, _] = seen.octets();
    let elsewhere = Ipv4Addr::new(a, b, c, 77);
    world.moves("home", elsewhere.into());
    masquerade(&router, 43_000);
    renew(&world, &router, elsewhere);
    world.say("home").await;
    let took = world.agree("the new address").await;
    println!("figure: a router's new address is listed after {took:.1?}");
    world.rounds(2).await;
    world.done("a router that forgets").await;
}

/// The kernel chooses a packet's shard by the addresses and ports of both ends, so about every
/// second move is to another shard.
#[tokio::test]
async fn a_server_that_moves_to_another_shard_stays_on_every_list() {
    let mut world = World::new().await;
    let router = world.net.place();
    let home = world.net.behind(&router);
    let [other, reader] = [(); 2].map(|()| world.net.place());
    masquerade(&router, 20_000);
    let daemon = world.address(&router);
    world
        .server_via("home", &home, daemon, router.address.into(), None)
        .await;
    world.client_via("neighbour", &home, daemon);
    world.server("other", &other).await;
    world.client("reader", &reader);
    world.rounds(2).await;
    world.stays("home");
    world.stays("other");
    let connected = "metaserve_handshakes_total{outcome=\"accepted\"}";
    let delivered = "metaserve_packets_handed_over_total{outcome=\"delivered\"}";
    let dropped = "metaserve_packets_handed_over_total{outcome=\"dropped\"}";
    let [a, b, c, _] = router.address.octets();
    for number in 1..=40 {
        let ports = 20_000 + 1_000 * u16::from(number);
        let address = Ipv4Addr::new(a, b, c, 10 + number);
        world.moves("home", address.into());
        masquerade(&router, ports);
        renew(&world, &router, address);
        world.say("home").await;
        world.agree("the new address").await;
        assert!((ports..ports + 1_000).contains(&world.port("reader", "home")));
        world.rounds(1).await;
        let moved = world.metric(delivered).await;
        if number >= 3 && moved > 0.0 {
            assert_eq!(world.metric(dropped).await, 0.0);
            assert_eq!(world.metric(connected).await, 4.0, "nobody connects again");
            println!("figure: {number} moves: {moved} packets were handed over");
            world.done("moves between shards").await;
            return;
        }
    }
    panic!("forty moves were to the same shard");
}
