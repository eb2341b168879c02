//! A list under a flood, computed in full by the pure rules: 1,279,068 connections from 203
//! addresses, and 1,800 real servers. `tests/benches/flood.rs` does it with real connections.

use metaserve::{Limits, bounds::Trusted};
use metaserve_tests::crowd::{Arrival, Crowd, FLOOD, Outcome, REAL, simulate};

/// A twentieth of the flood, unless `METASERVE_FLOOD=full` is set. Either fills all places.
fn connections() -> usize {
    match std::env::var("METASERVE_FLOOD").as_deref() {
        Ok("full") => FLOOD,
        _ => FLOOD / 20,
    }
}

const ORDERS: [Arrival; 3] = [Arrival::RealLast, Arrival::RealFirst, Arrival::Random(7)];

fn outcomes(crowd: &Crowd, trusted: &Trusted) -> Vec<Outcome> {
    let limits = Limits::default();
    let outcomes = ORDERS.map(|it| simulate(crowd, it, &limits, trusted, |_| {}));
    for outcome in &outcomes {
        assert_eq!(outcome.places, limits.max_servers, "all places are taken");
        // At worst an address, a /24 and a /16 for each address: no more than the limit.
        let most = 3 * (crowd.real.len() + crowd.flood.len());
        assert!(outcome.prefixes <= most, "{outcome:?}");
    }
    outcomes.into()
}

#[test]
fn every_real_server_is_admitted_and_listed_first_in_any_order_of_arrival() {
    let crowd = Crowd::everywhere(connections());
    for outcome in outcomes(&crowd, &Trusted::default()) {
        let (admitted, listed, first) = (outcome.admitted, outcome.listed, outcome.first);
        assert_eq!((admitted, listed, first), (REAL, REAL, REAL), "{outcome:?}");
    }
}

#[test]
fn a_hosting_company_with_eight_networks_gets_eight_fair_shares_or_everything_when_trusted() {
    let crowd = Crowd::of_a_hoster(connections());
    // 211 /16s share 20,000 places, and each wants more than its share (those of the company 225,
    // the flood's 256): 94 or 95 for each, so 752 to 760 for the company's eight.
    for outcome in outcomes(&crowd, &Trusted::none()) {
        assert!((752..=760).contains(&outcome.admitted), "{outcome:?}");
        assert_eq!(outcome.listed, outcome.admitted);
    }
    let hoster = (0..8).map(|net| format!("10.{net}.7.0/24").parse().unwrap());
    for outcome in outcomes(&crowd, &Trusted::none().and(hoster)) {
        let (admitted, listed, first) = (outcome.admitted, outcome.listed, outcome.first);
        assert_eq!((admitted, listed, first), (REAL, REAL, REAL), "{outcome:?}");
    }
}
