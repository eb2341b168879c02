use super::*;

#[test]
fn a_forged_sender_is_denied() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    stage.forget();
    let forged = Player {
        who: bob.who,
        id: ann.id,
    };
    stage.chats(forged, "I am Ann");
    assert_eq!(stage.denied(bob.who), Some(0));
    assert!(stage.told(ann.who).iter().all(|(number, _)| *number != 200));
}

#[test]
fn long_texts_are_cut_and_empty_ones_are_dropped() {
    let mut stage = Stage::open();
    let ann = stage.guest("Ann");
    stage.forget();
    stage.chats(ann, " \t ");
    assert_eq!(stage.told(ann.who), []);
    stage.chats(ann, &"x".repeat(5_000));
    let (_, body) = stage.told(ann.who).pop().unwrap();
    assert_eq!(body.len(), 24 + "|iGuest|p Ann\0".len() + 1_001);
    stage.chats(ann, &format!(".afk {}", "z".repeat(200)));
    let name = &stage.players(ann.who)[0].name;
    assert_eq!(name.matches('z').count(), 31, "{name}");
}

#[test]
fn a_private_message_is_copied_to_a_sender_that_wants_it_and_reads_chat() {
    let mut stage = Stage::open();
    let (ann, bob) = (stage.guest("Ann"), stage.guest("Bob"));
    let copies = |stage: &mut Stage, echo| {
        stage.forget();
        let message = PrivateMessage {
            target: bob.id,
            target_again: bob.id,
            echo,
            sender: ann.id,
            message: b"psst".to_vec(),
        };
        stage.says(ann.who, Packet::PrivateMessage(message));
        [ann, bob].map(|it| stage.told(it.who).iter().filter(|it| it.0 == 201).count())
    };
    assert_eq!(copies(&mut stage, false), [0, 1]);
    assert_eq!(copies(&mut stage, true), [1, 1]);
    stage.plays(ann, true);
    assert_eq!(copies(&mut stage, true), [0, 1]);
    for (target_again, sender) in [(ann.id, ann.id), (bob.id, bob.id)] {
        let forger = stage.guest("Forger");
        let message = PrivateMessage {
            target: bob.id,
            target_again,
            echo: false,
            sender: if sender == ann.id { forger.id } else { sender },
            message: b"psst".to_vec(),
        };
        stage.says(forger.who, Packet::PrivateMessage(message));
        assert_eq!(stage.denied(forger.who), Some(0), "{target_again:?}");
    }
}
