mod page;
mod reload;
mod sandbox;
mod zones;

use super::*;
use crate::{
    content::{Content, Map},
    ids::{Name, ObjectId},
    object::{Object, Player, Sheet},
    world::hooks::{Hook, Wish},
};
use std::{fs, path::PathBuf};

const YARD: &str = r#"title = "A yard"
width = 20
height = 20
start = { x = 1, y = 2 }

[[object]]
id = "hen-1"
kind = "hen"
name = "Berta"
x = 3
y = 4
"#;

/// A content folder with these scripts, and the maps of the program and one more.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(scripts: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for it in ["maps", "scripts"] {
            fs::create_dir(folder.0.path().join(it)).unwrap();
        }
        for (name, text) in crate::content::embedded::MAPS
            .iter()
            .chain(&[("yard", YARD)])
        {
            fs::write(folder.0.path().join(format!("maps/{name}.toml")), text).unwrap();
        }
        for (name, text) in scripts {
            fs::write(folder.script(name), text).unwrap();
        }
        folder
    }

    fn script(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("scripts/{name}.rhai"))
    }

    fn content(&self) -> Content {
        Content::load(Some(self.0.path())).unwrap()
    }
}

fn name(text: &str) -> MapName {
    text.parse().unwrap()
}

fn hen() -> Object {
    Map::read(name("yard"), YARD).unwrap().objects.remove(0)
}

fn ann() -> Object {
    let ann: Name = "Ann".parse().unwrap();
    Object {
        id: ObjectId::player(&ann),
        kind: "player".to_owned(),
        name: "Ann".to_owned(),
        at: crate::object::Point { x: 6.0, y: 8.0 },
        player: Some(Box::new(Player {
            name: ann.clone(),
            account: ann,
            session: "0123456789abcdef".parse().unwrap(),
            seq: 0,
            sheet: Sheet::default(),
        })),
        ..hen()
    }
}

/// Calls a hook of the script `it`: Ann does something to a hen.
fn call(hooks: &mut dyn Hooks, hook: Hook, me: &Object) -> Result<Option<Answer>, Failure> {
    let ann = ann();
    let call = Call {
        hook,
        me,
        other: Some(&ann),
        actor: Some(&ann),
        near: &[&ann],
        text: "hello",
        amount: 7,
        now: 5000,
        seed: 1,
    };
    hooks.call(&name("it"), &call)
}

/// Runs these statements in `on_activate`.
fn run(statements: &str) -> Result<Answer, Failure> {
    run_as(&hen(), statements)
}

fn run_as(me: &Object, statements: &str) -> Result<Answer, Failure> {
    let text = format!("// A test.\nfn on_activate(me, player) {{\n{statements}\n}}");
    let folder = Folder::with(&[("it", &text)]);
    let mut hooks = folder.content().hooks().unwrap();
    call(&mut *hooks, Hook::Activate, me).map(Option::unwrap)
}

fn says(answer: &Answer) -> Vec<&str> {
    let words = answer.wishes.iter().filter_map(|it| match it {
        Wish::Say(words) => Some(words.as_str()),
        _ => None,
    });
    words.collect()
}

#[test]
fn a_hook_wishes_in_order_and_skips_the_default_by_true() {
    let answer = run("say(\"Cluck\"); move(1, -0.5); true").unwrap();
    assert!(answer.done);
    assert_eq!(
        answer.wishes,
        [Wish::Say("Cluck".to_owned()), Wish::Move(1.0, -0.5)]
    );
    assert_eq!(answer.memory, None);
    for other in ["", "false", "1", "\"true\"", "return;"] {
        assert!(!run(other).unwrap().done, "{other}");
    }
}

#[test]
fn the_scripts_of_the_program_compile() {
    let library = Library::open(None, Arc::default()).unwrap();
    let (_, scripts) = library.since(0);
    assert_eq!(scripts.len(), crate::content::embedded::SCRIPTS.len());
    for (name, compiled) in scripts {
        assert_eq!(compiled.err(), None, "{name}");
    }
}

#[test]
fn each_hook_is_called_with_what_it_is_about() {
    let functions = functions::FUNCTIONS.map(|(_, name, parameters)| {
        let list: String = parameters.iter().map(|it| format!(", {it}")).collect();
        let tell: String = parameters
            .iter()
            .map(|it| format!(" + \" \" + {it}"))
            .collect();
        format!("fn {name}(me{list}) {{ say(\"{name} \" + me{tell}); }}\n")
    });
    let folder = Folder::with(&[("it", &functions.concat())]);
    let mut hooks = folder.content().hooks().unwrap();
    for (hook, function, parameters) in functions::FUNCTIONS {
        let answer = call(&mut *hooks, hook, &hen()).unwrap().unwrap();
        let about: String = parameters
            .iter()
            .map(|it| match *it {
                "text" => " hello",
                "damage" | "level" => " 7",
                _ => " Ann (@ann)",
            })
            .collect();
        assert_eq!(says(&answer), [format!("{function} Berta (hen-1){about}")]);
    }
}

