//! Scripts that do harm, or try to.

use super::*;
use crate::scripts::sandbox::Budget;
use std::time::{Duration, Instant};

#[test]
fn a_hostile_call_ends_and_says_where() {
    for (statements, expected) in [
        ("loop {}", "line 2: has not ended after 100000 operations"),
        (
            "while true { let x = 1; }",
            "line 2: has not ended after 100000 operations",
        ),
        (
            "for i in range(0, 1000000000000) {}",
            "line 2: has not ended after 100000 operations",
        ),
        (
            "on_activate(me, player);",
            "line 2: more than 16 calls deep",
        ),
        (
            "let f = Fn(\"on_activate\"); f.call(me, player);",
            "line 2: more than 16 calls deep",
        ),
        (
            "let a = []; loop { a = [a]; }",
            "line 2: Size of array/BLOB too large",
        ),
        (
            "let a = #{}; loop { a = #{ a: a }; }",
            "line 2: Size of object map too large",
        ),
        (
            "let a = []; loop { a.push(1); }",
            "line 2: Size of array/BLOB too large",
        ),
        (
            "let a = []; a.pad(1000000000, 1);",
            "line 2: Size of array/BLOB too large",
        ),
        (
            "let a = blob(1000000000);",
            "line 2: Size of array/BLOB too large",
        ),
        (
            "let a = \"x\"; loop { a += a; }",
            "line 2: Length of string too large",
        ),
        (
            "let a = \"\"; a.pad(1000000000, 'x');",
            "line 2: Length of string too large",
        ),
        (
            "loop { say(\"x\"); }",
            "line 3: a call has at most 32 wishes",
        ),
        ("\n\nthrow \"no\";", "line 5: no"),
        ("1 / 0", "line 3: Division by zero: 1 / 0"),
        ("[1][7]", "line 3: Array index 7 out of bounds"),
        ("nonsense(1);", "line 3: Function not found: nonsense (i64)"),
        ("open(\"/etc/passwd\")", "line 3: Function not found: open"),
        ("sleep(1000000);", "line 3: a script cannot sleep"),
        ("sleep(1000000.0);", "line 3: a script cannot sleep"),
        (
            "me.memory.f = Fn(\"on_tick\");",
            "line 2: me.memory holds numbers, texts",
        ),
        (
            "me.memory.f = blob(10);",
            "line 2: me.memory holds numbers, texts",
        ),
        (
            "try { loop {} } catch { true }",
            "line 2: has not ended after 100000 operations",
        ),
    ] {
        let failure = run(statements).unwrap_err().to_string();
        assert!(failure.starts_with(expected), "{statements}: {failure}");
    }
}

#[test]
fn what_leads_out_of_the_sandbox_does_not_compile() {
    for (statements, expected) in [
        (
            "eval(\"1\");",
            "line 3: reserved keyword 'eval' is disabled",
        ),
        (
            "import \"x\" as y;",
            "line 3: 'import' is a reserved keyword",
        ),
        ("export x;", "line 3: "),
        ("let a = price;", "line 3: "),
        ("}", "line 4: "),
    ] {
        let failure = run(statements).unwrap_err().to_string();
        assert!(failure.starts_with(expected), "{statements}: {failure}");
    }
    let deep = format!("let a = {}1{};", "(".repeat(5000), ")".repeat(5000));
    assert!(
        run(&deep).unwrap_err().why.contains("complexity"),
        "{:?}",
        run(&deep)
    );
}

/// Each operation copies or compares as much as it can.
#[test]
fn an_expensive_call_ends() {
    for statement in ["m == n", "debug(m)", "m.to_json()", "x.filter(|it| true)"] {
        let text = format!(
            "let x = []; x.pad(128, 1); let m = #{{}}; \
             for i in 0..127 {{ m[\"k\" + i] = i; }} let n = m; loop {{ {statement}; }}"
        );
        let failure = run(&text).unwrap_err();
        assert!(
            failure.why.starts_with("has not ended after"),
            "{statement}: {failure}"
        );
    }
}

#[test]
fn a_call_that_was_stopped_by_others_is_not_ended() {
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no other way to have an Instant"
    )]
    let begin = Instant::now();
    let mut budget = Budget::default();
    assert!(!budget.is_spent(begin));
    assert!(!budget.is_spent(begin + Duration::from_secs(3600)));
    let mut slow = begin + Duration::from_secs(3600);
    let mut steps = 0;
    while !budget.is_spent(slow) {
        slow += Duration::from_millis(10);
        steps += 1;
    }
    assert_eq!(steps, 50 - 2 + 1);
}

/// A thread of the runtime, or of a test, has 2 MiB.
#[test]
fn the_deepest_calls_fit_on_the_stack_of_a_thread() {
    let engine = crate::scripts::sandbox::engine();
    let text = (1..40).rev().find_map(|depth| {
        let nested = (0..depth).fold("f(1)".to_owned(), |inner, _| format!("[1 + {inner}]"));
        let text = format!("fn f(x) {{ {nested} }}\nfn on_tick(me) {{ f(1) }}");
        crate::scripts::sandbox::compile(&engine, &text)
            .is_ok()
            .then_some(text)
    });
    let text = text.unwrap();
    assert!(text.matches("[1").count() >= 8, "{text}");
    let folder = Folder::with(&[("it", &text)]);
    let mut hooks = folder.content().hooks().unwrap();
    let failure = call(&mut *hooks, Hook::Tick, &hen()).unwrap_err();
    assert_eq!(failure.why, "more than 16 calls deep");
}

