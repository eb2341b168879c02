//! The settings of the metaserver of Aleph One.

mod room;
#[cfg(test)]
mod tests;

pub use self::room::Room;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgAction, Args};
use metaserve::program::settings::{switch, within};
use rustls::pki_types::ServerName;

use super::{Hidden, Limits, Metaserver, RoomRules, Rules, SecondLogin, Settings, https};
use crate::accounts::AccountSettings;

/// The port of the only room, if no rooms are set.
const ROOM_PORT: u16 = 6335;

/// The settings of the metaserver of Aleph One, with their former names as aliases. `None` or an
/// empty list means that nothing is set.
#[derive(Args, Clone, Debug)]
pub struct AlephOneSettings {
    /// Run an Aleph One (Myth) metaserver: where its login daemon listens
    ///
    /// Games always connect to port 6321 of the host name that is built into them:
    /// `--aleph-one [::]:6321`.
    #[arg(long, alias = "myth", value_name = "ADDR:PORT")]
    pub aleph_one: Option<SocketAddr>,

    /// A room; repeat it for each one [default: Arrival=ADDR of --aleph-one, port 6335]
    ///
    /// Each room needs a port of its own. Aleph One's players all enter the room named
    /// `Arrival` if there is one, otherwise the first. In a file, a room may be a table with
    /// `name`, `address`, `kind` (normal, ranked, tournament), `players`, `guests`, `welcome`
    /// and `guest-welcome`.
    #[arg(long, alias = "myth-room", value_name = "NAME=ADDR:PORT")]
    pub aleph_one_room: Vec<Room>,

    /// The IPv4 address at which players reach the rooms
    ///
    /// Needed when the bridge stands behind a router or load balancer, or when players connect
    /// over IPv6. Otherwise players are sent the address at which they reached the login daemon.
    #[arg(long, alias = "myth-public-address", value_name = "IPV4")]
    pub aleph_one_public_address: Option<Ipv4Addr>,

    /// Also serve logins over HTTPS here, so that passwords do not travel in clear
    ///
    /// Games use port 443 of the host name that is built into them.
    #[arg(long, alias = "myth-https", value_name = "ADDR:PORT")]
    pub aleph_one_https: Option<SocketAddr>,

    /// Another host name that games have built in, besides metaserver.lhowon.org
    ///
    /// For games that were built for another metaserver. The self-signed certificate of
    /// --aleph-one-https covers these names: Aleph One checks the name even if players have
    /// switched the verification of certificates off.
    #[arg(
        long,
        alias = "myth-host",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = host
    )]
    pub aleph_one_host: Vec<String>,

    /// The certificate chain for --aleph-one-https, PEM or DER [default: a self-signed one]
    #[arg(long, alias = "myth-cert", value_name = "FILE")]
    pub aleph_one_cert: Option<PathBuf>,

    /// The private key of --aleph-one-cert, PEM or DER
    #[arg(long, alias = "myth-key", value_name = "FILE")]
    pub aleph_one_key: Option<PathBuf>,

    /// Whether everybody may make an account in the game, over --aleph-one-https
    ///
    /// At most 5 from one address at once, and then one every ten minutes. The game asks for an
    /// e-mail address, which is not stored.
    #[arg(
        long,
        alias = "myth-signup",
        value_name = "on|off",
        default_value = "off",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_signup: bool,

    /// A line that everybody is sent on entering any room
    #[arg(long, alias = "myth-welcome", value_name = "TEXT")]
    pub aleph_one_welcome: Vec<String>,

    /// A line that guests are sent before those
    #[arg(long, alias = "myth-guest-welcome", value_name = "TEXT")]
    pub aleph_one_guest_welcome: Vec<String>,

    /// What happens to a second login to an account: refuse or displace
    ///
    /// `refuse` refuses the second login, `displace` disconnects the first.
    #[arg(
        long,
        alias = "myth-second-login",
        value_name = "refuse|displace",
        default_value = "refuse"
    )]
    pub aleph_one_second_login: SecondLogin,

    /// Tell players in rooms how full the rooms are, every few seconds
    ///
    /// Aleph One does not show it; other games of the protocol do.
    #[arg(
        long,
        alias = "myth-announce-counts",
        value_name = "on|off",
        default_value = "off",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_announce_counts: bool,

    /// Servers of the registry that are not shown in rooms: all, a fingerprint or an address
    ///
    /// `all` hides all of them. Otherwise give the SHA-256 fingerprint of a server's certificate,
    /// an address, a prefix such as 192.0.2.0/24, or IP:PORT. Hidden servers stay in the daemon's
    /// list.
    #[arg(
        long,
        alias = "myth-hide-native",
        value_name = "all|FINGERPRINT|ADDRESS",
        value_delimiter = ','
    )]
    pub aleph_one_hide_native: Vec<Hidden>,

    /// Tell players how to gather games without a hub, while there is no hub
    #[arg(
        long,
        alias = "myth-hub-hint",
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub aleph_one_hub_hint: bool,

    /// Admit only players of this game, such as MARATHON [default: any]
    #[arg(long, alias = "myth-service", value_name = "NAME")]
    pub aleph_one_service: Option<String>,

    /// The most players in each room
    #[arg(
        long,
        alias = "myth-players",
        value_name = "N",
        default_value_t = Limits::default().players,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub aleph_one_players: usize,

    /// The most connections to the login daemon of Aleph One
    ///
    /// When all are taken, the newest one of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(
        long,
        alias = "myth-logins",
        value_name = "N",
        default_value_t = Limits::default().logins,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub aleph_one_logins: usize,

    /// The most connections to all rooms together [default: 6000, or players and 2000]
    ///
    /// Shared by address in the same way.
    #[arg(
        long,
        alias = "myth-connections",
        value_name = "N",
        value_parser = within(1..=1_000_000_usize)
    )]
    pub aleph_one_connections: Option<usize>,

    /// The most connections to --aleph-one-https
    ///
    /// Shared by address in the same way.
    #[arg(
        long,
        alias = "myth-https-connections",
        value_name = "N",
        default_value_t = https::Limits::default().connections,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub aleph_one_https_connections: usize,

    /// The most players from one address (an IPv6 /64 counts as one) [default: 128]
    ///
    /// The next one is refused with a reason when logging in.
    #[arg(
        long,
        alias = "myth-per-address",
        value_name = "N",
        value_parser = within(1..=1_000_000_usize)
    )]
    pub aleph_one_per_address: Option<usize>,

    /// How long a player may be silent before being asked for a sign of life
    ///
    /// At least 1s. A player who stays silent for that long again is disconnected.
    #[arg(
        long,
        alias = "myth-keep-alive",
        value_name = "TIME",
        default_value = "10s",
        value_parser = within(Duration::from_secs(1)..=Duration::from_secs(3_600))
    )]
    pub aleph_one_keep_alive: Duration,

    /// How long a kicked player stays out
    #[arg(
        long,
        alias = "myth-kick-time",
        value_name = "TIME",
        default_value = "1m",
        value_parser = within(Duration::ZERO..=Duration::from_secs(365 * 86_400))
    )]
    pub aleph_one_kick_time: Duration,
}

