//! What can be set about the metaserver of Aleph One.

mod room;
#[cfg(test)]
mod tests;

pub use self::room::Room;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use metaserve::program::settings::{switch, within};
use rustls::pki_types::ServerName;

use super::{Hidden, Limits, Metaserver, RoomRules, Rules, SecondLogin, Settings, https};
use crate::accounts::AccountSettings;

/// The port of the only room, if nothing else is said.
const ROOM_PORT: u16 = 6335;

/// What can be set about the metaserver of Aleph One. What is `None` or empty is left open.
#[derive(Args, Clone, Debug)]
pub struct AlephOneSettings {
    /// Run an Aleph One (Myth) metaserver: where its login daemon listens
    ///
    /// Players always come to port 6321 of the name that their game has built in:
    /// `--myth [::]:6321`.
    #[arg(long, value_name = "ADDR:PORT")]
    pub myth: Option<SocketAddr>,

    /// A room, once for each [default: Arrival=ADDR of --myth, port 6335]
    ///
    /// Each room needs a port of its own. Aleph One's players all come to the room named
    /// `Arrival` if there is one, else to the first. In a file, a room may be a table with
    /// `name`, `address`, `kind` (normal, ranked, tournament), `players`, `guests`, `welcome`
    /// and `guest-welcome`.
    #[arg(long, value_name = "NAME=ADDR:PORT")]
    pub myth_room: Vec<Room>,

    /// The IPv4 address at which players reach the rooms
    ///
    /// Needed when the bridge stands behind a router or load balancer, or when players come in
    /// by IPv6; otherwise the address at which a player reached the login daemon is right.
    #[arg(long, value_name = "IPV4")]
    pub myth_public_address: Option<Ipv4Addr>,

    /// Also serve logins over HTTPS here, so that passwords do not travel in clear
    ///
    /// Players' games post to port 443 of the name that they have built in.
    #[arg(long, value_name = "ADDR:PORT")]
    pub myth_https: Option<SocketAddr>,

    /// A host name that players' games have built in, besides metaserver.lhowon.org, once for each
    ///
    /// For games that were built for another one. The self-signed certificate of --myth-https is
    /// for these names: Aleph One checks the name even when its players have switched the
    /// verification of certificates off.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = host)]
    pub myth_host: Vec<String>,

    /// The certificate chain for --myth-https, PEM or DER [default: a self-signed one]
    #[arg(long, value_name = "FILE")]
    pub myth_cert: Option<PathBuf>,

    /// The private key of --myth-cert, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub myth_key: Option<PathBuf>,

    /// Whether anybody may make an account from within the game, over --myth-https [default: false]
    ///
    /// At most 5 from one address at once, and then one in ten minutes. The game asks for an
    /// e-mail address, which is not kept.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub myth_signup: Option<bool>,

    /// A line that everybody reads on entering any room, once for each
    #[arg(long, value_name = "TEXT")]
    pub myth_welcome: Vec<String>,

    /// A line that guests read before those, once for each
    #[arg(long, value_name = "TEXT")]
    pub myth_guest_welcome: Vec<String>,

    /// What becomes of a second login to an account: refuse or displace [default: refuse]
    ///
    /// `refuse` keeps whoever was there first, `displace` disconnects him.
    #[arg(long, value_name = "refuse|displace")]
    pub myth_second_login: Option<SecondLogin>,

