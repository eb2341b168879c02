//! The properties of fairness, for any connections in any order.

use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> Origin {
    Origin::new(text.parse().unwrap())
}

/// Admits a connection without a limit for leaves, and returns whether it was admitted.
fn come(fair: &mut Fair<u32>, origin: Origin, total: usize) -> bool {
    fair.admit(origin, total, usize::MAX, 0).is_ok()
}

#[test]
fn the_newest_of_the_heaviest_address_makes_room_for_a_lone_one() {
    let mut fair = Fair::default();
    for (at, address) in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "198.51.100.1"]
        .iter()
        .enumerate()
    {
        fair.admit(ip(address), 4, 9, at).unwrap();
    }
    let Ok(Admitted::InsteadOf { payload, .. }) = fair.admit(ip("203.0.113.1"), 4, 9, 4) else {
        panic!("a single address must be admitted");
    };
    assert_eq!(payload, 2, "the newest loses its place");
    let again = fair.admit(ip("192.0.2.1"), 4, 9, 5);
    let leaf = ip("192.0.2.1").leaf();
    assert_eq!(
        again,
        Err(Refused::Full(4, leaf)),
        "the newcomer is from the heaviest branch"
    );
    let none_at_all = Fair::default().admit(ip("192.0.2.1"), 0, 9, ());
    assert_eq!(none_at_all, Err(Refused::Full(0, leaf)));
}

#[test]
fn a_neighbour_of_a_flood_gets_its_share_of_their_common_network() {
    let mut fair = Fair::default();
    for _ in 0..20 {
        come(&mut fair, ip("10.1.1.1"), 20);
        come(&mut fair, ip("10.2.1.1"), 20);
    }
    // Its /16 is no lighter than the other one, so room is made within it.
    assert!(come(&mut fair, ip("10.2.9.9"), 20));
    assert_eq!(fair.at_leaf(ip("10.2.1.1").leaf()), 9);
    assert_eq!(fair.at_leaf(ip("10.1.1.1").leaf()), 10);
}

#[test]
fn a_leaf_has_a_limit_even_when_places_are_free() {
    let mut fair = Fair::default();
    for _ in 0..2 {
        fair.admit(ip("2001:db8::1"), 100, 2, ()).unwrap();
    }
    let third = fair.admit(ip("2001:db8::ffff:3"), 100, 2, ());
    assert_eq!(
        third.unwrap_err().to_string(),
        "2001:db8::/64 already has 2 places, the maximum for one address"
    );
    assert!(fair.admit(ip("2001:db8:0:1::1"), 100, 2, ()).is_ok());
}

#[test]
fn a_lower_limit_removes_nobody_and_stops_the_growth() {
    let mut fair = Fair::default();
    for host in 0..9 {
        assert!(come(&mut fair, ip(&format!("192.0.{host}.1")), 9));
    }
    assert!(come(&mut fair, ip("198.51.100.1"), 3));
    assert_eq!(fair.len(), 9);
}

#[test]
fn nothing_is_kept_of_prefixes_without_connections() {
    let mut fair = Fair::default();
    let ids: Vec<_> = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.1"]
        .iter()
        .map(|address| match fair.admit(ip(address), 9, 9, ()) {
            Ok(Admitted::AtOnce(id)) => id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(fair.prefixes(), 2 + 2 + 3 + 1);
    for id in ids {
        assert_eq!(fair.release(id), Some(()));
        assert_eq!(fair.release(id), None, "once");
    }
    assert_eq!((fair.prefixes(), fair.root.below.len()), (0, 0));
}

/// Few enough that they share prefixes at every level of the tree.
fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        (0..3u8, 0..3u8, 0..3u8).prop_map(|(a, b, c)| ip(&format!("10.{a}.{b}.{c}"))),
        (0..2u8, 0..2u8, 0..3u16)
            .prop_map(|(a, b, c)| ip(&format!("2001:{a}:{b}:{:x}::1", c * 0x80))),
        (0..4u8).prop_map(|a| Origin::alone([10, 0, 0, a].into())),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Come(Origin),
    Go(prop::sample::Index),
    Move(prop::sample::Index, Origin),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        6 => origins().prop_map(Step::Come),
        2 => index().prop_map(Step::Go),
        1 => (index(), origins()).prop_map(|(at, to)| Step::Move(at, to)),
    ];
    prop::collection::vec(step, 0..200)
}

/// Every sum of the tree, computed from the leaves.
fn sums(fair: &Fair<u32>) -> HashMap<Prefix, usize> {
    let mut sums = HashMap::new();
    for (leaf, members) in &fair.leaves {
        for prefix in leaf.origin().path() {
            *sums.entry(prefix).or_default() += members.len();
        }
    }
    sums
}

fn assert_whole(fair: &Fair<u32>) {
    let sums = sums(fair);
    assert_eq!(
        fair.len(),
        fair.leaves.values().map(BTreeMap::len).sum::<usize>()
    );
    assert_eq!(sums.len(), fair.prefixes());
    let sorted = fair
        .branches
        .values()
        .chain([&fair.root])
        .flat_map(|branch| &branch.below);
    let mut count = 0;
    for (sum, prefix) in sorted {
        assert_eq!((sums[prefix], fair.sum_of(*prefix)), (*sum, *sum));
        count += 1;
    }
    assert_eq!(count, sums.len(), "each prefix is below exactly one branch");
}

