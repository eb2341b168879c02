//! Dot commands for everybody (`docs/specifications/myth-metaserver.md`, section 18).

use super::{Member, Room, Turn, UserId, member::test_cost};
use crate::aleph_one::{
    description::Description,
    event::{Effect, Errand},
    text,
};

/// Long replies are split into lines of about this many bytes.
const LINE_BYTES: usize = 400;

const HELP: [&str; 11] = [
    ".afk [TEXT] - be shown as away until you write something",
    ".back - be shown as available again",
    ".info, .caste - show who the selected player is",
    ".me, .action TEXT - describe what you do",
    ".test - test whether others can join your game",
    ".who - list the players",
    ".games - list the games",
    ".available, .avail - list the players who are not away",
    ".about, .credits - about this server",
    ".ignore - players are ignored in your own game's settings",
    ".help - this list",
];

const MODERATOR_HELP: [&str; 4] = [
    ".kick - disconnect the selected player",
    ".ban NAME [TIME] [REASON] - keep a player out, for 7d unless you write 2h or 30d",
    ".unban NAME - let the player come back",
    ".rainbow - switch rainbow colours for everybody on or off",
];

pub(super) const NO_TARGET: &[u8] = b"No user selected: select a player in the list first.";

impl Room {
    /// Executes a command, which begins with a dot.
    pub(super) fn command(
        &mut self,
        user: UserId,
        target: Option<UserId>,
        line: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let mut words = text::words(line);
        let command = words.next().unwrap_or_default();
        let argument = words.collect::<Vec<_>>().join(&b' ');
        let moderator = self.members.get(&user).is_some_and(Member::is_moderator);
        match command {
            b".afk" => self.go_away(user, &argument, turn),
            b".back" => {}
            b".caste" | b".info" => self.introduce(user, target, turn),
            b".help" => self.help(user, moderator, turn),
            b".action" | b".me" => self.act(user, &argument, turn),
            b".credits" | b".about" => {
                let line = concat!(
                    "metaserve lobby bridge ",
                    env!("CARGO_PKG_VERSION"),
                    ": Aleph One's games on a live list."
                );
                self.tell(user, line.as_bytes(), turn);
            }
            b".test" => self.test(user, turn),
            b".who" => self.list(user, "Players", |_| true, turn),
            b".available" | b".avail" => {
                self.list(user, "Available", |member| !member.is_away(), turn);
            }
            b".games" => self.list_games(user, turn),
            b".kick" if moderator => self.kick(user, target, turn),
            b".ban" if moderator => {
                let words: Vec<&[u8]> = text::words(line).skip(1).collect();
                self.ban(user, target, &words, turn);
            }
            b".unban" if moderator => self.unban(user, &argument, turn),
            b".rainbow" if moderator => self.toggle_rainbow(turn),
            unknown => {
                let line = [b"Unknown command ", unknown, b"; try .help"].concat();
                self.tell(user, &line, turn);
            }
        }
    }

    fn go_away(&mut self, user: UserId, why: &[u8], turn: &mut Turn<'_>) {
        let why = text::without_controls(why);
        let why = text::cut(&why, turn.limits.away_bytes).to_vec();
        let why = if why.is_empty() { b"afk".to_vec() } else { why };
        self.mark(user, turn, |member| member.away = Some(why));
    }

    fn introduce(&self, user: UserId, target: Option<UserId>, turn: &mut Turn<'_>) {
        let Some(target) = target.and_then(|target| self.members.get(&target)) else {
            return self.tell(user, NO_TARGET, turn);
        };
        let account = &target.profile.login.username[..];
        let line = match (&target.profile.account, target.is_moderator()) {
            (None, _) => [&target.name[..], b"|p is a guest"].concat(),
            (Some(_), false) => {
                [&target.name[..], b"|p is registered as \"", account, b"\""].concat()
            }
            (Some(_), true) => {
                [&target.name[..], b"|p is the moderator \"", account, b"\""].concat()
            }
        };
        self.tell(user, &line, turn);
    }

