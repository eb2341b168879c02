use super::*;

#[test]
fn a_name_cannot_be_taken_without_its_password() {
    let mut stage = Stage::open();
    let thief = stage.at_login();
    stage.says(thief, login("bob", "Thief"));
    let bob = stage.player("bob", "Bob");
    assert_eq!(stage.hall.standing(bob.who), Standing::Inside);
    stage.says(thief, Packet::PasswordResponse([b'?'; 16]));
    assert_eq!(stage.hall.standing(thief), Standing::Outside);
    stage.happens(thief, Event::Checked(Err(Unchecked::Wrong)));
    assert_eq!(stage.denied(thief), Some(3));
    assert_eq!(stage.hall.standing(thief), Standing::Closing);
}

#[test]
fn a_second_login_is_refused_before_and_after_the_password() {
    let mut stage = Stage::open();
    let early = stage.at_login();
    stage.says(early, login("bob", "Early"));
    stage.says(early, Packet::PasswordResponse([b'x'; 16]));
    stage.player("bob", "Bob");
    stage.happens(early, Event::Checked(Ok(account("bob"))));
    assert_eq!(stage.denied(early), Some(6));
    let late = stage.at_login();
    stage.says(late, login("bob", "Late"));
    assert_eq!(stage.denied(late), Some(6));
}

#[test]
fn a_second_login_displaces_the_first_if_the_operator_wants_it() {
    let mut stage = Stage::new(|rules| rules.second_login = SecondLogin::Displace);
    let ann = stage.guest("Ann");
    let first = stage.player("bob", "Bob");
    stage.forget();
    let second = stage.player("bob", "Bob");
    assert_eq!(stage.denied(first.who), Some(6));
    assert_eq!(stage.hall.standing(second.who), Standing::Inside);
    let seen: Vec<_> = stage
        .players(ann.who)
        .iter()
        .map(|it| (it.verb, it.id))
        .collect();
    assert_eq!(seen, [(DELETE, first.id.0), (ADD, second.id.0)]);
}

#[test]
fn only_players_of_the_served_game_are_admitted() {
    for (served, code) in [("MARATHON", None), ("MYTH", Some(1))] {
        let mut stage = Stage::new(|rules| rules.service = Some(served.to_owned()));
        assert_eq!(stage.refused("Ann", "192.0.2.7"), code, "{served}");
        let who = stage.at_login();
        stage.says(who, login("bob", "Bob"));
        assert_eq!(stage.denied(who), code, "{served}");
    }
}

#[test]
fn an_account_can_log_in_again_once_its_token_expires() {
    let mut stage = Stage::open();
    let login_connection = stage.logs_in("bob", "Bob", Some(account("bob")));
    stage.happens(login_connection, Event::Ended);
    stage.waits(14);
    let early = stage.at_login();
    stage.says(early, login("bob", "Bob"));
    assert_eq!(stage.denied(early), Some(6));
    stage.waits(1);
    stage.player("bob", "Bob");
}

#[test]
fn a_token_works_only_once_and_for_its_own_name() {
    let mut stage = Stage::open();
    let login_connection = stage.logs_in("bob", "Bob", Some(account("bob")));
    let token = stage.token(login_connection);
    for code in [3, 4] {
        let who = stage.at_room(0, "192.0.2.7");
        stage.says(who, Packet::RoomLogin(token, b"guest".to_vec()));
        assert_eq!(stage.denied(who), Some(code));
    }
}

#[test]
fn packets_in_the_wrong_state_are_denied() {
    let chat = || Packet::Chat {
        sender: UserId(10_001),
        message: b"x".to_vec(),
    };
    let mut stage = Stage::open();
    let who = stage.at_room(0, "192.0.2.7");
    stage.says(who, chat());
    assert_eq!(stage.denied(who), Some(4));
    let who = stage.at_login();
    stage.says(who, Packet::Localization);
    assert_eq!(stage.denied(who), Some(0));
    // A packet of the other daemon closes the connection without an answer.
    let who = stage.at_login();
    stage.says(who, chat());
    assert_eq!((stage.told(who), stage.denied(who)), (vec![], None));
    assert!(stage.effects.contains(&Effect::Close(who)));
    let ann = stage.guest("Ann");
    stage.says(ann.who, Packet::RoomLogin([0; 32], Vec::new()));
    assert_eq!(stage.denied(ann.who), Some(6));
}

