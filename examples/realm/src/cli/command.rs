//! What can be typed at the prompt: each command with its help and its parser, in one table.

use crate::ids::Name;

/// A line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Help(Option<String>),
    Register {
        name: Name,
        password: Option<String>,
    },
    LogIn {
        name: Name,
        password: Option<String>,
    },
    LogOut,
    Characters,
    Create(Name),
    Enter(Name),
    Map,
    Look,
    Move {
        dx: f64,
        dy: f64,
    },
    Detail(String),
    Activate(String),
    Take(String),
    Drop(String),
    Use {
        item: String,
        on: Option<String>,
    },
    Inventory,
    Me,
    Status(String),
    Say(String),
    Whisper {
        to: Name,
        text: String,
    },
    Shout(String),
    Zones,
    Who,
    Kill(String),
    Quit,
}

/// A command of the prompt.
pub(super) struct Verb {
    pub(super) name: &'static str,
    /// What follows it.
    pub(super) arguments: &'static str,
    /// What it does.
    pub(super) help: &'static str,
    parse: fn(&str) -> Result<Command, Wrong>,
}

/// Why the words after a command are not understood.
enum Wrong {
    /// They do not have its form.
    Form,
    /// One of them is not what it should be.
    Word(String),
}

/// All commands, in the order of their help.
pub(super) const VERBS: [Verb; 25] = [
    Verb {
        name: "help",
        arguments: "[COMMAND]",
        help: "Lists the commands, or explains one.",
        parse: |rest| Ok(Command::Help(optional(rest))),
    },
    Verb {
        name: "register",
        arguments: "NAME [PASSWORD]",
        help: "Makes an account. A password that is not given is asked for. Log in afterwards.",
        parse: |rest| {
            let (name, password) = name_and_password(rest)?;
            Ok(Command::Register { name, password })
        },
    },
    Verb {
        name: "login",
        arguments: "NAME [PASSWORD]",
        help: "Logs in to your account. A password that is not given is asked for.",
        parse: |rest| {
            let (name, password) = name_and_password(rest)?;
            Ok(Command::LogIn { name, password })
        },
    },
    Verb {
        name: "logout",
        arguments: "",
        help: "Leaves the world and logs out.",
        parse: |rest| nothing(rest, Command::LogOut),
    },
    Verb {
        name: "characters",
        arguments: "",
        help: "Lists your characters, and the zone that each of them is in.",
        parse: |rest| nothing(rest, Command::Characters),
    },
    Verb {
        name: "create",
        arguments: "NAME",
        help: "Makes a character and enters the world as it.",
        parse: |rest| Ok(Command::Create(name(rest)?)),
    },
    Verb {
        name: "enter",
        arguments: "NAME",
        help: "Enters the world as one of your characters.",
        parse: |rest| Ok(Command::Enter(name(rest)?)),
    },
    Verb {
        name: "map",
        arguments: "",
        help: "Draws what is around you. North is up; a letter is a metre wide and two high.",
        parse: |rest| nothing(rest, Command::Map),
    },
    Verb {
        name: "look",
        arguments: "",
        help: "Lists what is around you, the nearest first, and where it is from you.",
        parse: |rest| nothing(rest, Command::Look),
    },
    Verb {
        name: "move",
        arguments: "DX DY",
        help: "Walks so many metres to the east and to the south: at most 20 m at a time. Negative \
               numbers go west and north. You stop at what stands in your way.",
        parse: |rest| match words(rest)[..] {
            [dx, dy] => Ok(Command::Move {
                dx: metres(dx)?,
                dy: metres(dy)?,
            }),
            _ => Err(Wrong::Form),
        },
    },
    Verb {
        name: "detail",
        arguments: "THING",
        help: "Tells all that is to be seen of something: by its name, its kind or its id; of \
               several, the nearest one.",
        parse: |rest| Ok(Command::Detail(required(rest)?)),
    },
    Verb {
        name: "activate",
        arguments: "THING",
        help: "Does what one does with it: strokes a hen, asks the guide, opens a gate. You walk there \
               first, if it is too far away.",
        parse: |rest| Ok(Command::Activate(required(rest)?)),
    },
    Verb {
        name: "take",
        arguments: "THING",
        help: "Takes something from the ground. You walk there first.",
        parse: |rest| Ok(Command::Take(required(rest)?)),
    },
    Verb {
        name: "drop",
        arguments: "ITEM",
        help: "Lays down something that you carry.",
        parse: |rest| Ok(Command::Drop(required(rest)?)),
    },
    Verb {
        name: "use",
        arguments: "ITEM [on THING]",
        help: "Uses something that you carry, by itself or on something, to which you walk first.",
        parse: |rest| {
            let rest = required(rest)?;
            Ok(match rest.split_once(" on ") {
                Some((item, on)) => Command::Use {
                    item: item.trim().to_owned(),
                    on: Some(required(on)?),
                },
                None => Command::Use {
                    item: rest,
                    on: None,
                },
            })
        },
    },
    Verb {
        name: "inventory",
        arguments: "",
        help: "Lists what you carry.",
        parse: |rest| nothing(rest, Command::Inventory),
    },
    Verb {
        name: "me",
        arguments: "",
        help: "Tells who and where you are, and your statistics.",
        parse: |rest| nothing(rest, Command::Me),
    },
    Verb {
        name: "status",
        arguments: "[WORDS]",
        help: "Changes the words below your name.",
        parse: |rest| Ok(Command::Status(rest.to_owned())),
    },
    Verb {
        name: "say",
        arguments: "WORDS",
        help: "Says something to everybody in your zone.",
        parse: |rest| Ok(Command::Say(required(rest)?)),
    },
    Verb {
        name: "whisper",
        arguments: "NAME WORDS",
        help: "Says something to one character, wherever it is.",
        parse: |rest| {
            let (to, text) = rest.split_once(char::is_whitespace).ok_or(Wrong::Form)?;
            Ok(Command::Whisper {
                to: name(to)?,
                text: required(text)?,
            })
        },
    },
    Verb {
        name: "shout",
        arguments: "WORDS",
        help: "Says something to everybody in the world.",
        parse: |rest| Ok(Command::Shout(required(rest)?)),
    },
    Verb {
        name: "zones",
        arguments: "",
        help: "Lists the zones that are running, the host of each and how many players are there.",
        parse: |rest| nothing(rest, Command::Zones),
    },
    Verb {
        name: "who",
        arguments: "",
        help: "Lists the players in your zone.",
        parse: |rest| nothing(rest, Command::Who),
    },
    Verb {
        name: "kill",
        arguments: "HOST",
        help: "Ends a zone host as a crash would: `kill host-1`. Its zones go on at another one. \
               Only in `realm dev`.",
        parse: |rest| Ok(Command::Kill(required(rest)?)),
    },
    Verb {
        name: "quit",
        arguments: "",
        help: "Leaves the world and ends. So does Ctrl-D.",
        parse: |rest| nothing(rest, Command::Quit),
    },
];

