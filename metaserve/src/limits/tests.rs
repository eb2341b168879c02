use super::*;

#[test]
fn the_defaults_are_valid() {
    assert_eq!(Limits::default().check(), Ok(()));
    assert_eq!(Limits::default().max_heartbeat_bytes, 8_192);
}

/// Whether these limits are valid with one change.
fn holds(change: impl FnOnce(&mut Limits)) -> bool {
    let mut limits = Limits::default();
    change(&mut limits);
    limits.check().is_ok()
}

#[test]
fn every_range_has_the_documented_bounds() {
    let seconds = Duration::from_secs;
    for (bytes, fits) in [(0, false), (1, true), (1_048_576, true), (1_048_577, false)] {
        assert_eq!(holds(|it| it.max_heartbeat_bytes = bytes), fits, "{bytes}");
    }
    for (bytes, fits) in [
        (16_383, false),
        (16_384, true),
        (16_777_216, true),
        (16_777_217, false),
    ] {
        assert_eq!(holds(|it| it.send_window_bytes = bytes), fits, "{bytes}");
    }
    let almost = seconds(6) - Duration::from_nanos(1);
    for (timeout, fits) in [(almost, false), (seconds(6), true), (seconds(60), true)] {
        assert_eq!(holds(|it| it.idle_timeout = timeout), fits, "{timeout:?}");
    }
    assert!(!holds(|it| it.idle_timeout = seconds(61)));
    for (timeout, fits) in [(0, false), (1, true), (60, true), (61, false)] {
        let timeout = seconds(timeout);
        assert_eq!(holds(|it| it.hello_timeout = timeout), fits, "{timeout:?}");
    }
    assert!(holds(|it| it.min_interval = it.idle_timeout));
    assert!(!holds(|it| it.min_interval = it.idle_timeout + seconds(1)));
}

#[test]
fn limits_that_would_serve_nobody_are_refused() {
    let zeros: [fn(&mut Limits); 11] = [
        |it| it.max_connections = 0,
        |it| it.max_servers = 0,
        |it| it.max_clients = 0,
        |it| it.max_servers_per_prefix = 0,
        |it| it.max_clients_per_prefix = 0,
        |it| it.max_handshakes = 0,
        |it| it.heartbeats_per_interval = 0,
        |it| it.max_games = 0,
        |it| it.max_listed_per_prefix = 0,
        |it| it.max_servers_per_relay = 0,
        |it| it.stall_timeout = Duration::ZERO,
    ];
    for zero in zeros {
        assert!(!holds(zero));
    }
}

#[test]
fn the_default_pools_are_shares_of_the_default_connections() {
    let mut limits = Limits::default();
    limits.share_out(limits.max_connections);
    assert_eq!(limits, Limits::default());
    for (connections, servers, clients) in [(1, 1, 1), (100, 40, 80)] {
        limits.share_out(connections);
        let Limits {
            max_servers,
            max_clients,
            ..
        } = limits;
        assert_eq!((max_servers, max_clients), (servers, clients));
        assert_eq!(limits.max_connections, connections);
    }
}

#[test]
fn contradictions_are_named() {
    let short = Limits {
        idle_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    assert!(
        short
            .check()
            .unwrap_err()
            .to_string()
            .contains("choose 6s to 60s")
    );
    let rare = Limits {
        min_interval: Duration::from_secs(60),
        ..Limits::default()
    };
    assert!(
        rare.check()
            .unwrap_err()
            .to_string()
            .contains("lower the first")
    );
}
