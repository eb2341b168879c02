//! A flood of connections from few addresses and real servers from many: their addresses, and the
//! outcome by the pure rules of `metaserve::bounds`.

use metaserve::{
    Limits,
    bounds::{Admitted, Fair, Order, Rows, Standing, Trusted},
};
use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
};

/// The number of entries of a list that was once flooded.
pub const FLOOD: usize = 1_279_068;
/// The number of addresses of that flood.
pub const FLOOD_ADDRESSES: usize = 203;
/// The number of real servers.
pub const REAL: usize = 1_800;

/// The connections of a simulation.
#[derive(Debug)]
pub struct Crowd {
    /// The address of each real server.
    pub real: Vec<IpAddr>,
    /// The addresses of the flood, each in a /16 of its own.
    pub flood: Vec<IpAddr>,
    /// The number of connections of the flood, spread evenly over its addresses.
    pub connections: usize,
}

/// The order of arrival.
#[derive(Clone, Copy, Debug)]
pub enum Arrival {
    /// The real servers come when all places are taken.
    RealLast,
    /// The whole flood comes after the real servers.
    RealFirst,
    /// A random order with this seed.
    Random(u64),
}

/// The outcome of a simulation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The number of real servers with a place.
    pub admitted: usize,
    /// The number of listed real servers.
    pub listed: usize,
    /// The number of real servers among the first rows, counting as many rows as there are
    /// addresses.
    pub first: usize,
    /// The number of places taken, by anybody.
    pub places: usize,
    /// The number of prefixes that use memory.
    pub prefixes: usize,
}

impl Crowd {
    /// Real servers in as many different /24s, anywhere on the internet.
    #[must_use]
    pub fn everywhere(connections: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(203);
        let mut nets = HashSet::new();
        let mut real = Vec::new();
        while real.len() < REAL {
            let net = random.u32(0x01_0000..0xdf_0000);
            if nets.insert(net) {
                real.push(Ipv4Addr::from_bits(net << 8 | random.u32(1..255)).into());
            }
        }
        Self::of(real, connections)
    }

    /// Real servers of one hosting company: in eight /24s, each in a /16 of its own.
    #[must_use]
    pub fn of_a_hoster(connections: usize) -> Self {
        let address = |at: usize| {
            let [net, host] = [at / 225, at % 225 + 1].map(|it| u8::try_from(it).unwrap_or(0));
            IpAddr::from([10, net, 7, host])
        };
        Self::of((0..REAL).map(address).collect(), connections)
    }

    fn of(real: Vec<IpAddr>, connections: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(1_800);
        let mut nets = HashSet::new();
        while nets.len() < FLOOD_ADDRESSES {
            nets.insert(random.u32(0x0b00..0xdf00));
        }
        let address = |net: u32| Ipv4Addr::from_bits(net << 16 | 0x0901).into();
        let mut flood: Vec<IpAddr> = nets.into_iter().map(address).collect();
        flood.sort_unstable();
        Self {
            real,
            flood,
            connections,
        }
    }

    /// The address of each connection in the order of arrival, and whether it is a real server.
    fn comers(&self, arrival: Arrival) -> Vec<(IpAddr, bool)> {
        let real = self.real.iter().map(|ip| (*ip, true));
        let flood = self.flood.iter().cycle().map(|ip| (*ip, false));
        let flood = flood.take(self.connections);
        match arrival {
            Arrival::RealFirst => real.chain(flood).collect(),
            Arrival::RealLast => flood.chain(real).collect(),
            Arrival::Random(seed) => {
                let mut all: Vec<_> = real.chain(flood).collect();
                fastrand::Rng::with_seed(seed).shuffle(&mut all);
                all
            }
        }
    }
}

/// Admits all connections in order; none of them leaves. `progress` is called after each.
pub fn simulate(
    crowd: &Crowd,
    arrival: Arrival,
    limits: &Limits,
    trusted: &Trusted,
    mut progress: impl FnMut(usize),
) -> Outcome {
    let mut fair = Fair::default();
    let mut rows = Rows::new(limits.max_listed_per_prefix, trusted.clone());
    let mut order = Order::default();
    let mut inside: HashMap<u64, bool> = HashMap::new();
    let (total, each) = (limits.max_servers, limits.max_servers_per_prefix);
    for (at, (ip, real)) in crowd.comers(arrival).into_iter().enumerate() {
        let number = at as u64;
        let admitted = fair.admit(trusted.origin(ip), total, each, number);
        if let Ok(Admitted::InsteadOf { payload, .. }) = admitted {
            inside.remove(&payload);
            rows.release(payload);
            order.remove(payload);
            for (promoted, ip) in rows.take_promoted() {
                order.put(promoted, ip);
            }
        }
        if admitted.is_ok() {
            inside.insert(number, real);
            if rows.claim(number, ip, ip) == Standing::Listed {
                order.put(number, ip);
            }
        }
        progress(at);
    }
    let rows = crowd.real.len() + crowd.flood.len();
    let real_of = |most: usize| {
        let positions = order.after(None).take(most);
        positions.filter(|it| inside[&it.number()]).count()
    };
    Outcome {
        admitted: inside.values().filter(|real| **real).count(),
        listed: real_of(usize::MAX),
        first: real_of(rows),
        places: fair.len(),
        prefixes: fair.prefixes(),
    }
}
