use super::*;
use crate::settings::BridgeSettings;
use metaserve::program::settings::Given;

fn parsed(file: &str) -> Result<Metaserver, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bridge.toml");
    std::fs::write(&path, file).unwrap();
    let settled = Given::<BridgeSettings>::default().with_file(&path).settle();
    let settings = settled.map_err(|mistakes| mistakes.to_string())?.settings;
    let metaserver = settings.aleph_one.metaserver(&settings.accounts);
    Ok(metaserver.expect("a metaserver"))
}

#[test]
fn one_room_is_open_by_default() {
    let Metaserver { settings, .. } = parsed("aleph-one = \"[::]:6321\"").unwrap();
    assert_eq!(settings.rooms, ["[::]:6335".parse().unwrap()]);
    assert_eq!(settings.rules.rooms, [RoomRules::new("Arrival")]);
    assert!(!settings.rules.https);
}

/// Tests the example of the guide.
#[test]
fn rooms_are_tables_or_strings() {
    let guide = include_str!("../../../../docs/guide/aleph-one.md");
    let (_, example) = guide.split_once("```toml\naleph-one = ").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let config = parsed(&format!("aleph-one = {example}")).unwrap();
    let [open, members] = &config.settings.rules.rooms[..] else {
        panic!("two rooms");
    };
    assert_eq!((open.id(0), open.guests, open.welcome.len()), (0, true, 1));
    assert_eq!(
        (members.id(1), members.kind, members.players),
        (6, 1, Some(50))
    );
    assert_eq!(
        members.welcome.len(),
        2,
        "its own line comes after the common one"
    );
    assert!(!members.guests);
    let words = parsed("aleph-one = \"[::]:1\"\naleph-one-room = [\"Tyr=127.0.0.1:7\"]").unwrap();
    assert_eq!(words.settings.rules.rooms, [RoomRules::new("Tyr")]);
}

#[test]
fn settings_take_effect() {
    let config = parsed(
        "aleph-one = \"[::]:1\"\naleph-one-cert = \"c\"\naleph-one-key = \"k\"\n\
         aleph-one-log-private-messages = false\naleph-one-second-login = \"displace\"",
    );
    let config = config.unwrap();
    assert_eq!(config.certificate, Some(("c".into(), "k".into())));
    let logs = config.accounts.logs;
    assert!(logs.chat && logs.events && logs.login_details && !logs.private_messages);
    let second = config.settings.rules.second_login;
    assert_eq!(second, SecondLogin::Displace);
    assert_eq!("refuse".parse(), Ok(SecondLogin::Refuse));
    assert!("Refuse".parse::<SecondLogin>().is_err());
}

#[test]
fn limits_follow_the_size_of_the_rooms() {
    let limits = |lines: &str| {
        let config = parsed(&format!("aleph-one = \"[::]:1\"\n{lines}")).unwrap();
        config.settings.rules.limits
    };
    assert_eq!(limits(""), Limits::default());
    let all = |it: &Limits| (it.users, it.seats);
    assert_eq!(all(&limits("")), (5_000, 6_000));
    assert_eq!(all(&limits("aleph-one-players = 10_000")), (11_000, 12_000));
    let some = limits(
        "aleph-one-per-address = 7\naleph-one-keep-alive = 1\naleph-one-kick-time = \"2m\"\n\
         aleph-one-logins = 3\naleph-one-connections = 4",
    );
    let per_host = (
        some.users_per_host,
        some.logins_per_host,
        some.seats_per_host,
    );
    assert_eq!(per_host, (7, 7, 14));
    let times = (some.keep_alive, some.kick_time);
    assert_eq!(times, (Duration::from_secs(1), Duration::from_secs(120)));
    assert_eq!((some.logins, some.seats), (3, 4));
    let open = limits("");
    let per_host = (
        open.users_per_host,
        open.logins_per_host,
        open.seats_per_host,
    );
    assert_eq!(per_host, (128, 64, 256));
}

#[test]
fn invalid_settings_are_refused_with_a_reason() {
    // (the other line, what the error names)
    let table = [
        ("aleph-one-players = 0", "choose 1 or more"),
        ("aleph-one-per-address = 0", "choose 1 or more"),
        ("aleph-one-logins = 0", "choose 1 or more"),
        ("aleph-one-connections = 0", "choose 1 or more"),
        ("aleph-one-https-connections = 0", "choose 1 or more"),
        ("aleph-one-keep-alive = \"500ms\"", "choose 1s or more"),
        ("aleph-one-cert = \"chain.pem\"", "aleph-one-key"),
        ("aleph-one-host = [\"not a name\"]", "not a name"),
        ("aleph-one-room = [\"Arrival\"]", "NAME=ADDR:PORT"),
        ("aleph-one-room = [\"Arrival=here\"]", "ADDR:PORT"),
        (
            "aleph-one-room = [{ name = \"a\", address = \"[::]:2\", guest = true }]",
            "unknown field `guest`",
        ),
        ("aleph-one-room = [{ name = \"a\" }]", "address"),
        (
            "aleph-one-room = [{ name = \"a\", address = \"[::]:2\", players = 0 }]",
            "choose 1 or more",
        ),
        ("aleph-one-second-login = \"maybe\"", "displace"),
        (
            "aleph-one-public-address = \"::1\"",
            "aleph-one-public-address",
        ),
        (
            "aleph-one-hide-native = [\"some\"]",
            "fingerprint, an address",
        ),
    ];
    for (line, named) in table {
        let error = parsed(&format!("aleph-one = \"[::]:1\"\n{line}")).unwrap_err();
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn there_is_a_place_for_every_player_of_all_rooms() {
    let file = "aleph-one = \"[::]:1\"\naleph-one-players = 20000\naleph-one-room = [\"a=[::]:2\", \"b=[::]:3\"]";
    let limits = parsed(file).unwrap().settings.rules.limits;
    assert!(limits.users >= 40_000 && limits.seats >= 40_000);
}