#[test]
fn an_object_remembers_no_more_than_it_may() {
    let fits = "let a = \"\"; a.pad(2000, 'x'); me.memory.a = a;";
    assert!(run(fits).is_ok());
    // Each text is within its own limit, and control characters grow in JSON.
    let large = "let a = \"\"; a.pad(2000, '\\x01'); me.memory.a = a;";
    let failure = run(large).unwrap_err().to_string();
    let expected = "line 2: me.memory has 12008 bytes of JSON, more than 4096";
    assert_eq!(failure, expected);
}

#[test]
fn a_failing_hook_leaves_nothing_for_the_next_call() {
    let text = "fn on_hit(me, attacker, damage) { say(\"first\"); me.memory.x = 1; throw \"no\"; }
fn on_tick(me) { say(`second ${me.memory}`); }";
    let folder = Folder::with(&[("it", text)]);
    let mut hooks = folder.content().hooks().unwrap();
    assert!(call(&mut *hooks, Hook::Hit, &hen()).is_err());
    let answer = call(&mut *hooks, Hook::Tick, &hen()).unwrap().unwrap();
    assert_eq!(says(&answer), ["second #{}"]);
    assert_eq!(answer.memory, None);
}

#[test]
fn a_script_that_throws_in_each_hook_fails_in_each() {
    let functions = functions::FUNCTIONS.map(|(_, name, parameters)| {
        let list: String = parameters.iter().map(|it| format!(", {it}")).collect();
        format!("fn {name}(me{list}) {{ say(\"x\"); throw \"{name}\"; }}\n")
    });
    let folder = Folder::with(&[("it", &functions.concat())]);
    let mut hooks = folder.content().hooks().unwrap();
    for (number, (hook, function, _)) in functions::FUNCTIONS.into_iter().enumerate() {
        let failure = call(&mut *hooks, hook, &hen()).unwrap_err();
        let expected = Failure {
            line: Some(number + 1),
            why: function.to_owned(),
        };
        assert_eq!(failure, expected);
    }
}

#[test]
fn a_function_that_is_no_hook_is_a_mistake() {
    for (text, expected) in [
        (
            "\nfn on_actiavte(me) {}",
            "line 2: there is no hook on_actiavte",
        ),
        (
            "\nfn on_say(me, player) {}",
            "line 2: expected on_say(me, player, text)",
        ),
        ("\nfn on_tick() {}", "line 2: expected on_tick(me)"),
    ] {
        let folder = Folder::with(&[("it", text)]);
        let mut hooks = folder.content().hooks().unwrap();
        let failure = call(&mut *hooks, Hook::Tick, &hen()).unwrap_err();
        assert_eq!(failure.to_string(), expected);
    }
}

#[test]
fn a_file_that_is_no_script_fails_the_objects_that_have_it_and_no_others() {
    let well = ("well", "fn on_tick(me) { say(\"tick\"); }");
    let outside = tempfile::NamedTempFile::new().unwrap();
    type Make<'a> = &'a dyn Fn(&std::path::Path);
    let cases: [(Make<'_>, &str); 6] = [
        (
            &|path| fs::write(path, b"fn f() {}\n\xff").unwrap(),
            "line 2: is not text in UTF-8",
        ),
        (
            &|path| fs::write(path, vec![b' '; 10_000_000]).unwrap(),
            "has more than 256 KiB",
        ),
        (&|path| fs::create_dir(path).unwrap(), "is no file"),
        (
            &|path| std::os::unix::fs::symlink(outside.path(), path).unwrap(),
            "is a link that leads out of its folder",
        ),
        (
            &|path| std::os::unix::fs::symlink("nowhere", path).unwrap(),
            "cannot read",
        ),
        (&|_| (), "there is no script it"),
    ];
    for (make, expected) in cases {
        let folder = Folder::with(&[well]);
        make(&folder.script("it"));
        let mut hooks = folder.content().hooks().unwrap();
        let failure = call(&mut *hooks, Hook::Tick, &hen()).unwrap_err();
        assert!(failure.why.contains(expected), "{failure}");
        let hen = hen();
        let call = Call {
            hook: Hook::Tick,
            me: &hen,
            other: None,
            actor: None,
            near: &[],
            text: "",
            amount: 0,
            now: 0,
            seed: 0,
        };
        assert!(hooks.call(&name("well"), &call).unwrap().is_some());
    }
}

#[test]
fn a_folder_of_scripts_that_cannot_be_read_is_told_at_the_start() {
    let folder = Folder::with(&[]);
    fs::remove_dir(folder.0.path().join("scripts")).unwrap();
    let mistake = format!("{:#}", Content::load(Some(folder.0.path())).unwrap_err());
    assert!(mistake.contains("cannot read the folder /"), "{mistake}");
}