    fn help(&self, user: UserId, moderator: bool, turn: &mut Turn<'_>) {
        let more = MODERATOR_HELP.iter().filter(|_| moderator);
        for line in HELP.iter().chain(more) {
            self.tell(user, line.as_bytes(), turn);
        }
    }

    fn act(&mut self, user: UserId, what: &[u8], turn: &mut Turn<'_>) {
        if what.is_empty() {
            return self.tell(user, b"A message is required: .me TEXT", turn);
        }
        let Some(member) = self.members.get_mut(&user) else {
            return;
        };
        let next = member.acted.map(|acted| acted + turn.limits.action_time);
        if next.is_some_and(|next| turn.now < next) {
            return self.tell(
                user,
                b"Please wait a little before you do that again.",
                turn,
            );
        }
        member.acted = Some(turn.now);
        let line = [&member.shown_name()[..], b" ", what].concat();
        if let Some(member) = self.members.get(&user) {
            self.announce(member, &line, turn);
        }
    }

    fn test(&mut self, user: UserId, turn: &mut Turn<'_>) {
        let cost = test_cost(turn);
        let Some((member, _, game)) = self.game_of(user) else {
            let line = b"Gather a network game first: you have no game to test.";
            return self.tell(user, line, turn);
        };
        let (address, connection) = (game.address, member.connection);
        let allowed = !member.testing
            && *turn.tests < turn.limits.tests_at_once
            && member.tests.admit(cost, turn.now);
        if !allowed {
            return self.tell(user, b"Please be patient: tests take a while.", turn);
        }
        member.testing = true;
        *turn.tests += 1;
        turn.effects
            .push(Effect::Errand(Errand::Test(connection, address)));
        let line = b"Testing whether others can join your game: this takes a few seconds.";
        self.tell(user, line, turn);
    }

    /// Sends a player the result of a test.
    pub(in crate::aleph_one) fn tested(
        &mut self,
        user: UserId,
        lines: &[String],
        turn: &mut Turn<'_>,
    ) {
        let member = self.members.get_mut(&user);
        let Some(member) = member.filter(|member| member.testing) else {
            return;
        };
        member.testing = false;
        *turn.tests = turn.tests.saturating_sub(1);
        for line in lines {
            self.tell(user, &text::encode(line), turn);
        }
    }

    fn list(
        &self,
        user: UserId,
        title: &str,
        wanted: impl Fn(&Member) -> bool,
        turn: &mut Turn<'_>,
    ) {
        let names = self.visible().filter(|member| wanted(member));
        self.enumerate(user, title, names.map(Member::shown_name), turn);
    }

    fn list_games(&self, user: UserId, turn: &mut Turn<'_>) {
        let names = self.games.values().filter_map(|game| {
            let description = Description::parse(&game.description).ok()?;
            let on: &[u8] = if description.map.is_empty() {
                b""
            } else {
                b" on "
            };
            Some([&description.name[..], b"|p", on, &description.map].concat())
        });
        self.enumerate(user, "Games", names, turn);
    }

    fn enumerate(
        &self,
        user: UserId,
        title: &str,
        names: impl Iterator<Item = Vec<u8>>,
        turn: &mut Turn<'_>,
    ) {
        let start = format!("{title}:").into_bytes();
        let mut line = start.clone();
        let mut any = false;
        for name in names {
            if line.len() + name.len() > LINE_BYTES && line.len() > start.len() {
                self.tell(user, &line, turn);
                line = start.clone();
            }
            if line.len() > start.len() {
                line.extend_from_slice(b"|p,");
            }
            line.push(b' ');
            line.extend_from_slice(&name);
            any = true;
        }
        if !any {
            line.extend_from_slice(b" none");
        }
        self.tell(user, &line, turn);
    }
}