/// Reads a line. `None` if there is nothing on it but a comment, which begins with `#`.
pub(super) fn parse(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let verb = verb(word)?;
    let command = (verb.parse)(rest.trim());
    command.map(Some).map_err(|wrong| match wrong {
        Wrong::Form => format!("usage: {} {}", verb.name, verb.arguments)
            .trim_end()
            .to_owned(),
        Wrong::Word(why) => why,
    })
}

/// A line as it may be shown and kept: without its password. `None` for an empty one.
pub(super) fn shown(line: &str) -> Option<String> {
    let line = line.trim();
    let secret = match parse(line) {
        Ok(Some(Command::Register { password, .. } | Command::LogIn { password, .. })) => password,
        Ok(None) => return None,
        _ => None,
    };
    let shown = secret.and_then(|it| line.strip_suffix(it.as_str()));
    Some(shown.unwrap_or(line).trim_end().to_owned())
}

/// The command of this name, or of which only one name begins so.
pub(super) fn verb(word: &str) -> Result<&'static Verb, String> {
    let word = word.to_ascii_lowercase();
    if let Some(verb) = VERBS.iter().find(|it| it.name == word) {
        return Ok(verb);
    }
    let begun: Vec<_> = VERBS
        .iter()
        .filter(|it| it.name.starts_with(&word))
        .collect();
    match begun[..] {
        [verb] => Ok(verb),
        [] => Err(format!(
            "there is no command `{word}`: `help` lists the commands"
        )),
        _ => {
            let names: Vec<_> = begun.iter().map(|it| it.name).collect();
            Err(format!("`{word}` may be {}", names.join(" or ")))
        }
    }
}