#[test]
fn an_account_that_cannot_be_checked_is_refused_with_a_reason_and_guests_are_admitted() {
    let mut stage = Stage::open();
    for (problem, code) in [
        (Unchecked::Unavailable, 1),
        (Unchecked::TooOften, 1),
        (Unchecked::Wrong, 3),
    ] {
        let who = stage.at_login();
        stage.says(who, login("bob", "Bob"));
        stage.says(who, Packet::PasswordResponse([b'x'; 16]));
        stage.happens(who, Event::Checked(Err(problem)));
        assert_eq!(stage.denied(who), Some(code), "{problem:?}");
    }
    stage.guest("Ann");
}

#[test]
fn a_client_that_supports_tokens_is_asked_for_one() {
    let mut stage = Stage::new(|rules| rules.https = true);
    let who = stage.at_login();
    stage.says(who, login("bob", "Bob"));
    let (number, salt) = stage.told(who).pop().unwrap();
    assert_eq!((number, &salt[..2], salt[17]), (6, &[0, 4][..], 0));
    stage.says(who, Packet::PasswordResponse(*b"Ab0Cd1Ef2Gh3Ij4K"));
    let claim = Claim {
        username: "bob".to_owned(),
        proof: Proof::Token(*b"Ab0Cd1Ef2Gh3Ij4K"),
        from: "192.0.2.7".parse().unwrap(),
    };
    assert_eq!(
        stage.effects.last(),
        Some(&Effect::Errand(Errand::Check(who, claim)))
    );
}

#[test]
fn guests_of_another_game_are_refused() {
    let mut stage = Stage::new(|rules| rules.service = Some("MYTH2".to_owned()));
    let who = stage.at_login();
    stage.says(who, login("guest", "Ann"));
    assert_eq!(stage.denied(who), Some(1));
}

#[test]
fn players_are_sent_only_rooms_that_admit_them_and_have_places() {
    let mut stage = Stage::new(|rules| {
        let small = RoomRules {
            players: Some(1),
            ..RoomRules::new("Shoal")
        };
        let members = RoomRules {
            guests: false,
            ..RoomRules::new("Tyr")
        };
        rules.rooms = vec![small, members];
        rules.public_address = Some([203, 0, 113, 5].into());
    });
    let rooms = |stage: &Stage, who| {
        let frames = stage.told(who);
        let (_, body) = frames
            .iter()
            .find(|(number, _)| *number == 0)
            .unwrap()
            .clone();
        let room = |entry: &[u8]| (entry[1], u16::from_be_bytes([entry[8], entry[9]]));
        assert_eq!(body[4..8], [203, 0, 113, 5]);
        body.chunks(24).map(room).collect::<Vec<_>>()
    };
    let bob = stage.logs_in("bob", "Bob", Some(account("bob")));
    assert_eq!(rooms(&stage, bob), [(4, 6335), (6, 6336)]);
    let ann = stage.logs_in("guest", "Ann", None);
    assert_eq!(rooms(&stage, ann), [(4, 6335)]);
    stage.enters(0, "guest", ann, "192.0.2.7");
    // A player who comes too late is told by the login daemon, whose message the game shows.
    let guest = stage.logs_in("guest", "Late", None);
    assert_eq!(stage.denied(guest), Some(13));
    let member = stage.logs_in("cat", "Cat", Some(account("cat")));
    assert_eq!(rooms(&stage, member), [(6, 6336)]);
    // Connecting to the room anyway does not help.
    let token = stage.token(bob);
    let who = stage.at_room(0, "192.0.2.7");
    stage.says(who, Packet::RoomLogin(token, b"bob".to_vec()));
    stage.says(who, Packet::PlayerData(PlayerData::default()));
    assert_eq!(stage.denied(who), Some(13));
}