impl AlephOneSettings {
    /// Returns the metaserver with its accounts, if it is enabled.
    #[must_use]
    pub fn metaserver(&self, accounts: &AccountSettings) -> Option<Metaserver> {
        let login = self.aleph_one?;
        let mut rooms = self.aleph_one_room.clone();
        if rooms.is_empty() {
            rooms.push(Room {
                address: SocketAddr::new(login.ip(), ROOM_PORT),
                rules: RoomRules::new("Arrival"),
            });
        }
        let addresses = rooms.iter().map(|room| room.address).collect();
        let rooms = rooms.into_iter().map(|room| self.welcomed(room.rules));
        let rules = Rules {
            rooms: rooms.collect(),
            public_address: self.aleph_one_public_address,
            https: self.aleph_one_https.is_some(),
            service: self.aleph_one_service.clone(),
            second_login: self.aleph_one_second_login,
            hub_hint: self.aleph_one_hub_hint,
            announce_counts: self.aleph_one_announce_counts,
            limits: self.limits(),
        };
        Some(Metaserver {
            settings: Settings {
                login,
                rooms: addresses,
                rules,
            },
            database: accounts.database.clone(),
            accounts: accounts.settings(),
            https: self.aleph_one_https,
            certificate: self.certificate(),
            https_limits: self.https_limits(),
            hosts: self.hosts(),
            sign_up: self.aleph_one_signup,
            hide_native: self.aleph_one_hide_native.clone(),
        })
    }

    /// Returns the files of the certificate chain and its key, if they are set.
    fn certificate(&self) -> Option<(PathBuf, PathBuf)> {
        Some((self.aleph_one_cert.clone()?, self.aleph_one_key.clone()?))
    }

    /// Returns the built-in host name, and the operator's.
    fn hosts(&self) -> Vec<String> {
        let built_in = std::iter::once(https::HOST.to_owned());
        built_in
            .chain(self.aleph_one_host.iter().cloned())
            .collect()
    }

    fn https_limits(&self) -> https::Limits {
        https::Limits {
            connections: self.aleph_one_https_connections,
            ..https::Limits::default()
        }
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let per_address = self.aleph_one_per_address;
        let users_per_host = per_address.unwrap_or(defaults.users_per_host);
        let players = self.aleph_one_players;
        let rooms = self.aleph_one_room.iter();
        let rooms = rooms.map(|room| room.rules.players.unwrap_or(players));
        // All players may connect at the same time.
        let all = rooms.sum::<usize>().max(players);
        let seats = defaults.seats.max(all + 2_000);
        Limits {
            players,
            logins: self.aleph_one_logins,
            users: defaults.users.max(all + 1_000),
            users_per_host,
            seats: self.aleph_one_connections.unwrap_or(seats),
            logins_per_host: per_address.unwrap_or(defaults.logins_per_host),
            seats_per_host: users_per_host.saturating_mul(2),
            keep_alive: self.aleph_one_keep_alive,
            kick_time: self.aleph_one_kick_time,
            ..defaults
        }
    }

    /// Puts the lines of all rooms before those of this room.
    fn welcomed(&self, mut rules: RoomRules) -> RoomRules {
        let guest_welcome = self.aleph_one_guest_welcome.clone();
        rules.welcome.splice(..0, self.aleph_one_welcome.clone());
        rules.guest_welcome.splice(..0, guest_welcome);
        rules
    }
}

/// Parses a host name for a certificate.
fn host(text: &str) -> Result<String, &'static str> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("write a host name, such as games.example.org"),
    }
}
