//! Nodes over a network of their own, in virtual time.

mod net;
