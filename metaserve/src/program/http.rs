//! Whether and where a program serves HTTP.

use super::listen;
use std::{
    io,
    net::{SocketAddr, TcpListener},
    str::FromStr,
};

/// Whether and where HTTP is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// HTTP is not served.
    Off,
    /// HTTP is served on this address if it is free, else not at all: a second program of the same
    /// kind on a machine runs without HTTP.
    IfFree(SocketAddr),
    /// HTTP is served on this address, or the program does not start.
    At(SocketAddr),
}

impl Http {
    /// Listens without blocking, as [`listen::tcp`] does. None when HTTP is off, or when the address
    /// is not free and the operator has not asked for it: then `missed` is told which one and why.
    ///
    /// # Errors
    /// The address that the operator has asked for cannot be bound.
    pub fn open(
        self,
        missed: impl FnOnce(SocketAddr, io::Error),
    ) -> Result<Option<TcpListener>, (SocketAddr, io::Error)> {
        match self {
            Self::Off => Ok(None),
            Self::IfFree(address) => Ok(listen::tcp(address)
                .map_err(|error| missed(address, error))
                .ok()),
            Self::At(address) => match listen::tcp(address) {
                Ok(listener) => Ok(Some(listener)),
                Err(error) => Err((address, error)),
            },
        }
    }
}

impl FromStr for Http {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let explain = |error| format!("{error}: write an address like 127.0.0.1:8080, or off");
        match text.strip_suffix(" if free") {
            Some(address) => address.parse().map(Self::IfFree),
            None => text.parse().map(Self::At),
        }
        .map_err(explain)
    }
}
