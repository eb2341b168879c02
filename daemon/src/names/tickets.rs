//! Decides from tickets which peer may claim, start and offer what, if the operator asks for tickets.

use crate::settings::NamesLive;
use metaserve::{
    names::{Event, PeerId, Said},
    time::wall_clock,
};
use metaserve_ticket::{KeyError, PublicKeys, Verifier};

/// What tickets must be.
#[derive(Debug)]
pub(crate) struct Tickets {
    audience: String,
    keys: PublicKeys,
    verifier: Verifier,
}

impl PartialEq for Tickets {
    fn eq(&self, other: &Self) -> bool {
        (&self.audience, &self.keys) == (&other.audience, &other.keys)
    }
}

impl Tickets {
    /// What the settings ask for; none if they ask for no tickets.
    ///
    /// # Errors
    /// When a file of keys cannot be read, or has a line that is not a public key.
    pub(crate) fn load(settings: &NamesLive) -> Result<Option<Self>, KeyError> {
        if settings.need_ticket.is_empty() {
            return Ok(None);
        }
        let files = settings
            .need_ticket
            .iter()
            .map(|file| PublicKeys::read(file));
        let files: Vec<_> = files.collect::<Result<_, _>>()?;
        let audience = settings.audience.clone();
        let keys: PublicKeys = files.iter().flat_map(PublicKeys::iter).cloned().collect();
        let verifier = Verifier::new(&audience, keys.clone());
        Ok(Some(Self {
            audience,
            keys,
            verifier,
        }))
    }

    /// Why a message is not permitted, if it is not.
    fn refusal(&self, said: &Said) -> Option<String> {
        let (right, ticket) = said.right()?;
        let Some(ticket) = ticket else {
            return Some(format!("this needs a ticket that permits {right:?}"));
        };
        let refused = self.verifier.check(ticket, &right, wall_clock()).err()?;
        Some(refused.to_string())
    }

    /// How many keys there are.
    pub(crate) fn count(&self) -> usize {
        self.keys.iter().count()
    }

    /// Whom the tickets must be for.
    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }
}

/// What the core is told of a message. Checks the signature of its ticket, which takes a while: not
/// for the driver.
pub(super) fn event(tickets: Option<&Tickets>, peer: PeerId, said: Said) -> Event {
    match tickets.and_then(|tickets| tickets.refusal(&said)) {
        None => Event::Said(peer, said),
        Some(why) => Event::Unpermitted(peer, said, why),
    }
}
