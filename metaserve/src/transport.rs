//! All quinn settings, each with its reason.

use crate::{
    protocol::roles::STREAMS,
    time::{CLIENT_IDLE_TIMEOUT, KEEP_ALIVE},
};
use quinn::{IdleTimeout, TransportConfig, VarInt};
use std::time::Duration;

/// What every connection has in common.
fn common(idle_timeout: Duration) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        // One stream each way for the connection's life; memory follows the number of streams
        // that may be opened (29 KB at 1, 163 KB at 1,024).
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS))
        // Datagrams are not used: no buffer for them.
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(idle_timeout).ok());
    transport
}

/// Settings of a game server, a game client or a relay.
#[must_use]
pub fn client() -> TransportConfig {
    let mut transport = common(CLIENT_IDLE_TIMEOUT);
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        // A list of 5,000 servers is about a megabyte: with this window it takes a client that
        // is 100 ms away half a second.
        .stream_receive_window(VarInt::from_u32(512 * 1024))
        .receive_window(VarInt::from_u32(512 * 1024))
        // Heartbeats: the newest is all that is worth keeping.
        .send_window(256 * 1024)
        .ack_frequency_config(Some(acknowledge_after(0)));
    transport
}

/// Settings of the daemon.
#[cfg(feature = "server")]
#[must_use]
pub fn server(limits: &crate::Limits) -> TransportConfig {
    let mut transport = common(limits.idle_timeout);
    // The daemon always reads, so that this is only what may be on its way: two heartbeats, or a
    // relay's burst.
    let window = u32::try_from(2 * limits.max_heartbeat_bytes)
        .unwrap_or(u32::MAX)
        .max(64 * 1024);
    transport
        .stream_receive_window(VarInt::from_u32(window))
        .receive_window(VarInt::from_u32(window))
        // What a client has not acknowledged is kept for it: parts of the frames that all share,
        // until its stream is given up.
        .send_window(limits.send_window_bytes.into())
        .ack_frequency_config(Some(acknowledge_after(10)));
    transport
}

/// Lets the other side leave so many packets unacknowledged for 25 ms; with the next one it
/// acknowledges them all (draft-ietf-quic-ack-frequency).
///
/// The daemon lets clients wait for ten: a frame of some packets is acknowledged once, at its end.
/// Games let the daemon wait for none: what they send is one packet now and then, and an
/// acknowledgement that waits wakes the daemon twice, and may come so late that QUIC asks for it.
fn acknowledge_after(packets: u32) -> quinn::AckFrequencyConfig {
    let mut frequency = quinn::AckFrequencyConfig::default();
    frequency.ack_eliciting_threshold(VarInt::from_u32(packets));
    frequency
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(settings: &TransportConfig, wanted: &[&str]) {
        let text = format!("{settings:?}");
        for setting in wanted {
            assert!(text.contains(&format!(" {setting},")), "{setting}: {text}");
        }
    }

    #[test]
    fn a_game_has_one_stream_each_way_and_room_for_a_list() {
        let settings = [
            "max_concurrent_bidi_streams: 0",
            "max_concurrent_uni_streams: 1",
            "max_idle_timeout: Some(60000)",
            "keep_alive_interval: Some(5s)",
            "stream_receive_window: 524288",
            "receive_window: 524288",
            "send_window: 262144",
            "datagram_receive_buffer_size: None",
        ];
        has(&client(), &settings);
        let acknowledges_at_once = "ack_eliciting_threshold: 0";
        assert!(format!("{:?}", client()).contains(acknowledges_at_once));
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_daemon_has_room_for_two_of_the_longest_heartbeats_and_as_much_for_a_client_as_it_is_told()
    {
        let mut limits = crate::Limits::default();
        (limits.max_heartbeat_bytes, limits.send_window_bytes) = (8192, 123_456);
        has(
            &server(&limits),
            &[
                "max_concurrent_bidi_streams: 0",
                "max_concurrent_uni_streams: 1",
                "max_idle_timeout: Some(15000)",
                "keep_alive_interval: None",
                "stream_receive_window: 65536",
                "receive_window: 65536",
                "send_window: 123456",
            ],
        );
        assert!(format!("{:?}", server(&limits)).contains("ack_eliciting_threshold: 10"));
        limits.max_heartbeat_bytes = 100_000;
        has(
            &server(&limits),
            &["stream_receive_window: 200000", "receive_window: 200000"],
        );
    }
}
