//! Random commands of several clients, in any order.

use super::*;
use proptest::prelude::*;

const WORDS: [&str; 24] = [
    "<NEW>one",
    "<NEW>two",
    "<PSWD>",
    "<PSWD>x",
    "<COUNT>2",
    "<COUNT>8",
    "<COUNT>many",
    "<JOIN>one",
    "<JOIN>two",
    "<HOSTMODE>1",
    "<MODS>a&1",
    "<MODS>",
    "<LEAVE>one",
    "<LEAVE>two",
    "<KICK>user0",
    "<KICK>user1",
    "<KICK>user2",
    "<READY>one",
    "<READY>two",
    "<FORCESTART>one",
    "<MSG>hi",
    "<CHANNEL>room",
    "<HERE>",
    "<VER>2",
];

proptest! {
    /// In any order of commands: a closed client is sent nothing, a client in a room has a room,
    /// and the registry has exactly the open rooms.
    #[test]
    fn the_lobby_stays_consistent(
        deeds in prop::collection::vec((0_usize..4, 0..WORDS.len() + 1), 0..120),
    ) {
        let mut scene = Scene::new();
        let mut users: Vec<_> =
            (0_u8..4).map(|n| scene.user(n + 2, &format!("user{n}"))).collect();
        for (user, deed) in deeds {
            match WORDS.get(deed) {
                Some(words) => scene.says(users[user], words),
                None => scene.happens(users[user], Event::Ended),
            }
            if !scene.lobby.is_authorised(users[user]) {
                users[user] = scene.user(5, &format!("user{user}"));
            }
            let lobby = &scene.lobby;
            for (who, client) in &lobby.clients {
                if let Some(id) = client.plays_in() {
                    prop_assert!(lobby.rooms[&id].players.contains(who));
                }
            }
            for room in lobby.rooms.values() {
                prop_assert_eq!(room.players[0], room.host);
                prop_assert!(room.players.len() <= room.total.unwrap_or(1));
                for player in &room.players {
                    prop_assert!(lobby.clients[player].plays_in().is_some());
                }
            }
            let open = lobby.rooms.iter().filter(|(_, room)| room.total.is_some());
            let open: Vec<_> = open.map(|(id, room)| (*id, room.players.len())).collect();
            let listed: Vec<_> =
                scene.listed.iter().map(|(id, room)| (*id, room.players)).collect();
            prop_assert_eq!(listed, open);
        }
    }

    #[test]
    fn any_frames_are_handled_without_panic(frames in prop::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let mut scene = Scene::new();
        let [who, other] = [scene.stranger(), scene.user(5, "other")];
        for frame in frames {
            scene.happens(other, Event::Frame(frame.clone().into()));
            scene.happens(who, Event::Frame(frame.into()));
        }
    }
}
