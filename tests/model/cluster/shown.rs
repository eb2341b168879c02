//! What a member must show, as a pure function of all that it knows.

use bytes::Bytes;
use metaserve::{
    Fingerprint, Game,
    list::{Claim, Stated},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

/// A server as clients must see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) game: Game,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) identity: Option<Fingerprint>,
    pub(super) heartbeat: Bytes,
    /// The run of the member that it is connected to.
    pub(super) origin: u64,
}

/// A list, by numbers. Two servers of one number are found when they are put into it.
pub(super) type Rows = BTreeMap<u64, Row>;

/// One address of what a run of a member has stated.
struct Link<'a> {
    claim: Claim,
    run: u64,
    address: SocketAddr,
    of: &'a Stated,
}

/// What is shown of these statements, each with the run that has made it.
pub(super) fn shown(
    statements: &[(u64, Stated)],
    hidden: impl Fn(SocketAddr) -> bool,
) -> Result<Rows, String> {
    let mut links: Vec<Link<'_>> = Vec::new();
    for (run, of) in statements {
        let addresses = [Some(of.address), of.second_address];
        for (address, claim) in addresses.into_iter().flatten().zip(of.claims.iter()) {
            links.push(Link {
                claim,
                run: *run,
                address,
                of,
            });
        }
    }
    // The latest first.
    links.sort_by_key(|link| std::cmp::Reverse(link.claim));
    let mut rows = Rows::new();
    let mut add = |number, row: Row| match rows.insert(number, row) {
        None => Ok(()),
        Some(other) => Err(format!(
            "two servers have the number {number}: one is {other:?}"
        )),
    };

    let identities: BTreeSet<_> = links.iter().filter_map(|it| it.of.identity).collect();
    for identity in identities {
        let all = || links.iter().filter(|it| it.of.identity == Some(identity));
        let latest = all().next().expect("it has a link");
        let in_game = || all().filter(|it| it.of.game == latest.of.game);
        let four = in_game().find(|it| it.address.is_ipv4());
        let six = in_game().find(|it| it.address.is_ipv6());
        let addresses: Vec<_> = four.into_iter().chain(six).map(|it| it.address).collect();
        if !addresses.iter().any(|address| hidden(*address)) {
            add(latest.of.number, row(latest, addresses))?;
        }
    }

    let mut holders = BTreeMap::new();
    for link in links.iter().filter(|it| it.of.identity.is_none()) {
        let holder = *holders
            .entry((&link.of.game, link.address))
            .or_insert(link.run);
        if link.run == holder && !hidden(link.address) {
            add(link.of.number, row(link, vec![link.address]))?;
        }
    }
    Ok(rows)
}

fn row(link: &Link<'_>, addresses: Vec<SocketAddr>) -> Row {
    Row {
        game: link.of.game.clone(),
        addresses,
        identity: link.of.identity,
        heartbeat: link.of.heartbeat.clone(),
        origin: link.run,
    }
}
