//! What clients of a list are shown. Pure.

use std::{net::SocketAddr, sync::Arc};

use imbl::OrdMap;

use crate::follow::once;

/// A server of the registry, as a list shows it.
pub trait Native: Clone + Eq + Send + Sync + 'static {
    /// Where it can be joined: at least one address.
    fn addresses(&self) -> impl Iterator<Item = SocketAddr>;
}

/// All servers to show at one time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shown<S, N> {
    /// Servers that have registered.
    pub servers: S,
    /// Servers of the registry, by numbers of our own.
    pub natives: OrdMap<u64, Arc<N>>,
}

/// What the clients of the list `L` are shown.
pub type ShownOf<L> = Shown<<L as super::ServerList>::Servers, <L as super::ServerList>::Native>;

impl<S: Default, N> Default for Shown<S, N> {
    fn default() -> Self {
        Self {
            servers: S::default(),
            natives: OrdMap::new(),
        }
    }
}

impl<S, N: Native> Shown<S, N> {
    /// The servers of the registry that are shown beside those that have registered: see [`once`].
    pub fn natives(&self, is_taken: impl Fn(&SocketAddr) -> bool) -> impl Iterator<Item = &N> {
        let natives = self.natives.values().map(|native| &**native);
        once(natives, N::addresses, is_taken)
    }
}
