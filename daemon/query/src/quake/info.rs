//! From a server's answer to the record for the list.

use super::{
    answer::Answer,
    games::{self, Game},
    people::Person,
};
use crate::text::{Codes, decode, glyphs, some, tidy};
use metaserve::{Mod, Player, ServerInfo};

/// How a game writes text.
#[derive(Clone, Copy)]
struct Script {
    decode: fn(&[u8]) -> String,
    codes: Option<Codes>,
}

impl Script {
    fn text(self, bytes: &[u8]) -> String {
        let text = (self.decode)(bytes);
        match self.codes {
            Some(codes) => tidy(&codes.strip(&text)),
            None => tidy(&text),
        }
    }

    fn of(self, answer: &Answer<'_>, keys: &[&str]) -> Option<String> {
        some(self.text(answer.first(keys)?))
    }
}

/// The record of a `QuakeWorld` server.
pub(super) fn quake1(answer: &Answer<'_>) -> ServerInfo {
    let script = Script {
        decode: glyphs,
        codes: Some(Codes::QuakeWorld),
    };
    // Some servers list spectators too, under such a name or score.
    let plays = |it: &&Person<'_>| it.word(1) != b"S" && !it.name().starts_with(b"\\s\\");
    let people = answer.people().iter().filter(plays);
    let people = people.map(|it| Player {
        score: it.number(1),
        team: it.team().and_then(|team| some(script.text(team))),
        ..Player::new(script.text(it.name()))
    });
    let base = |dir: &String| matches!(dir.as_str(), "qw" | "id1");
    let dir = script.of(answer, &["*gamedir"]).filter(|dir| !base(dir));
    let teams = answer.number("teamplay").is_some_and(|it| it > 0);
    let rules = answer.number("deathmatch").map(|number| match number {
        0 => "cooperative",
        _ if teams => "team deathmatch",
        _ => "deathmatch",
    });
    ServerInfo {
        mode: script.of(answer, &["mode"]).or(rules.map(str::to_owned)),
        mods: dir.into_iter().map(Mod::new).collect(),
        ..common(answer, script, people.collect())
    }
}

/// The record of a Quake II server.
pub(super) fn quake2(answer: &Answer<'_>) -> ServerInfo {
    let script = Script {
        decode: glyphs,
        codes: games::quake2_codes(answer),
    };
    let people = answer.people().iter().map(|it| Player {
        score: it.number(0),
        ..Player::new(script.text(it.name()))
    });
    let base = |name: &String| name == "baseq2";
    let on = |key: &str| answer.number(key).is_some_and(|it| it > 0);
    let rules = [
        ("coop", "cooperative"),
        ("ctf", "capture the flag"),
        ("deathmatch", "deathmatch"),
    ];
    let rules = rules.into_iter().find(|(key, _)| on(key));
    let named = script.of(answer, &["gamename"]).filter(|it| !base(it));
    let dir = script.of(answer, &["game"]).filter(|it| !base(it));
    ServerInfo {
        mode: named.or(rules.map(|(_, name)| name.to_owned())),
        mods: dir.into_iter().map(Mod::new).collect(),
        ..common(answer, script, people.collect())
    }
}

/// The record of a `GoldSrc` server, from what it tells a master.
pub(super) fn goldsrc(answer: &Answer<'_>) -> ServerInfo {
    let script = Script {
        decode,
        // Xash3D has colours, in the codes of Quake III.
        codes: Some(Codes::Quake3),
    };
    ServerInfo {
        players: answer.number("players"),
        max_players: answer.number("max"),
        password: answer.number("password").map(|it| it > 0),
        ..common(answer, script, Vec::new())
    }
}

/// Whether the status of a Quake III server says how many people are on it.
pub(super) fn is_exact(status: &Answer<'_>) -> bool {
    let told = ["bots", "g_humanplayers"];
    let told = told.into_iter().any(|key| status.get(key).is_some());
    let doubtful = status.people().iter().any(has_no_ping);
    told || (!doubtful && private(status) == 0)
}

