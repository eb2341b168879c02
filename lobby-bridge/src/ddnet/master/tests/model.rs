//! Any order of requests and of time, compared with a model.

use proptest::prelude::*;

use super::*;

/// A step of the model.
#[derive(Clone, Debug)]
enum Step {
    Register {
        server: usize,
        address: usize,
        serial: u64,
        body: bool,
    },
    Delete {
        server: usize,
        address: usize,
    },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize, 0..4_usize, 0..3_u64, any::<bool>()).prop_map(
            |(server, address, serial, body)| Step::Register { server, address, serial, body }
        ),
        1 => (0..3_usize, 0..4_usize)
            .prop_map(|(server, address)| Step::Delete { server, address }),
        2 => (1..40_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever servers do, each address is in the list once, and until 30 s after its last
    /// success; what is published is what is listed; and nothing is left over.
    #[test]
    fn every_address_is_listed_once_and_no_longer_than_it_should_be(steps in steps()) {
        const ADDRESSES: [&str; 4] = [SIX, SEVEN, SIX6, "tw-0.6+udp://192.0.2.7:1"];
        let mut net = Net::new();
        for address in ADDRESSES {
            net.ask(0, address, 0, "");
        }
        let mut owners: BTreeMap<&str, (usize, Instant)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Register { server, address, serial, body } => {
                    let address = ADDRESSES[address];
                    let body = if body { format!("{{\"name\":\"{server}\"}}") } else { String::new() };
                    if net.ask(server, address, serial, &body) == "success" {
                        owners.insert(address, (server, net.now));
                    }
                }
                Step::Delete { server, address } => {
                    let address = ADDRESSES[address];
                    let owns = owners.get(address).is_some_and(|it| it.0 == server);
                    prop_assert_eq!(net.delete(server, address) == "success", owns);
                    owners.retain(|_, it| !(owns && it.0 == server));
                }
                Step::Pass(seconds) => {
                    net.pass(SECOND * seconds as u32);
                    owners.retain(|_, it| net.now - it.1 < SECOND * 30);
                }
            }
            let listed: BTreeMap<String, usize> = net
                .list()
                .into_iter()
                .flat_map(|(name, addresses)| {
                    addresses.into_iter().map(move |it| (it, name.parse().unwrap()))
                })
                .collect();
            let expected = owners.iter().map(|(address, it)| ((*address).to_owned(), it.0));
            prop_assert_eq!(&listed, &expected.collect::<BTreeMap<_, _>>());
            let published = net.published.values().map(|it| it.addresses.len()).sum::<usize>();
            prop_assert_eq!(published, owners.len());
        }
        for _ in 0..2 {
            net.pass(SECOND * 100);
        }
        let entries = &net.net.list().entries;
        prop_assert!(entries.servers().is_empty() && net.published.is_empty());
        prop_assert!(entries.is_clear());
    }
}
