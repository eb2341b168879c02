use metaserve::bans::{self, Whom};

use super::*;
use crate::aleph_one::event::BanOrder;

fn ban(prefix: &str, whom: Whom, seconds: u64) -> Ban {
    Ban {
        prefix: bans::prefix(prefix).unwrap(),
        whom,
        until: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
    }
}

impl Stage {
    /// Returns what the ban file is asked to contain.
    fn orders(&self) -> Vec<BanOrder> {
        let order = |effect: &Effect| match effect {
            Effect::Errand(Errand::Ban(_, order)) => Some((**order).clone()),
            _ => None,
        };
        self.effects.iter().filter_map(order).collect()
    }
}

/// A user saw a kicked guest come back at once under another name.
#[test]
fn a_kicked_guest_stays_out_for_a_while_under_any_name() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let bob = stage.guest("Bob");
    let beforehand = stage.logs_in("guest", "Another", None);
    let token = stage.token(beforehand);
    stage.forget();
    stage.whispers(moderator, bob.id, ".kick");
    assert!(stage.effects.contains(&Effect::Close(bob.who)));
    let lines = stage.lines(bob.who);
    assert!(
        lines[0].contains("Mod") && lines[0].contains("Bob"),
        "{lines:?}"
    );

    for name in ["Bob", "Robert", ""] {
        assert_eq!(stage.refused(name, "192.0.2.7"), Some(14), "{name}");
    }
    // A token from before the kick is refused.
    let room = stage.at_room(0, "192.0.2.7");
    stage.says(room, Packet::RoomLogin(token, Vec::new()));
    assert_eq!(stage.denied(room), Some(14));
    // Accounts from the same address and guests from other addresses are still admitted.
    stage.player("ann", "Ann");
    assert_eq!(stage.refused("Bob", "192.0.2.8"), None);
    stage.waits(60);
    stage.guest("Bob");
}

#[test]
fn a_kicked_account_stays_out_and_cannot_come_as_a_guest_instead() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let bob = stage.player("bob", "Bob");
    stage.whispers(moderator, bob.id, ".kick");
    let who = stage.at_login();
    stage.says(who, login("bob", "Bob"));
    stage.says(who, Packet::PasswordResponse([b'x'; 16]));
    stage.happens(who, Event::Checked(Ok(account("bob"))));
    assert_eq!(stage.denied(who), Some(14));
    assert_eq!(stage.refused("Bob", "192.0.2.7"), Some(14));
    stage.waits(60);
    stage.player("bob", "Bob");
}

#[test]
fn a_kick_of_a_loopback_guest_affects_only_that_guest() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let login = stage.logs_in("guest", "Bob", None);
    let bob = stage.enters(0, "guest", login, "127.0.0.1");
    stage.whispers(moderator, bob.id, ".ban 2h");
    assert!(stage.effects.contains(&Effect::Close(bob.who)));
    assert_eq!(stage.orders(), []);
    assert_eq!(stage.refused("Bob", "127.0.0.1"), None);
}

#[test]
fn a_moderator_bans_the_guests_from_an_address_for_a_time_with_a_reason() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let order = |name: &str, time, reason: &str| BanOrder {
        peer: "192.0.2.7".parse().unwrap(),
        time: Duration::from_secs(time),
        name: name.as_bytes().to_vec(),
        by: "mod".to_owned(),
        reason: reason.to_owned(),
    };
    let week = 7 * 86_400;
    // (name, whether that player is selected, the command, the order)
    let table = [
        ("Bob", true, ".ban", order("Bob", week, "")),
        (
            "Bob",
            true,
            ".ban 2h shoots  us",
            order("Bob", 7_200, "shoots us"),
        ),
        ("Bob", true, ".ban Bob 30m", order("Bob", 1_800, "")),
        ("Bob", false, ".ban bob spam", order("Bob", week, "spam")),
        (
            "Bob",
            false,
            ".ban Guest Bob 1d x",
            order("Bob", 86_400, "x"),
        ),
        (
            "Big Bob",
            false,
            ".ban big bob 2h",
            order("Big Bob", 7_200, ""),
        ),
    ];
    for (name, selected, line, expected) in table {
        let bob = stage.guest(name);
        stage.forget();
        match selected {
            true => stage.whispers(moderator, bob.id, line),
            false => stage.chats(moderator, line),
        }
        assert_eq!(stage.orders(), [expected], "{line}");
        assert!(stage.effects.contains(&Effect::Close(bob.who)), "{line}");
        let lines = stage.lines(bob.who);
        assert!(lines[0].contains("has banned"), "{lines:?}");
        stage.waits(60);
    }
}

