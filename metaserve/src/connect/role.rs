//! The roles as types, so that a connection in the wrong one cannot be asked for.

use crate::Role;

/// A game server; see [`Role::Heartbeat`].
#[derive(Clone, Copy, Debug)]
pub enum Heartbeat {}

/// A game client; see [`Role::Client`].
#[derive(Clone, Copy, Debug)]
pub enum Client {}

/// A relay; see [`Role::Relay`].
#[derive(Clone, Copy, Debug)]
pub enum Relay {}

/// A peer of names; see [`Role::Names`].
#[derive(Clone, Copy, Debug)]
pub enum Names {}

/// One of the types in this module.
pub trait HasRole {
    /// The role that it stands for.
    const ROLE: Role;
}

impl HasRole for Heartbeat {
    const ROLE: Role = Role::Heartbeat;
}

impl HasRole for Client {
    const ROLE: Role = Role::Client;
}

impl HasRole for Relay {
    const ROLE: Role = Role::Relay;
}

impl HasRole for Names {
    const ROLE: Role = Role::Names;
}

/// A role in which a peer may have a certificate of its own.
pub trait HasIdentity: HasRole {}

impl HasIdentity for Heartbeat {}
impl HasIdentity for Relay {}
