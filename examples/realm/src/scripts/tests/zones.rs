//! Scripts in zones: what a bad one does to the others.

use super::{
    reload::{library, unwatched},
    *,
};
use crate::{
    command::{Action, Arrival, Command, Happening},
    ids::SessionId,
    log::{Commit, Cursor},
    world::{World, physics::Physics},
};

const TWO: &str = r#"title = "A yard"
width = 20
height = 20
start = { x = 5, y = 5 }

[[object]]
id = "bad"
kind = "bell"
name = "Bad"
x = 3
y = 4
script = "it"

[[object]]
id = "good"
kind = "bell"
name = "Good"
x = 4
y = 3
script = "echo"
"#;

const ECHO: &str = "fn on_say(me, player, text) { say(\"Good heard \" + text); }";

/// A zone that Ann is in.
struct Zone {
    world: World,
    read: u64,
}

impl Zone {
    fn of(library: &Arc<Library>, zone: &str) -> Self {
        let map = Map::read(name("yard"), TWO).unwrap();
        let hooks = Box::new(unwatched(library));
        let zone = zone.parse().unwrap();
        let world = World::new(zone, &map, None, 1, hooks, Physics::Off, 0).unwrap();
        let mut zone = Self { world, read: 0 };
        zone.act(Action::Enter(Arrival {
            account: "Ann".parse().unwrap(),
            at: None,
            sheet: Sheet::default(),
            seq: 0,
        }));
        zone
    }

    fn act(&mut self, action: Action) -> Commit {
        let session: SessionId = "the-session-of-Ann".parse().unwrap();
        let command = Command {
            character: "Ann".parse().unwrap(),
            session,
            seq: self.read,
            action,
        };
        self.read += 1;
        let inputs = vec![(Cursor(self.read, 0), command)];
        self.world.step(inputs, self.read * 50).unwrap()
    }

    /// What the zone hears after Ann has said this.
    fn say(&mut self, text: &str) -> Vec<String> {
        let commit = self.act(Action::Say {
            text: text.to_owned(),
        });
        let said = commit
            .output
            .events
            .into_iter()
            .filter_map(|it| match it.what {
                Happening::Said { from, text } => Some(format!("{from}: {text}")),
                _ => None,
            });
        said.collect()
    }

    fn failed(&self, id: &str) -> Option<&str> {
        let object = self.world.objects().find(|it| it.id.as_str() == id);
        object.unwrap().failed.as_deref()
    }
}

#[test]
fn an_endless_script_leaves_the_rest_of_its_zone_and_other_zones_alone() {
    let endless = "fn on_say(me, player, text) {\n  say(\"lost\");\n  me.memory.x = 1;\n  if text == \"now\" { loop {} }\n}";
    let folder = Folder::with(&[("it", endless), ("echo", ECHO)]);
    let library = library(&folder);
    let mut zone = Zone::of(&library, "shared/yard");
    let mut other = Zone::of(&library, "solo/yard/ann");
    assert_eq!(zone.say("now"), ["Ann: now", "Good: Good heard now"]);
    let why = "line 1: has not ended after 100000 operations";
    assert_eq!(zone.failed("bad"), Some(why));
    assert_eq!(zone.failed("good"), None);
    let bad = zone
        .world
        .objects()
        .find(|it| it.id.as_str() == "bad")
        .unwrap();
    assert!(bad.memory.is_empty(), "nothing of it is done");
    assert_eq!(zone.say("again"), ["Ann: again", "Good: Good heard again"]);
    assert_eq!(
        other.say("again"),
        ["Ann: again", "Bad: lost", "Good: Good heard again"]
    );
    assert_eq!(other.failed("bad"), None);
}

#[test]
fn an_object_that_has_failed_begins_anew_when_its_script_is_mended() {
    let throws = "fn on_say(me, player, text) { throw \"no\"; }";
    let folder = Folder::with(&[("it", throws), ("echo", ECHO)]);
    let library = library(&folder);
    let mut zone = Zone::of(&library, "shared/yard");
    zone.say("one");
    assert_eq!(zone.failed("bad"), Some("line 1: no"));
    zone.world.scripts_edited();
    zone.say("two");
    assert_eq!(zone.failed("bad"), Some("line 1: no"), "nothing was edited");
    let mended = "fn on_create(me) { me.memory.n = 7; }\nfn on_say(me, player, text) { say(`Bad has ${me.memory.n}`); true }";
    fs::write(folder.script("it"), mended).unwrap();
    library.shelf().read_again().unwrap();
    zone.world.scripts_edited();
    assert_eq!(
        zone.say("three"),
        ["Bad: Bad has 7", "Good: Good heard three"]
    );
    assert_eq!(zone.failed("bad"), None);
}
