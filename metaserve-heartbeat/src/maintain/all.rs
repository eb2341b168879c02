//! Several links of one server at the same time: one for each daemon and family of addresses.

use super::{
    link::Link,
    shared::{Shared, Standing},
};
use crate::{Error, publisher::Options};
use bytes::Bytes;
use futures::{
    Stream, StreamExt,
    stream::{self, FuturesUnordered},
};
use metaserve::{Backoff, CloseCode, Connect, connect::role::Heartbeat};
use std::pin::{Pin, pin};
use tokio::sync::watch;

/// Publishes over several links until the heartbeats end on all, or no link is left.
pub(super) async fn all<C, S, T>(
    options: Options,
    backoff: Backoff,
    shared: &Shared<C, Heartbeat>,
    mut heartbeats: Pin<&mut S>,
) -> Result<(), Error>
where
    C: Connect<Heartbeat>,
    S: Stream<Item = T>,
    T: AsRef<[u8]>,
{
    let (newest, seen) = watch::channel(Bytes::new());
    let links = FuturesUnordered::new();
    let ways = shared.ways();
    let sessions = ways.iter().map(|_| options.session());
    let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
    let notices = options.notices.split(&ways);
    let parts = ways.into_iter().zip(sessions).zip(notices);
    for (number, ((way, session), notices)) in parts.enumerate() {
        let (heartbeats, backoff) = (follow(seen.clone()), backoff.clone());
        links.push(async move {
            let heartbeats = pin!(heartbeats);
            let link = Link::new(shared, number, way, session, notices, heartbeats);
            (number, link.run(backoff).await)
        });
    }
    drop(seen);
    let pass_on = async move {
        while let Some(heartbeat) = heartbeats.next().await {
            newest.send_replace(Bytes::copy_from_slice(heartbeat.as_ref()));
            tokio::task::consume_budget().await;
        }
        // All links hear of the end, and say goodbye.
        drop(newest);
        std::future::pending().await
    };
    tokio::select! {
        ended = first_end(links, shared) => ended,
        () = pass_on => Ok(()),
    }
}

/// How the first link ends that ends all, or the last one.
async fn first_end<C, R>(
    mut links: FuturesUnordered<impl Future<Output = (usize, Result<(), Error>)>>,
    shared: &Shared<C, R>,
) -> Result<(), Error> {
    let mut last = Ok(());
    while let Some((link, ended)) = links.next().await {
        if is_over(&ended, shared.others(link)) {
            return ended;
        }
        last = ended;
    }
    last
}

/// Whether the end of one link is the end of all, given how the best of the others stands.
///
/// Another connection with the same identity may have taken the place of one link only. It may
/// even be another link of this server: where a translator carries IPv6 over IPv4, the daemon
/// sees both links in one family.
fn is_over(ended: &Result<(), Error>, others: Standing) -> bool {
    match ended {
        Ok(()) => false,
        Err(error) if error.close_code() == Some(CloseCode::Replaced) => {
            others != Standing::Connected
        }
        Err(_) => true,
    }
}

/// The newest heartbeat, each time that there is one.
fn follow(seen: watch::Receiver<Bytes>) -> impl Stream<Item = Bytes> {
    stream::unfold(seen, |mut seen| async {
        seen.changed().await.ok()?;
        let heartbeat = seen.borrow_and_update().clone();
        Some((heartbeat, seen))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::Close;

    #[test]
    fn a_server_replaced_in_one_family_stays_listed_in_the_other() {
        let replaced = || Err(Error::Refused(Close::new(CloseCode::Replaced, "")));
        assert!(!is_over(&replaced(), Standing::Connected));
        assert!(is_over(&replaced(), Standing::Down));
        assert!(
            !is_over(&Ok(()), Standing::Connected),
            "it says goodbye, too"
        );
        let invalid = metaserve::Game::new("").unwrap_err();
        assert!(is_over(&Err(invalid.into()), Standing::Connected));
    }
}
