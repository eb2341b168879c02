//! What a query finds out.

use metaserve::ServerInfo;

/// A server's answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// What the list shows of the server.
    pub info: ServerInfo,
    /// The port that players join by, as the server knows it: 1 to 65535. None where its protocol
    /// does not tell it, or where queries are answered on that port anyway.
    ///
    /// A2S, GameSpy and Unreal 2 tell it, whose servers can answer queries on a port of their own. A
    /// server behind a NAT that maps ports knows its own side only.
    pub port: Option<u16>,
}

/// Zero is what servers say that do not know their port.
pub(crate) fn port(port: u16) -> Option<u16> {
    Some(port).filter(|it| *it != 0)
}
