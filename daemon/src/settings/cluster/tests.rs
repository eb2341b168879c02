//! Settings of a cluster: which are valid, and what they say.

use super::*;

#[test]
fn urls_of_nats_servers_are_read_with_their_protection() {
    for (text, url, is_unprotected) in [
        ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222", false),
        ("nats://[::1]:1", "nats://[::1]:1", false),
        ("nats://192.0.2.1", "nats://192.0.2.1:4222", true),
        ("nats://[2001:db8::1]:5", "nats://[2001:db8::1]:5", true),
        (
            "nats://nats.example.org/",
            "nats://nats.example.org:4222",
            false,
        ),
        ("tls://192.0.2.1:4222", "tls://192.0.2.1:4222", false),
    ] {
        let read: NatsUrl = text.parse().unwrap();
        assert_eq!(
            (read.as_str(), read.is_unprotected()),
            (url, is_unprotected)
        );
    }
}

#[test]
fn urls_of_anything_else_are_refused_with_the_reason() {
    for (text, reason) in [
        ("", "is not a URL"),
        ("192.0.2.1:4222", "write a URL like"),
        ("http://192.0.2.1:4222", "another scheme"),
        ("nats://user:secret@192.0.2.1", "use --cluster-key"),
        ("nats://192.0.2.1:99999", "no valid port"),
        ("nats://192.0.2.1/path", "not the URL of a server"),
        ("nats://", "is not a URL"),
    ] {
        let problem = text.parse::<NatsUrl>().unwrap_err();
        assert!(problem.contains(reason), "{text}: {problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn names_are_parts_of_subjects() {
    for name in ["a", "list-2", &"x".repeat(32)] {
        assert_eq!(name.parse::<ClusterName>().unwrap().as_str(), name);
    }
    for name in ["", "A", "a.b", "a b", "*", ">", "ä", &"x".repeat(33)] {
        assert!(name.parse::<ClusterName>().is_err(), "{name}");
    }
    assert!("Node-1".parse::<MemberName>().is_ok());
    assert!("node_1".parse::<MemberName>().is_err());
}

#[test]
fn the_longest_list_follows_from_the_limits() {
    let cluster = crate::Settings::new(PathBuf::new()).cluster;
    let mut limits = Limits::default();
    let mebibytes = |limits: &Limits| cluster.terms(limits).list_bytes >> 20;
    assert_eq!(mebibytes(&limits), 256, "the longest that the protocol has");
    limits.cluster_max_servers = 10_000;
    limits.max_heartbeat_bytes = 4096;
    assert_eq!(mebibytes(&limits), 39);
    limits.cluster_max_servers = 0;
    assert_eq!(mebibytes(&limits), 16);
}
