//! Whether players find a game server: they are sent to this machine's address, with the port of the
//! settings.

use crate::settings::Server;
use metaserve_query::{PATIENCE, Target};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, UdpSocket},
};
use tokio::{net::lookup_host, time::timeout};

/// The address of a target that is on another machine. `None` when it is on this one.
///
/// # Errors
/// When its name cannot be looked up within 5 s.
pub(crate) async fn elsewhere(target: &Target) -> io::Result<Option<IpAddr>> {
    let lookup = lookup_host((target.host.as_str(), target.port));
    let found: Vec<SocketAddr> = timeout(PATIENCE, lookup).await??.collect();
    Ok(match found.iter().any(is_ours) {
        true => None,
        false => found.first().map(|it| it.ip().to_canonical()),
    })
}

/// Whether this machine has the address: it can be bound then, and no other can.
fn is_ours(address: &SocketAddr) -> bool {
    let mut any_port = *address;
    any_port.set_port(0);
    address.ip().to_canonical().is_loopback()
        || !UdpSocket::bind(any_port)
            .is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// What to tell the operator of a server at this address, which players join by this port.
pub(crate) fn warning(address: IpAddr, port: u16) -> String {
    format!(
        "{address} is not an address of this machine, but players will be sent to this machine, \
         port {port}: run the agent on the machine of the game server, unless this one forwards \
         that port to it"
    )
}

/// Whether a server has said that players join by another port than the one in the list.
#[derive(Default)]
pub(super) struct OtherPort(Option<u16>);

impl OtherPort {
    /// The port that a server has told, if it is another one and was not told the last time.
    pub(super) fn news(&mut self, server: &Server, told: Option<u16>) -> Option<u16> {
        let told = told.filter(|port| *port != server.port);
        let before = std::mem::replace(&mut self.0, told);
        told.filter(|_| told != before)
    }
}

/// What the operator is told of a server whose players join by another port, as it says.
pub(crate) fn misdirected(server: &Server, port: u16) -> String {
    let listed = server.port;
    format!(
        "the list sends players to port {listed}, but the game server says that they join by port \
         {port}: set `port = {port}`, unless a NAT maps the ports"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::Game;

    #[tokio::test]
    async fn only_addresses_of_other_machines_are_elsewhere() {
        for (host, expected) in [
            ("127.0.0.1", None),
            ("127.8.8.8", None),
            ("::1", None),
            ("localhost", None),
            // For documentation: no machine has them.
            ("192.0.2.1", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
        ] {
            let target = Target {
                protocol: metaserve_query::Protocol::Quake3,
                host: host.to_owned(),
                port: 27960,
            };
            let found = elsewhere(&target).await.unwrap();
            assert_eq!(
                found.map(|it| it.to_string()).as_deref(),
                expected,
                "{host}"
            );
        }
    }

    #[test]
    fn another_port_is_told_once_and_again_when_it_has_changed() {
        let server = Server::pushed(Game::new("arena").unwrap(), 27015);
        let mut other = OtherPort::default();
        let told = [
            None,
            Some(27015),
            Some(27016),
            Some(27016),
            Some(27017),
            Some(27015),
            Some(27017),
        ];
        let news = told.map(|port| other.news(&server, port));
        let expected = [
            None,
            None,
            Some(27016),
            None,
            Some(27017),
            None,
            Some(27017),
        ];
        assert_eq!(news, expected);
        let line = misdirected(&server, 27016);
        assert!(
            line.contains("port 27015") && line.contains("`port = 27016`"),
            "{line}"
        );
    }
}
