//! What clients are shown of a server that several members of a cluster state. Pure: it depends on
//! the statements alone, not on the order in which they came.

use crate::{
    Family,
    list::{Claim, Claims, MemberRun, Origin, Placement, Server},
};
use std::{net::SocketAddr, sync::Arc};

/// One of the addresses of a statement.
struct Link<'a> {
    of: &'a Server,
    address: SocketAddr,
    claim: Claim,
}

fn links(server: &Server) -> impl Iterator<Item = Link<'_>> {
    let placement = &server.placement;
    let addresses = [Some(placement.address), placement.second_address];
    let claimed = addresses.into_iter().flatten().zip(placement.claims.iter());
    claimed.map(move |(address, claim)| Link {
        of: server,
        address,
        claim,
    })
}

/// When the server has last connected, as far as this statement says.
fn claim(server: &Server) -> Claim {
    server.placement.claims.greatest()
}

/// The statement with the greatest claim. It says which game the server belongs to, and what it
/// has to tell.
fn latest(statements: &[Server]) -> Option<&Server> {
    statements.iter().max_by_key(|server| claim(server))
}

/// The link that is shown of an address family: the one with the greatest claim.
fn of_family(statements: &[Server], family: Family) -> Option<Link<'_>> {
    let game = &latest(statements)?.placement.game;
    statements
        .iter()
        .filter(|server| server.placement.game == *game)
        .flat_map(links)
        .filter(|link| Family::of(link.address.ip()) == family)
        .max_by_key(|link| link.claim)
}

/// The server that statements of one identity show: of each address family the link with the
/// greatest claim, with the number and the heartbeat of the greatest claim of all.
pub(super) fn shown(statements: &[Server]) -> Option<Server> {
    let latest = latest(statements)?;
    let family = |family| of_family(statements, family);
    let mut links = [Family::V4, Family::V6].into_iter().filter_map(family);
    let (first, second) = (links.next()?, links.next());
    let mut shown = latest.clone();
    let alone = |link: &Link<'_>| std::ptr::eq(link.of, latest);
    if !alone(&first) || !second.as_ref().is_none_or(alone) {
        shown.placement = Arc::new(Placement {
            address: first.address,
            second_address: second.as_ref().map(|link| link.address),
            claims: Claims::new(first.claim, second.map(|link| link.claim)),
            ..Placement::clone(&latest.placement)
        });
    }
    Some(shown)
}

/// The claims of links that are connected here and not shown, with the member that has the greater
/// claim.
pub(super) fn lost(statements: &[Server]) -> impl Iterator<Item = (Claim, Arc<MemberRun>)> {
    let own = statements.iter().filter(|it| it.origin == Origin::Here);
    own.flat_map(links).filter_map(|own| {
        let family = Family::of(own.address.ip());
        let winner = of_family(statements, family).map(|link| link.of);
        // In another game than the latest, all links have lost, also those of the other family.
        let latest = latest(statements).filter(|it| it.placement.game != own.of.placement.game);
        match &latest.or(winner)?.origin {
            Origin::Member(whose) => Some((own.claim, whose.clone())),
            Origin::Here => None,
        }
    })
}

/// Whose servers are shown of those without identity at one address: all of the origin that has
/// the greatest claim among them.
pub(super) fn holder<'a>(statements: impl Iterator<Item = &'a Server>) -> Option<&'a Origin> {
    let latest = statements.max_by_key(|server| claim(server))?;
    Some(&latest.origin)
}
