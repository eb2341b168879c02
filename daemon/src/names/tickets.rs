//! Who may claim, start and offer what: the bearers of tickets, if the operator asks for them.

use crate::settings::NamesLive;
use metaserve::{names::Permits, time::wall_clock};
use metaserve_ticket::{KeyError, PublicKeys, Verifier};

/// What tickets must be.
#[derive(Debug, PartialEq)]
pub(crate) struct Tickets {
    audience: String,
    keys: PublicKeys,
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
        Ok(Some(Self {
            audience: settings.audience.clone(),
            keys: files.iter().flat_map(PublicKeys::iter).cloned().collect(),
        }))
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

/// What the core asks about each claim, start and offer.
pub(super) fn permits(tickets: Option<&Tickets>) -> Box<dyn Permits> {
    match tickets {
        None => Box::new(()),
        Some(Tickets { audience, keys }) => {
            Box::new(Bearers(Verifier::new(audience, keys.clone())))
        }
    }
}

/// Those who have a ticket.
#[derive(Debug)]
struct Bearers(Verifier);

impl Permits for Bearers {
    fn permit(&self, ticket: Option<&[u8]>, right: &str) -> Result<(), String> {
        let Some(ticket) = ticket else {
            return Err(format!("this needs a ticket that permits {right:?}"));
        };
        let checked = self.0.check(ticket, right, wall_clock());
        checked.map(drop).map_err(|refused| refused.to_string())
    }
}