    /// Tell players in rooms every few seconds how full the rooms are [default: false]
    ///
    /// Aleph One does not show it; other games of the protocol do.
    #[arg(
        long,
        value_name = "on|off", value_parser = switch
    )]
    pub myth_announce_counts: Option<bool>,

    /// Servers of the registry that rooms do not show, once for each: all, a fingerprint, an address
    ///
    /// `all` shows none of them. Otherwise the SHA-256 fingerprint of a server's certificate, an
    /// address, a prefix such as 192.0.2.0/24, or IP:PORT. They stay in the daemon's list.
    #[arg(long, value_name = "all|FINGERPRINT|ADDRESS", value_delimiter = ',')]
    pub myth_hide_native: Vec<Hidden>,

    /// Tell players who enter while there is no hub what to change to gather games [default: true]
    #[arg(long, value_name = "on|off", value_parser = switch)]
    pub myth_hub_hint: Option<bool>,

    /// Let only this game in, such as MARATHON [default: any]
    #[arg(long, value_name = "NAME")]
    pub myth_service: Option<String>,

    /// The most players in each room [default: 1000]
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_players: Option<usize>,

    /// The most connections to the login daemon of Aleph One [default: 2000]
    ///
    /// When all are taken, the newest one of the addresses that have the most makes room for one
    /// from an address that has less than its share.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_logins: Option<usize>,

    /// The most connections to rooms, all together [default: 6000, or players and 2000]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_connections: Option<usize>,

    /// The most connections to --myth-https [default: 256]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_https_connections: Option<usize>,

    /// The most players from one address, an IPv6 /64 being one [default: 128]
    ///
    /// One more is told so when logging in.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub myth_per_address: Option<usize>,

    /// How long a player may be silent before he is asked for a sign of life [default: 10s]
    ///
    /// At least 1s. If he stays silent for that long once more, he is disconnected.
    #[arg(long, value_name = "TIME", value_parser = within(Duration::from_secs(1)..=Duration::from_secs(3_600)))]
    pub myth_keep_alive: Option<Duration>,

    /// How long whoever a moderator has kicked stays out [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = within(Duration::ZERO..=Duration::from_secs(365 * 86_400)))]
    pub myth_kick_time: Option<Duration>,
}

impl AlephOneSettings {
    /// The metaserver that is to run, if one is, with its accounts.
    #[must_use]
    pub fn metaserver(&self, accounts: &AccountSettings) -> Option<Metaserver> {
        let login = self.myth?;
        let mut rooms = self.myth_room.clone();
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
            public_address: self.myth_public_address,
            https: self.myth_https.is_some(),
            service: self.myth_service.clone(),
            second_login: self.myth_second_login.unwrap_or_default(),
            hub_hint: self.myth_hub_hint.unwrap_or(true),
            announce_counts: self.myth_announce_counts.unwrap_or(false),
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
            https: self.myth_https,
            certificate: self.certificate(),
            https_limits: self.https_limits(),
            hosts: self.hosts(),
            // Accounts for strangers are something to be asked for.
            sign_up: self.myth_signup.unwrap_or(false),
            hide_native: self.myth_hide_native.clone(),
        })
    }

    /// Files of the certificate chain and its key, if there are.
    fn certificate(&self) -> Option<(PathBuf, PathBuf)> {
        Some((self.myth_cert.clone()?, self.myth_key.clone()?))
    }

    /// The name that games have built in, and those of the operator's.
    fn hosts(&self) -> Vec<String> {
        let built_in = std::iter::once(https::HOST.to_owned());
        built_in.chain(self.myth_host.iter().cloned()).collect()
    }

    fn https_limits(&self) -> https::Limits {
        let defaults = https::Limits::default();
        let connections = self.myth_https_connections;
        https::Limits {
            connections: connections.unwrap_or(defaults.connections),
            ..defaults
        }
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let per_address = self.myth_per_address;
        let users_per_host = per_address.unwrap_or(defaults.users_per_host);
        let players = self.myth_players.unwrap_or(defaults.players);
        let rooms = self.myth_room.iter();
        let rooms = rooms.map(|room| room.rules.players.unwrap_or(players));
        // Everybody may come at once.
        let all = rooms.sum::<usize>().max(players);
        let seats = defaults.seats.max(all + 2_000);
        Limits {
            players,
            logins: self.myth_logins.unwrap_or(defaults.logins),
            users: defaults.users.max(all + 1_000),
            users_per_host,
            seats: self.myth_connections.unwrap_or(seats),
            logins_per_host: per_address.unwrap_or(defaults.logins_per_host),
            seats_per_host: users_per_host.saturating_mul(2),
            keep_alive: self.myth_keep_alive.unwrap_or(defaults.keep_alive),
            kick_time: self.myth_kick_time.unwrap_or(defaults.kick_time),
            ..defaults
        }
    }

    /// A room with the lines for all rooms before its own.
    fn welcomed(&self, mut rules: RoomRules) -> RoomRules {
        let guest_welcome = self.myth_guest_welcome.clone();
        rules.welcome.splice(..0, self.myth_welcome.clone());
        rules.guest_welcome.splice(..0, guest_welcome);
        rules
    }
}

/// A host name, of which a certificate may be.
fn host(text: &str) -> Result<String, &'static str> {
    match ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("write a host name, such as games.example.org"),
    }
}
