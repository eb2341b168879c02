//! Puts game servers on a list that cannot do it themselves: the agent asks them for their state
//! (*query*), or is told it over HTTP (*push*), and publishes it over QUIC.
//!
//! ```text
//!  game server ◀── query ── watch/ ──┐
//!                                    ├──▶ publish: one identity and connection each ──▶ daemons
//!  game ── PUT, plain HTTP ── push/ ─┘
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]
