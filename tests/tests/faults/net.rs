//! A separate network for each test.

use std::{
    net::Ipv4Addr,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// A namespace for the daemon, the hub, and others around it. A wire joins each to the hub:
/// `10.0.N.1` is the hub's end, and `10.0.N.2` is the end of place N. Dropping it removes
/// everything.
pub(crate) struct Net {
    name: String,
    places: Vec<Place>,
}

/// One namespace beside the hub, or behind another place that forwards.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    /// The name of its wire at the other end.
    pub(crate) wire: String,
    /// Its own address.
    pub(crate) address: Ipv4Addr,
    /// The address at the other end of its wire: the daemon, or the place that forwards.
    pub(crate) gateway: Ipv4Addr,
}

/// Runs a program until it ends.
pub(crate) fn run(words: &str) -> Output {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = Command::new(words[0]).args(&words[1..]).output();
    let output = output.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {complaint}");
    output
}

impl Net {
    pub(crate) fn new() -> Self {
        static NETS: AtomicU32 = AtomicU32::new(0);
        let number = NETS.fetch_add(1, Ordering::Relaxed);
        let name = format!("metaserve-{}-{number}", std::process::id());
        run(&format!("ip netns add {name}"));
        let net = Self {
            name,
            places: Vec::new(),
        };
        run(&format!("ip -n {} link set lo up", net.name));
        net
    }

    /// Returns the daemon's namespace.
    pub(crate) fn hub(&self) -> &str {
        &self.name
    }

    /// Adds a place with a wire to the hub.
    pub(crate) fn place(&mut self) -> Place {
        let hub = self.name.clone();
        let net = Ipv4Addr::new(10, 0, self.next(), 0);
        self.join(&hub, net)
    }

    /// Adds a place whose packets `router` forwards under its own address.
    pub(crate) fn behind(&mut self, router: &Place) -> Place {
        let net = Ipv4Addr::new(10, 1, self.next(), 0);
        let place = self.join(&router.namespace, net);
        let (namespace, gateway) = (&place.namespace, place.gateway);
        run(&format!(
            "ip -n {namespace} route add default via {gateway}"
        ));
        let forward = "sysctl -q -w net.ipv4.ip_forward=1";
        run(&format!("ip netns exec {} {forward}", router.namespace));
        place
    }

    fn next(&self) -> u8 {
        u8::try_from(self.places.len() + 1).unwrap()
    }

    fn join(&mut self, other: &str, net: Ipv4Addr) -> Place {
        let number = self.next();
        let [a, b, c, _] = net.octets();
        let place = Place {
            namespace: format!("{}-{number}", self.name),
            wire: format!("wire{number}"),
            address: Ipv4Addr::new(a, b, c, 2),
            gateway: Ipv4Addr::new(a, b, c, 1),
        };
        let Place {
            namespace,
            wire,
            address,
            gateway,
        } = &place;
        run(&format!("ip netns add {namespace}"));
        self.places.push(place.clone());
        run(&format!(
            "ip -n {other} link add {wire} type veth peer name wire netns {namespace}"
        ));
        run(&format!(
            "ip -n {other} address add {gateway}/24 dev {wire}"
        ));
        run(&format!("ip -n {other} link set {wire} up"));
        run(&format!(
            "ip -n {namespace} address add {address}/24 dev wire"
        ));
        run(&format!("ip -n {namespace} link set wire up"));
        place
    }

    /// Loses this many of a hundred packets to the hub, and from it.
    pub(crate) fn lose(&self, of_a_hundred: u32) {
        for hook in ["input", "output"] {
            let lose = format!("meta l4proto udp numgen random mod 100 < {of_a_hundred} drop");
            filter(&self.name, hook, &lose);
        }
    }

    /// Loses all packets of a place to the hub (`input`) or from it (`output`), until
    /// [`open`](Self::open).
    pub(crate) fn lose_all(&self, hook: &str, place: &Place) {
        let way = if hook == "input" {
            "iifname"
        } else {
            "oifname"
        };
        let wire = &place.wire;
        filter(&self.name, hook, &format!("{way} {wire} drop"));
    }

    /// Stops losing packets.
    pub(crate) fn open(&self) {
        nft(&self.name, "flush ruleset");
    }

    /// Cuts the wire of a place, or joins it again.
    pub(crate) fn wire(&self, place: &Place, state: &str) {
        run(&format!(
            "ip -n {} link set {} {state}",
            self.name, place.wire
        ));
    }

    /// Limits the rate of the wire of a place, in both directions.
    pub(crate) fn narrow(&self, place: &Place, rate: &str) {
        let ends = [
            (self.name.as_str(), place.wire.as_str()),
            (place.namespace.as_str(), "wire"),
        ];
        for (namespace, wire) in ends {
            let shape = format!("root tbf rate {rate} burst 4kb latency 400ms");
            run(&format!("tc -n {namespace} qdisc add dev {wire} {shape}"));
        }
    }
}

fn filter(namespace: &str, hook: &str, rule: &str) {
    let chain = format!("add chain ip faults {hook} {{ type filter hook {hook} priority 0; }}");
    nft(namespace, "add table ip faults");
    nft(namespace, &chain);
    nft(namespace, &format!("add rule ip faults {hook} {rule}"));
}

/// Runs one command of nftables.
pub(crate) fn nft(namespace: &str, command: &str) {
    run(&format!("ip netns exec {namespace} nft {command}"));
}

impl Drop for Net {
    fn drop(&mut self) {
        let places = self.places.iter().map(|place| place.namespace.as_str());
        for namespace in places.chain([self.name.as_str()]) {
            // Leftover namespaces are visible in `ip netns` and do no harm.
            let delete = Command::new("ip")
                .args(["netns", "delete", namespace])
                .status();
            drop(delete);
        }
    }
}
