//! All QUIC transport settings, each with its reason.

use crate::protocol::roles::{Role, STREAMS};
use quinn::{IdleTimeout, TransportConfig, VarInt};
use std::time::Duration;

/// The settings of every connection.
fn common(idle_timeout: Duration) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        // One stream in each direction for the life of the connection. Memory grows with the
        // number of streams that may be opened (29 KB at 1, 163 KB at 1,024).
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(STREAMS))
        // Datagrams are not used, so they get no buffer.
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IdleTimeout::try_from(idle_timeout).ok());
    transport
}

/// The settings of a peer of the daemon in this role.
#[must_use]
pub fn client(role: Role) -> TransportConfig {
    let mut transport = common(role.peer_idle_timeout());
    transport
        .keep_alive_interval(Some(role.keep_alive()))
        // A list of 5,000 servers is about a megabyte. With this window, a client with a round
        // trip of 100 ms receives it in half a second.
        .stream_receive_window(VarInt::from_u32(512 * 1024))
        .receive_window(VarInt::from_u32(512 * 1024))
        // Only the newest heartbeat is worth keeping.
        .send_window(256 * 1024)
        .ack_frequency_config(Some(acknowledge_after(0)));
    transport
}

/// The settings of the daemon.
#[cfg(feature = "server")]
#[must_use]
pub fn server(limits: &crate::Limits) -> TransportConfig {
    let mut transport = common(limits.idle_timeout);
    // The daemon always reads, so this bounds only what is in flight: two heartbeats, or a burst
    // of a relay.
    let window = u32::try_from(2 * limits.max_heartbeat_bytes)
        .unwrap_or(u32::MAX)
        .max(64 * 1024);
    transport
        .stream_receive_window(VarInt::from_u32(window))
        .receive_window(VarInt::from_u32(window))
        // The daemon keeps what a client has not acknowledged: parts of the frames that all
        // clients share, until the stream is given up.
        .send_window(limits.send_window_bytes.into())
        .ack_frequency_config(Some(acknowledge_after(10)));
    transport
}

/// Allows the other side to leave this many packets unacknowledged for 25 ms; the next packet
/// makes it acknowledge them all (draft-ietf-quic-ack-frequency).
///
/// The daemon lets clients delay ten: a frame of several packets is acknowledged once, at its end.
/// Games let the daemon delay none: they send a single packet now and then, and a delayed
/// acknowledgement would wake the daemon twice, and may come so late that QUIC probes for it.
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
    fn a_game_has_one_stream_in_each_direction_and_a_window_for_a_list() {
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
        has(&client(Role::Client), &settings);
        let shorter = [
            "max_idle_timeout: Some(5000)",
            "keep_alive_interval: Some(1s)",
        ];
        has(&client(Role::Names), &shorter);
        let acknowledges_at_once = "ack_eliciting_threshold: 0";
        assert!(format!("{:?}", client(Role::Client)).contains(acknowledges_at_once));
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_daemon_has_windows_for_two_longest_heartbeats_and_the_configured_send_window() {
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
