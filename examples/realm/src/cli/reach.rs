//! Does something with a thing, and goes there first if it is out of reach.

use super::things::{distance, walk_to};
use crate::{
    client::{Client, NotDone, Wish},
    ids::ObjectId,
    object::Seen,
};

/// How many walks lead to a thing at most. Hens walk on meanwhile.
const WALKS: usize = 8;

/// A walk that brings the character less nearer than this, in metres, was in vain.
const PROGRESS: f64 = 0.1;

/// Has the character do this with a thing, beside which it stands then.
///
/// # Errors
/// The world refuses it, the thing cannot be reached, or the session is over: a sentence.
pub(super) async fn act(client: &Client, id: &ObjectId, wish: Wish) -> Result<(), String> {
    for _ in 0..WALKS {
        let (me, it) = both(client, id)?;
        let Some((dx, dy)) = walk_to(&me, &it) else {
            match done(client, wish.clone()).await {
                // It has walked away in the meantime.
                Err(NotDone::Refused(_)) if is_far(client, id) => continue,
                done => return done.map_err(|why| why.to_string()),
            }
        };
        let walked = async {
            done(client, Wish::Move { dx, dy }).await?;
            client.still().await
        };
        let by = walked.await.map_err(|why| why.to_string())?;
        let (now, _) = both(client, id)?;
        if let Some(by) = by
            && distance(Some(&now), &it) > distance(Some(&me), &it) - PROGRESS
        {
            return Err(format!(
                "you cannot get to {}: {by} stands in your way",
                it.name
            ));
        }
    }
    let (_, it) = both(client, id)?;
    Err(format!("you cannot catch up with {}", it.name))
}

async fn done(client: &Client, wish: Wish) -> Result<(), NotDone> {
    let sent = client.send(wish).await?;
    client.done(sent).await
}

fn is_far(client: &Client, id: &ObjectId) -> bool {
    both(client, id).is_ok_and(|(me, it)| walk_to(&me, &it).is_some())
}

/// The character, and the thing.
fn both(client: &Client, id: &ObjectId) -> Result<(Seen, Seen), String> {
    let state = client.state();
    let state = state.borrow();
    let me = state.me().ok_or("you are nowhere")?;
    let it = state.objects.get(id).ok_or("it is not here any more")?;
    Ok((me.clone(), it.clone()))
}