fn words(rest: &str) -> Vec<&str> {
    rest.split_whitespace().collect()
}

fn optional(rest: &str) -> Option<String> {
    Some(rest.trim())
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
}

fn required(rest: &str) -> Result<String, Wrong> {
    optional(rest).ok_or(Wrong::Form)
}

fn nothing(rest: &str, command: Command) -> Result<Command, Wrong> {
    match rest.is_empty() {
        true => Ok(command),
        false => Err(Wrong::Form),
    }
}

fn name(rest: &str) -> Result<Name, Wrong> {
    match words(rest)[..] {
        [name] => name
            .parse()
            .map_err(|why| Wrong::Word(format!("{name}: {why}"))),
        _ => Err(Wrong::Form),
    }
}

fn name_and_password(rest: &str) -> Result<(Name, Option<String>), Wrong> {
    // A password may have spaces inside.
    let (first, password) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Ok((name(first)?, optional(password)))
}

fn metres(word: &str) -> Result<f64, Wrong> {
    let number = word.parse().ok().filter(|it: &f64| it.is_finite());
    number.ok_or_else(|| Wrong::Word(format!("{word} is not a number of metres: `move 3 -1.5`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(line: &str) -> Command {
        parse(line).unwrap().unwrap()
    }

    fn error(line: &str) -> String {
        parse(line).unwrap_err()
    }

    #[test]
    fn lines_are_understood() {
        let ann: Name = "Ann".parse().unwrap();
        let table = [
            ("help", Command::Help(None)),
            ("  HELP move ", Command::Help(Some("move".to_owned()))),
            (
                "login Ann two words",
                Command::LogIn {
                    name: ann.clone(),
                    password: Some("two words".to_owned()),
                },
            ),
            ("create Ann", Command::Create(ann.clone())),
            ("move 3 -1.5", Command::Move { dx: 3.0, dy: -1.5 }),
            ("detail brown egg", Command::Detail("brown egg".to_owned())),
            (
                "use brown egg on hen",
                Command::Use {
                    item: "brown egg".to_owned(),
                    on: Some("hen".to_owned()),
                },
            ),
            (
                "whisper Ann  hello you",
                Command::Whisper {
                    to: ann,
                    text: "hello you".to_owned(),
                },
            ),
            ("status", Command::Status(String::new())),
            ("inv", Command::Inventory),
            ("quit", Command::Quit),
        ];
        for (line, command) in table {
            assert_eq!(ok(line), command, "{line}");
        }
        for empty in ["", "   ", "# a comment"] {
            assert_eq!(parse(empty), Ok(None));
        }
    }

    #[test]
    fn a_mistake_is_answered_with_what_would_be_right() {
        for (line, part) in [
            ("dance", "`help` lists the commands"),
            ("l", "login or logout or look"),
            ("move 3", "usage: move DX DY"),
            ("move east 3", "east is not a number"),
            ("move NaN 3", "NaN is not a number"),
            ("login", "usage: login NAME"),
            ("create A!", "letters and digits"),
            ("map of it", "usage: map"),
            ("whisper Ann", "usage: whisper NAME WORDS"),
        ] {
            let said = error(line);
            assert!(said.contains(part), "{line}: {said}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown(" login Ann two words ").as_deref(), Some("login Ann"));
        assert_eq!(shown("login Ann").as_deref(), Some("login Ann"));
        assert_eq!(shown("move 3 0").as_deref(), Some("move 3 0"));
        assert_eq!(shown("  # nothing"), None);
    }

    #[test]
    fn every_command_understands_its_own_usage() {
        for verb in &VERBS {
            let arguments = verb.arguments.replace(['[', ']'], "");
            let arguments = arguments.replace("DX DY", "1 2");
            let line = format!("{} {arguments}", verb.name);
            assert!(parse(&line).is_ok(), "{line}: {}", error(&line));
        }
    }
}