#[test]
fn a_moderator_is_told_why_a_player_cannot_be_banned() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let other = stage.moderator("second", "Second");
    let (ann, _twin) = (stage.guest("Ann"), stage.guest("Ann"));
    let bob = stage.guest("Bob");
    for (line, answer) in [
        (".ban", "No user selected"),
        (".ban Carol 2h", "No user selected"),
        (".ban Second", "cannot be banned here"),
        (".ban Ann", "Several players"),
        (".unban", "Who?"),
    ] {
        stage.forget();
        stage.chats(moderator, line);
        let lines = stage.lines(moderator.who);
        assert!(lines[0].contains(answer), "{line}: {lines:?}");
        assert_eq!(stage.orders(), [], "{line}");
    }
    // Only moderators can ban.
    stage.forget();
    stage.whispers(bob, ann.id, ".ban");
    assert!(stage.lines(bob.who)[0].contains("Unknown command"));
    stage.whispers(moderator, other.id, ".kick");
    assert!(stage.effects.contains(&Effect::Close(other.who)));
}

#[test]
fn a_banned_account_is_kept_out_until_it_is_unbanned() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    let attempt = |stage: &mut Stage| {
        let who = stage.at_login();
        stage.says(who, login("bob", "Robert"));
        stage.says(who, Packet::PasswordResponse([b'x'; 16]));
        stage.happens(who, Event::Checked(Ok(account("bob"))));
        let denied = stage.denied(who);
        stage.happens(who, Event::Ended);
        denied
    };
    stage.player("bob", "Bob");
    stage.forget();
    stage.chats(moderator, ".ban Bob 2h");
    let lines = stage.lines(moderator.who);
    assert!(
        lines[1].contains("account bob is kept out for 2h"),
        "{lines:?}"
    );
    stage.waits(7_199);
    assert_eq!(attempt(&mut stage), Some(14));
    stage.chats(moderator, ".unban bob");
    assert_eq!(attempt(&mut stage), None);
}

#[test]
fn a_ban_that_could_not_be_written_still_holds() {
    let mut stage = Stage::open();
    let moderator = stage.moderator("mod", "Mod");
    stage.guest("Bob");
    stage.chats(moderator, ".ban Bob 2h");
    let order = stage.orders().pop().unwrap();
    let event = Event::NotBanned(Box::new(order), "it could not be written".to_owned());
    stage.happens(moderator.who, event);
    assert!(
        stage
            .lines(moderator.who)
            .last()
            .unwrap()
            .contains("could not")
    );
    stage.waits(7_199);
    assert_eq!(stage.refused("Bob", "192.0.2.7"), Some(14));
    stage.waits(1);
    assert_eq!(stage.refused("Bob", "192.0.2.7"), None);
}

#[test]
fn newly_banned_guests_are_told_until_when_and_accounts_stay() {
    let mut stage = Stage::open();
    let (bob, ann) = (stage.guest("Bob"), stage.player("ann", "Ann"));
    let waiting = stage.logs_in("guest", "Early", None);
    stage.forget();
    stage.bans([
        ban("192.0.2.0/24", Whom::Guests, 100),
        ban("198.51.100.0/24", Whom::Guests, 100),
    ]);
    let told = stage.lines(bob.who);
    assert!(
        told[0].contains("Guests from your address are banned")
            && told[0].contains("until 1970-01-01T00:01:40Z"),
        "{told:?}"
    );
    assert_eq!(stage.denied(bob.who), Some(14));
    assert_eq!(stage.denied(waiting), Some(14));
    assert!(!stage.effects.contains(&Effect::Close(ann.who)));
    assert_eq!(stage.refused("Bob", "192.0.2.7"), Some(14));
    // It ends by the clock, without reading the file again.
    stage.waits(100);
    assert_eq!(stage.refused("Bob", "192.0.2.7"), None);
    stage.bans([]);
    stage.guest("Bob");
}