#[test]
fn logging_out_voids_the_token() {
    let mut stage = Stage::open();
    let who = stage.logs_in("guest", "Ann", None);
    let token = stage.token(who);
    stage.says(who, Packet::Logout);
    assert!(stage.effects.contains(&Effect::Close(who)));
    let room = stage.at_room(0, "192.0.2.7");
    stage.says(room, Packet::RoomLogin(token, Vec::new()));
    assert_eq!(stage.denied(room), Some(4));
}

#[test]
fn ipv6_players_need_a_configured_public_address() {
    for public in [None, Some([203, 0, 113, 5].into())] {
        let mut stage = Stage::new(|rules| rules.public_address = public);
        let (who, ends) = stage.connection("2001:db8::7");
        let local = "[2001:db8::1]:6321".parse().unwrap();
        stage.happens(who, Event::AtLogin(Ends { local, ..ends }));
        stage.says(who, login("guest", "Ann"));
        stage.says(who, Packet::Localization);
        let denied = stage.denied(who);
        assert_eq!(denied, public.is_none().then_some(1), "{public:?}");
    }
}

#[test]
fn a_player_beyond_the_limit_of_an_address_is_told_when_logging_in() {
    let mut stage = Stage::new(|rules| rules.limits.users_per_host = 2);
    let (ann, _bob) = (stage.guest("Ann"), stage.guest("Bob"));
    let third = stage.logs_in("guest", "Third", None);
    let text = stage.told(third).pop().unwrap().1;
    assert_eq!(text[..4], [0, 0, 0, 1], "a code whose text the game shows");
    assert!(text[4..].starts_with(b"Too many players"), "{text:?}");
    stage.happens(ann.who, Event::Ended);
    stage.guest("Third");
}

#[test]
fn accounts_that_differ_only_in_case_cannot_be_logged_in_together() {
    let mut stage = Stage::open();
    stage.player("carol", "Carol");
    let who = stage.logs_in("CAROL", "Another", None);
    assert_eq!(stage.denied(who), Some(6));
}

#[test]
fn a_crowd_of_one_address_makes_room_for_a_player_of_another() {
    let mut stage = Stage::new(|rules| rules.limits.users = 3);
    let crowd = ["Ann", "Bob", "Eve"].map(|name| stage.guest(name));
    stage.forget();
    let who = stage.at_login_from("198.51.100.1");
    stage.says(who, login("guest", "Lone"));
    stage.says(who, Packet::Localization);
    let told = stage.told(crowd[2].who);
    let said = |text: &[u8]| {
        told.iter()
            .any(|(_, body)| body.windows(text.len()).any(|it| it == text))
    };
    assert!(said(b"All places are taken"), "{told:?}");
    assert_eq!(stage.hall.standing(crowd[2].who), Standing::Closing);
    let lone = stage.enters(0, "guest", who, "198.51.100.1");
    assert_eq!(stage.hall.standing(lone.who), Standing::Inside);
    // The crowd gets no more than its share.
    assert_eq!(stage.refused("Fourth", "192.0.2.7"), Some(13));
}

#[test]
fn a_crowd_in_a_room_makes_room_for_a_player_of_another_address() {
    let mut stage = Stage::new(|rules| rules.limits.players = 3);
    let crowd = ["Ann", "Bob", "Eve"].map(|name| stage.guest(name));
    stage.forget();
    let who = stage.at_login_from("198.51.100.1");
    stage.says(who, login("guest", "Lone"));
    stage.says(who, Packet::Localization);
    assert_eq!(stage.hall.standing(crowd[2].who), Standing::Inside);
    let lone = stage.enters(0, "guest", who, "198.51.100.1");
    assert_eq!(stage.hall.standing(lone.who), Standing::Inside);
    assert_eq!(stage.hall.standing(crowd[2].who), Standing::Closing);
    assert_eq!(stage.hall.standing(crowd[0].who), Standing::Inside);
    assert_eq!(stage.refused("Fourth", "192.0.2.7"), Some(13));
}