#[test]
fn a_hook_that_the_script_has_not_is_nothing() {
    let folder = Folder::with(&[("it", "fn on_tick(me) { say(\"tick\"); }")]);
    let mut hooks = folder.content().hooks().unwrap();
    assert_eq!(call(&mut *hooks, Hook::Hit, &hen()), Ok(None));
    let answer = call(&mut *hooks, Hook::Tick, &hen()).unwrap().unwrap();
    assert_eq!(says(&answer), ["tick"]);
}

#[test]
fn memory_is_kept_and_told_only_if_it_has_changed() {
    let mut me = hen();
    let count = "me.memory.eggs = (me.memory.eggs ?? 0) + 1; say(`${me.memory.eggs} eggs`);";
    for eggs in 1..=3 {
        let answer = run_as(&me, count).unwrap();
        assert_eq!(says(&answer), [format!("{eggs} eggs")]);
        me.memory = answer.memory.unwrap();
    }
    assert_eq!(
        serde_json::Value::from(me.memory.clone()),
        serde_json::json!({ "eggs": 3 })
    );
    assert_eq!(run_as(&me, "me.memory.eggs = 3;").unwrap().memory, None);
    assert_eq!(
        run_as(&me, "let eggs = me.memory.eggs;").unwrap().memory,
        None
    );
    let all = "me.memory.all = [1, 1.5, \"x\", 'y', true, (), #{ a: [[]] }];";
    let memory = run(all).unwrap().memory.unwrap();
    let expected = serde_json::json!([1, 1.5, "x", "y", true, null, { "a": [[]] }]);
    assert_eq!(memory["all"], expected);
    me.memory = memory;
    assert_eq!(
        says(&run_as(&me, "say(me.memory.all.to_string())").unwrap()).len(),
        1
    );
}

#[test]
fn chance_comes_from_the_seed_alone() {
    let folder = Folder::with(&[("it", "fn on_tick(me) { roll(1000); roll(1000); }")]);
    let mut first = folder.content().hooks().unwrap();
    let mut second = folder.content().hooks().unwrap();
    let rolled = call(&mut *first, Hook::Tick, &hen()).unwrap().unwrap();
    assert_eq!(
        call(&mut *first, Hook::Tick, &hen()).unwrap().unwrap(),
        rolled
    );
    assert_eq!(
        call(&mut *second, Hook::Tick, &hen()).unwrap().unwrap(),
        rolled
    );
    let &[Wish::Roll(1000, one), Wish::Roll(1000, other)] = &rolled.wishes[..] else {
        panic!("{rolled:?}");
    };
    assert_ne!(one, other);
}

#[test]
fn objects_are_read_only_and_have_no_foreign_memory() {
    for (statements, expected) in [
        ("me.x = 1;", "line 3: No writable property 'x'"),
        (
            "player.name = \"Bob\";",
            "line 3: No writable property 'name'",
        ),
        (
            "player.memory.x = 1;",
            "line 3: only Ann itself knows its memory",
        ),
        ("let it = player.session;", "line 3: "),
        ("give(me, \"egg\", \"egg\");", "line 3: Berta is no player"),
        ("warp(me, \"meadow\", 1, 1);", "line 3: Berta is no player"),
        ("whisper(me, \"hello\");", "line 3: Berta is no player"),
    ] {
        let failure = run(statements).unwrap_err().to_string();
        assert!(failure.starts_with(expected), "{statements} {failure}");
    }
}

#[test]
fn what_a_helper_is_given_is_checked() {
    for (statement, expected) in [
        (
            "say(\"\")",
            "what it says has not 1 to 500 bytes without control characters",
        ),
        ("say(\"a\\nb\")", "what it says has not"),
        (
            "let a = \"\"; a.pad(501, 'x'); say(a)",
            "what it says has not",
        ),
        (
            "let a = \"\"; a.pad(61, 'x'); status(a)",
            "the status has not 1 to 60 bytes",
        ),
        ("move(20, 20)", "That is too far: 20 m at most."),
        ("move(0, -0.0/0.0)", "That is no direction."),
        ("move(0, 1.0/0.0)", "That is no direction."),
        ("move(\"far\", 0)", "expected a number, not string"),
        ("roll(1)", "1 is not from 2 to 1000"),
        ("roll(-1)", "-1 is not from 2 to 1000"),
        ("random(0)", "0 is not from 1 to 1000000"),
        ("wake_in(0)", "0 is not from 1 to 2592000000"),
        (
            "wake_in(9223372036854775807)",
            "9223372036854775807 is not from 1 to 2592000000",
        ),
        ("damage(player, 0)", "0 is not from 1 to 1000"),
        ("body(\"solid\")", "a body is none, fixed, loose or walker"),
        (
            "warp(player, \"../x\", 1, 1)",
            "\"../x\": a map has a name of",
        ),
        ("warp(player, \"attic\", 1, 1)", "there is no map attic"),
        (
            "warp_solo(player, \"attic\", 1, 1)",
            "there is no map attic",
        ),
        ("warp(player, \"yard\", 1, 21)", "1, 21 is not on the map"),
        (
            "drop(\"egg\", \"egg\", \"../x\")",
            "\"../x\": a map has a name of",
        ),
        ("place(me, 1001, 0)", "1001 is more than 1000 metres"),
    ] {
        let failure = run(statement).unwrap_err();
        assert_eq!(failure.line, Some(3), "{statement}");
        assert!(failure.why.starts_with(expected), "{statement}: {failure}");
    }
}
