//! Which server gets a row, and when.

use super::*;
use proptest::prelude::*;

fn ip(text: impl Into<String>) -> IpAddr {
    text.into().parse().unwrap()
}

fn rows(each: usize) -> Rows<()> {
    Rows::new(each, Trusted::default())
}

fn promoted(rows: &mut Rows<()>) -> Vec<u64> {
    let promoted = rows.take_promoted();
    promoted.into_iter().map(|(number, ())| number).collect()
}

#[test]
fn a_server_beyond_the_rows_of_its_address_waits_and_learns_its_position() {
    let mut rows = rows(2);
    for number in 0..2 {
        assert_eq!(rows.claim(number, ip("192.0.2.1"), ()), Standing::Listed);
    }
    let mut told = Vec::new();
    for number in 2..15 {
        if let Standing::Waits(waiting) = rows.claim(number, ip("192.0.2.1"), ()) {
            told.push(waiting.to_string());
        }
    }
    assert_eq!(
        told[0],
        "not listed: 2 servers of your address are already listed; this one is the 1st in the queue"
    );
    assert!(told[1].contains("the 2nd") && told[12].contains("the 13th"));
    assert_eq!(rows.claim(99, ip("192.0.2.2"), ()), Standing::Listed);
    assert_eq!(rows.waiting(), 13);
}

#[test]
fn a_free_row_goes_to_the_server_that_waits_longest() {
    let mut rows = rows(1);
    for number in 0..4 {
        rows.claim(number, ip("192.0.2.1"), ());
    }
    rows.release(1);
    assert!(promoted(&mut rows).is_empty());
    rows.release(0);
    assert_eq!(promoted(&mut rows), [2]);
    assert_eq!(rows.standing(2), Some(Standing::Listed));
    rows.release(2);
    rows.release(3);
    assert_eq!(promoted(&mut rows), [3]);
    assert!(rows.claims.is_empty() && rows.addresses.is_empty() && rows.networks.is_empty());
}

#[test]
fn a_network_has_the_rows_of_four_addresses() {
    let mut rows = rows(1);
    for host in 1..=4 {
        let standing = rows.claim(host, ip(format!("192.0.2.{host}")), ());
        assert_eq!(standing, Standing::Listed);
    }
    let Standing::Waits(waiting) = rows.claim(5, ip("192.0.2.5"), ()) else {
        panic!("the network must have no rows left");
    };
    assert!(
        waiting
            .to_string()
            .contains("4 servers of your network 192.0.2.0/24")
    );
    // The fifth server waits longer than this one, which also waits for its address.
    rows.claim(6, ip("192.0.2.1"), ());
    rows.release(1);
    assert_eq!(promoted(&mut rows), [5]);
    let six = ["2001:db8:1::1", "2001:db8:1:1::1", "2001:db8:1:1::2"];
    let six = [(10, six[0]), (11, six[1]), (12, six[2])];
    let six = six.map(|(number, at)| rows.claim(number, ip(at), ()) == Standing::Listed);
    assert_eq!(six, [true, true, false]);
}

#[test]
fn trusted_prefixes_have_as_many_rows_as_they_are_given() {
    let more = ["198.51.100.0/24=3", "203.0.113.0/24"].map(|it| it.parse().unwrap());
    let mut rows: Rows<()> = Rows::new(1, Trusted::none().and(more));
    let listed = |rows: &mut Rows<()>, address: &str| {
        let numbers = rows.claimed..rows.claimed + 9;
        let claims = numbers.map(|number| rows.claim(number, ip(address), ()));
        claims.filter(|it| *it == Standing::Listed).count()
    };
    assert_eq!(listed(&mut rows, "198.51.100.1"), 3);
    assert_eq!(listed(&mut rows, "203.0.113.1"), 9);
    assert_eq!(listed(&mut rows, "127.0.0.1"), 1);
}

#[test]
fn a_move_takes_a_row_where_there_is_one_and_frees_the_old_one() {
    let mut rows = rows(1);
    rows.claim(1, ip("192.0.2.1"), ());
    rows.claim(2, ip("192.0.2.1"), ());
    rows.claim(3, ip("198.51.100.1"), ());
    let moved = rows.move_to(1, ip("198.51.100.1"));
    assert!(matches!(moved, Some(Standing::Waits(it)) if it.position == 1));
    assert_eq!(promoted(&mut rows), [2]);
    assert_eq!(rows.move_to(1, ip("203.0.113.1")), Some(Standing::Listed));
    assert!(promoted(&mut rows).is_empty());
    assert_eq!(rows.move_to(9, ip("203.0.113.1")), None);
}

#[test]
fn more_rows_are_given_out_at_once_and_fewer_remove_no_server() {
    let mut rows = rows(1);
    for number in 0..4 {
        rows.claim(number, ip("192.0.2.1"), ());
    }
    rows.set(3, Trusted::default());
    assert_eq!(promoted(&mut rows), [1, 2]);
    rows.set(1, Trusted::default());
    assert_eq!((promoted(&mut rows), rows.waiting()), (vec![], 1));
    rows.release(0);
    assert!(promoted(&mut rows).is_empty());
    let hoster = "192.0.2.0/24".parse().unwrap();
    rows.set(1, Trusted::none().and([hoster]));
    assert_eq!(promoted(&mut rows), [3]);
}

