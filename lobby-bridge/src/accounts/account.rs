//! Accounts and hubs, as the rest of the bridge sees their rows.

/// An account, as its row was at the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name, byte for byte as it is stored.
    pub username: String,
    /// Whether moderator commands are allowed.
    pub moderator: bool,
    /// Whether the player is hidden in rooms.
    pub hidden: bool,
    /// The user's "sort id", which has no visible effect.
    pub sort_order: i32,
}

/// A game relay that the operator has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Its id on the wire, never 0.
    pub id: u16,
    /// A name or an IPv4 address.
    pub host: String,
    /// Its TCP and UDP port.
    pub port: u16,
}
