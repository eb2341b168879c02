//! The settings of the VCMI lobby.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use clap::{ArgAction, Args};
use metaserve::program::settings::{switch, within};

use super::{Limits, Settings};
use crate::{bans::Guard, metrics::Tally};

/// The settings of the VCMI lobby. `None` means a default that depends on other settings.
#[derive(Args, Clone, Debug)]
pub struct VcmiSettings {
    /// Run a VCMI lobby at this address; the old one was at `[::]:5002`
    #[arg(long, value_name = "ADDR:PORT")]
    pub vcmi: Option<SocketAddr>,

    /// The most VCMI lobby clients at one time
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().capacity,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub vcmi_capacity: usize,

    /// The most VCMI lobby clients from one address (an IPv6 /64 counts as one) [default: all]
    ///
    /// When the lobby is full, the newest client of the addresses that have the most makes room for
    /// one from an address that has less than its share.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_per_address: Option<usize>,

    /// The most VCMI connections that have not shown yet whether they are a launcher or a game
    /// [default: 512, or twice the capacity]
    ///
    /// Shared by address in the same way.
    #[arg(long, value_name = "N", value_parser = within(1..=1_000_000_usize))]
    pub vcmi_half_open: Option<usize>,

    /// The most connections of VCMI games
    ///
    /// A game of eight players needs 14. Shared by address in the same way.
    #[arg(
        long,
        value_name = "N",
        default_value_t = Limits::default().pipes,
        value_parser = within(1..=1_000_000_usize)
    )]
    pub vcmi_pipes: usize,

    /// How often VCMI clients are asked for a sign of life
    ///
    /// At least 10s. A client that sends nothing until the next question is disconnected. A bare
    /// number is seconds.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = within(Duration::from_secs(10)..=Duration::from_secs(3_600))
    )]
    pub vcmi_healthcheck: Duration,

    /// Whether VCMI users may ask for statistics with `<ROOT>`
    #[arg(
        long,
        value_name = "on|off",
        default_value = "on",
        action = ArgAction::Set,
        value_parser = switch
    )]
    pub vcmi_statistics: bool,
}

impl VcmiSettings {
    /// Returns the settings of the lobby, if it is enabled. `public_addresses` are the addresses at
    /// which it is reached from outside.
    #[must_use]
    pub fn lobby(&self, public_addresses: &[IpAddr]) -> Option<Settings> {
        Some(Settings {
            listen: self.vcmi?,
            bans: Guard::none(),
            tally: Tally::default(),
            public_addresses: public_addresses.to_vec(),
            health_check: self.vcmi_healthcheck,
            statistics: self.vcmi_statistics,
            limits: self.limits(),
        })
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let (capacity, pipes) = (self.vcmi_capacity, self.vcmi_pipes);
        // All clients may connect at the same time, even from one network.
        let undecided = defaults.undecided.max(2 * capacity);
        Limits {
            capacity,
            clients_per_host: self.vcmi_per_address.unwrap_or(capacity),
            undecided: self.vcmi_half_open.unwrap_or(undecided),
            undecided_per_host: defaults.undecided_per_host.max(capacity),
            pipes,
            // It takes four addresses to use all places, and one has enough for a game.
            pipes_per_host: (pipes / 4).max(defaults.pipes_per_session),
            sessions: defaults.sessions.max(4 * pipes),
            ..defaults
        }
    }
}