/// The largest common size to which `wants` must be cut to fit into `room`, rounded down.
fn water_level(wants: &[usize], room: usize) -> usize {
    let fits = |level: usize| wants.iter().map(|it| level.min(*it)).sum::<usize>() <= room;
    (0..=room).rev().find(|level| fits(*level)).unwrap()
}

/// Asserts that all prefixes below `above` have what they wanted, or the common size give or take
/// one.
fn assert_fair(fair: &Fair<u32>, wanted: &HashMap<Prefix, usize>, above: Option<Prefix>) {
    let parent = |prefix: Prefix| {
        let path: Vec<_> = prefix.origin().path().collect();
        let at = path.iter().position(|it| *it == prefix).unwrap();
        at.checked_sub(1).map(|at| path[at])
    };
    let below: Vec<_> = wanted
        .keys()
        .copied()
        .filter(|it| parent(*it) == above)
        .collect();
    let wants: Vec<_> = below.iter().map(|it| wanted[it]).collect();
    let room = above.map_or(fair.len(), |above| fair.sum_of(above));
    let level = water_level(&wants, room);
    for prefix in below {
        let (has, wants) = (fair.sum_of(prefix), wanted[&prefix]);
        let share = wants.min(level);
        assert!(
            has == share || (has == level + 1 && wants > level),
            "{prefix} has {has} of {wants}, its share is {share}"
        );
        if prefix != prefix.origin().leaf() {
            assert_fair(fair, wanted, Some(prefix));
        }
    }
}

proptest! {
    #[test]
    fn sums_are_the_leaves_and_nobody_at_the_fair_share_loses(steps in steps(), total in 1..40usize) {
        let mut fair = Fair::default();
        let mut ids: Vec<Id> = Vec::new();
        for step in steps {
            match step {
                Step::Come(origin) => {
                    let before = sums(&fair);
                    match fair.admit(origin, total, 12, 0) {
                        Ok(Admitted::AtOnce(id)) => ids.push(id),
                        Ok(Admitted::InsteadOf { id, victim, .. }) => {
                            // Where the two paths part, the victim's branch had at least two
                            // connections more.
                            let weight = |it: Prefix| before.get(&it).copied().unwrap_or(0);
                            let mut apart = victim.origin.path().zip(origin.path());
                            let (theirs, own) = apart.find(|(a, b)| a != b).expect("two leaves");
                            prop_assert!(weight(theirs) >= weight(own) + 2);
                            ids.retain(|it| *it != victim);
                            ids.push(id);
                        }
                        Err(_) => {}
                    }
                }
                Step::Go(at) if !ids.is_empty() => {
                    let id = ids.swap_remove(at.index(ids.len()));
                    prop_assert!(fair.release(id).is_some());
                }
                Step::Move(at, to) if !ids.is_empty() => {
                    let at = at.index(ids.len());
                    if let Ok(moved) = fair.move_to(ids[at], to, 12) {
                        ids[at] = moved;
                    }
                }
                Step::Go(_) | Step::Move(..) => {}
            }
            prop_assert!(fair.len() <= total);
            prop_assert_eq!(fair.len(), ids.len());
            assert_whole(&fair);
        }
    }

    #[test]
    fn each_branch_gets_its_fair_share_in_any_order_of_arrival(
        comers in prop::collection::vec((origins(), 1..12usize), 1..20),
        total in 1..60usize,
        order in any::<u64>(),
    ) {
        let mut comers: Vec<_> = comers
            .into_iter()
            .flat_map(|(origin, count)| std::iter::repeat_n(origin, count))
            .collect();
        fastrand::Rng::with_seed(order).shuffle(&mut comers);
        let (mut fair, mut wanted) = (Fair::default(), HashMap::new());
        for origin in &comers {
            come(&mut fair, *origin, total);
            for prefix in origin.path() {
                *wanted.entry(prefix).or_default() += 1;
            }
        }
        prop_assert_eq!(fair.len(), total.min(comers.len()));
        assert_fair(&fair, &wanted, None);
    }

    #[test]
    fn a_single_address_is_admitted_in_any_order_of_arrival(
        crowds in prop::collection::vec((origins(), 1..40usize), 1..12),
        order in any::<u64>(),
    ) {
        let lone = ip("198.51.100.1");
        let mut comers: Vec<_> = crowds
            .into_iter()
            .flat_map(|(origin, count)| std::iter::repeat_n(origin, count))
            .chain([lone])
            .collect();
        fastrand::Rng::with_seed(order).shuffle(&mut comers);
        let mut fair = Fair::default();
        // At most as many places as the root has branches.
        for origin in comers {
            come(&mut fair, origin, 12);
        }
        prop_assert_eq!(fair.at_leaf(lone.leaf()), 1);
    }
}
