//! What other roles ask the accounts role for: what the database knows.

use crate::{
    ids::{Name, ZoneId},
    log::Stored,
    object::Sheet,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A character as the database knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Character {
    /// Its name, as its owner writes it.
    pub name: Name,
    /// The account that it belongs to.
    pub account: Name,
    /// Where it was last.
    pub zone: ZoneId,
    /// Where in that zone; `None` where the map says.
    pub at: Option<crate::object::Point>,
    /// Statistics and inventory.
    pub sheet: Sheet,
}

/// Why the keeper gave no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The accounts role or its database cannot be reached.
    #[error("accounts cannot be reached: {0}")]
    Away(String),
    /// The ticket is not valid, or not for this.
    #[error("{0}")]
    Refused(String),
    /// There is no such character, or it belongs to another account.
    #[error("you have no character {0}")]
    NoCharacter(Name),
}

/// Loads what the log does not know.
#[async_trait]
pub trait Keeper: fmt::Debug + Send + Sync {
    /// A character of the ticket's account.
    async fn character(&self, ticket: &str, name: &Name) -> Result<Character, KeeperError>;

    /// A zone as it was saved last. `None` if it never was.
    async fn zone(&self, zone: &ZoneId) -> Result<Option<Stored>, KeeperError>;
}