#[derive(Clone, Debug)]
enum Step {
    Claim(IpAddr),
    Release(prop::sample::Index),
    Move(prop::sample::Index, IpAddr),
    Set(usize),
}

fn addresses() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..2u8, 0..6u8).prop_map(|(net, host)| ip(format!("192.0.{net}.{host}"))),
        (0..6u16).prop_map(|net| ip(format!("2001:db8:1:{net}::1"))),
        Just(ip("10.0.0.1")),
    ]
}

#[test]
fn positions_in_the_queue_are_ordinal_numbers() {
    for (number, expected) in [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (23, "23rd"),
        (112, "112th"),
    ] {
        assert_eq!(standing::ordinal(number), expected);
    }
}

proptest! {
    #[test]
    fn no_server_waits_while_there_is_a_row_and_no_prefix_has_too_many(steps in prop::collection::vec(prop_oneof![
        8 => addresses().prop_map(Step::Claim),
        3 => any::<prop::sample::Index>().prop_map(Step::Release),
        2 => (any::<prop::sample::Index>(), addresses()).prop_map(|(at, to)| Step::Move(at, to)),
        1 => (1..4usize).prop_map(Step::Set),
    ], 0..150)) {
        let trusted = Trusted::none().and(["10.0.0.0/8=3".parse().unwrap()]);
        let (mut rows, mut each) = (Rows::new(2, trusted.clone()), 2);
        let (mut here, mut next): (Vec<u64>, u64) = (Vec::new(), 0);
        // Lowering a limit removes no row.
        let mut lowered = false;
        for step in steps {
            match step {
                Step::Claim(at) => {
                    rows.claim(next, at, ());
                    here.push(next);
                    next += 1;
                }
                Step::Release(at) if !here.is_empty() => {
                    rows.release(here.swap_remove(at.index(here.len())));
                }
                Step::Move(at, to) if !here.is_empty() => {
                    prop_assert!(rows.move_to(here[at.index(here.len())], to).is_some());
                }
                Step::Set(to) => {
                    lowered |= to < each;
                    each = to;
                    rows.set(each, trusted.clone());
                }
                Step::Release(_) | Step::Move(..) => {}
            }
            let mut listed: HashMap<Scope, usize> = HashMap::new();
            for claim in rows.claims.values().filter(|claim| claim.listed) {
                let (address, network) = rows.scopes(claim.ip);
                *listed.entry(address).or_default() += 1;
                if network != address {
                    *listed.entry(network).or_default() += 1;
                }
            }
            let of = |scope: Scope| listed.get(&scope).copied().unwrap_or(0);
            let mut waiting = 0;
            for claim in rows.claims.values() {
                let (at, around) = rows.scopes(claim.ip);
                let (address, network) = (of(at), of(around));
                prop_assert_eq!(rows.addresses[&at].listed, address);
                prop_assert_eq!(rows.networks[&around].listed, network);
                let room = address < rows.rows_of_address(at)
                    && network < rows.rows_of_network(around);
                prop_assert!(claim.listed || !room, "{:?} waits although a row is free", claim);
                prop_assert!(lowered || address <= rows.rows_of_address(at));
                prop_assert!(lowered || network <= rows.rows_of_network(around));
                waiting += usize::from(!claim.listed);
            }
            prop_assert_eq!((rows.claims.len(), rows.waiting()), (here.len(), waiting));
        }
    }
}

#[test]
fn a_server_moves_only_where_a_row_is_free_and_otherwise_keeps_its_own() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let mut rows = Rows::new(1, Trusted::none());
    rows.claim(1, ip("192.0.2.1"), ());
    rows.claim(2, ip("198.51.100.1"), ());
    // It waits for the row of the first.
    rows.claim(3, ip("192.0.2.1"), ());
    let why = rows.move_if_free(1, ip("198.51.100.1")).unwrap_err();
    assert_eq!((why.listed, why.prefix()), (1, "198.51.100.1".to_owned()));
    assert_eq!(rows.standing(1), Some(Standing::Listed));
    assert!(rows.take_promoted().is_empty());
    // Where it is, it has a row, also when the limit is lower now.
    rows.set(0, Trusted::none());
    assert_eq!(rows.move_if_free(1, ip("192.0.2.1")), Ok(()));
    assert!(rows.move_if_free(3, ip("192.0.2.1")).is_err());
    rows.set(1, Trusted::none());
    assert_eq!(rows.move_if_free(1, ip("203.0.113.1")), Ok(()));
    assert_eq!(rows.take_promoted(), [(3, ())]);
    // A server that is not listed yet has no claim.
    assert_eq!(rows.move_if_free(9, ip("203.0.113.1")), Ok(()));
}

/// An address of a full network: the row that the server leaves there counts as free.
#[test]
fn a_server_moves_within_a_full_network() {
    let at = |last: u8| IpAddr::from([192, 0, 2, last]);
    let mut rows = Rows::new(1, Trusted::none());
    for last in 1..=4 {
        assert_eq!(rows.claim(last.into(), at(last), ()), Standing::Listed);
    }
    rows.claim(5, [198, 51, 100, 1].into(), ());
    assert!(rows.move_if_free(5, at(9)).is_err());
    assert_eq!(rows.move_if_free(1, at(9)), Ok(()));
    assert_eq!(rows.standing(1), Some(Standing::Listed));
}