/// The record of a server of Quake III, `DarkPlaces` or a descendant, from its status and, if it
/// was asked for, its shorter answer.
pub(super) fn quake3(answer: &Answer<'_>, short: Option<&Answer<'_>>) -> ServerInfo {
    let game = Game::of(answer);
    let script = Script {
        decode: game.decoder(),
        codes: Some(game.codes()),
    };
    let counts = short.unwrap_or(answer);
    let lines = answer.people();
    let bots = lines.iter().filter(|it| has_no_ping(it)).count();
    let bots = u32::try_from(bots).unwrap_or(u32::MAX);
    let listed = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let clients = counts.number("clients");
    // Engines that count bots among `clients` say how many those are, or how many people there are;
    // that of Unvanquished counts people alone.
    let people_told = ["g_humanplayers", "humans"];
    let told = people_told.iter().find_map(|key| counts.number(key));
    let told = told.or_else(|| match game {
        Game::Daemon => short.and(clients),
        _ => {
            let bots = counts.number("bots").or_else(|| answer.number("bots"))?;
            Some(clients.unwrap_or(listed).saturating_sub(bots))
        }
    });
    // Bots take the private slots first, which `clients` may leave out.
    let pinged = listed.saturating_sub(bots);
    let players = told.unwrap_or(clients.map_or(pinged, |clients| clients.min(pinged)));
    // A person can have a ping of 0 as well: one who has just connected, or from this machine.
    let all = told.is_some_and(|told| told >= listed);
    let people = lines.iter().filter(|it| all || !has_no_ping(it));
    let people = people.map(|it| Player {
        score: it.number(0),
        team: it.number(2).and_then(|team| game.team(team)),
        ..Player::new(script.text(it.name()))
    });
    let seats = match short {
        // It leaves the private ones out.
        Some(short) => short.number("sv_maxclients"),
        None => answer
            .number("sv_maxclients")
            .map(|all| all.saturating_sub(private(answer))),
    };
    let dir = script.of(answer, &["fs_game", "modname"]);
    let dir = dir.filter(|dir| !games::is_base(dir));
    let common = common(answer, script, people.collect());
    ServerInfo {
        mode: game
            .mode(answer)
            .or_else(|| script.of(answer, &["gamename"])),
        players: Some(players),
        max_players: seats.or(common.max_players),
        version: game.version(answer).or(common.version),
        mods: dir.into_iter().map(Mod::new).collect(),
        ..common
    }
}

/// What all of these servers have among their settings.
fn common(answer: &Answer<'_>, script: Script, people: Vec<Player>) -> ServerInfo {
    ServerInfo {
        name: script
            .of(answer, &["sv_hostname", "hostname"])
            .unwrap_or_default(),
        map: script.of(answer, &["mapname", "map"]),
        players: u32::try_from(people.len()).ok(),
        max_players: answer
            .number("sv_maxclients")
            .or_else(|| answer.number("maxclients")),
        password: needs_password(answer),
        version: script.of(answer, &["shortversion", "version", "*version"]),
        website: website(answer),
        player_list: people,
        ..ServerInfo::default()
    }
}

/// Slots for friends of the operator, which nobody else can have.
fn private(answer: &Answer<'_>) -> u32 {
    answer.number("sv_privateClients").unwrap_or(0)
}

/// Bots are not sent anything, so they have no ping.
fn has_no_ping(person: &Person<'_>) -> bool {
    person.number(1) == Some(0)
}

/// Where it is a set of flags, the first one is the players' password, the second one the
/// spectators'.
fn needs_password(answer: &Answer<'_>) -> Option<bool> {
    let keys = ["g_needpass", "pswrd", "needpass"];
    let flags = keys.iter().find_map(|key| answer.number(key))?;
    Some(flags & 1 != 0)
}

/// Operators set it by hand, under names such as `URL` and `.Website`.
fn website(answer: &Answer<'_>) -> Option<String> {
    let named = |key: &[u8]| {
        let begin = key.iter().position(|byte| !b"._".contains(byte))?;
        let key = key.get(begin..)?;
        let names: [&[u8]; 2] = [b"url", b"website"];
        names
            .iter()
            .any(|it| key.eq_ignore_ascii_case(it))
            .then_some(())
    };
    let found = answer
        .settings()
        .filter(|(key, _)| named(key).is_some())
        .min()?;
    some(tidy(&decode(found.1)))
}
