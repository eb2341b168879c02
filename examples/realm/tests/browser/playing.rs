//! What players do in a whole world.

use crate::{
    browser::{Browser, LOOKS, Look, RIGHT, patiently},
    log_in, say,
    world::World,
};
use std::{collections::BTreeMap, time::Duration};

const MEADOW: &str = "shared/meadow";
const PASSWORD: &str = "a small secret";

/// Registers, creates a character of the same name, and goes into the world.
async fn enter(page: &Browser, name: &str) {
    page.click("#want-register").await;
    page.type_into("#name", name).await;
    page.type_into("#password", PASSWORD).await;
    page.click("#submit").await;
    page.until("!document.getElementById('choose').hidden")
        .await;
    page.type_into("#character", name).await;
    page.click("#create button").await;
    page.until_says("connection", "Connected").await;
    page.until("document.getElementById('place').textContent")
        .await;
}

async fn newcomer(world: &World, name: &str, look: Look) -> Browser {
    let page = Browser::open(world.page, look).await;
    enter(&page, name).await;
    page
}

/// Chooses what is nearby by its name.
async fn choose(page: &Browser, name: &str) {
    page.until_says("things", name).await;
    page.run(&format!(
        "[...document.querySelectorAll('#things li')]\
         .find((it) => it.textContent.includes({name:?})).querySelector('button').click()"
    ))
    .await;
    page.until_says("thing-name", name).await;
}

/// How often each line of the chat is there.
async fn lines(page: &Browser) -> BTreeMap<String, usize> {
    let lines = page
        .get("[...document.querySelectorAll('#lines li')].map((it) => it.textContent)")
        .await;
    let mut count = BTreeMap::new();
    for line in lines.as_array().unwrap() {
        *count.entry(line.as_str().unwrap().to_owned()).or_default() += 1;
    }
    count
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn a_newcomer_registers_and_walks_in_the_meadow() {
    let world = World::start().await;
    for look in LOOKS {
        let page = Browser::open(world.page, look).await;
        page.until_says("connection", "Watching live").await;
        page.until_says("log-kind", "memory").await;
        page.until_says("scene", "Larkspur Meadow").await;
        page.screenshot("real-entry").await;
        let name = match (look.phone, look.dark) {
            (false, false) => "Ann",
            (false, true) => "Bob",
            (true, false) => "Cleo",
            (true, true) => "Dan",
        };
        enter(&page, name).await;
        page.until_says("title", "Larkspur Meadow").await;
        page.until_says("lines", "memory").await;
        let id = format!("@{}", name.to_lowercase());
        let before = world.until(MEADOW, &id, |_| true).await.at;
        page.run("document.getElementById('view').focus()").await;
        page.hold(RIGHT).await;
        world
            .until(MEADOW, &id, |it| it.at.x > before.x + 2.0)
            .await;
        page.release(RIGHT).await;
        let there = world
            .until(MEADOW, &id, |it| {
                it.at.x > before.x + 2.0 && it.walk.is_none()
            })
            .await
            .at;
        let place = format!("{:.1} east, {:.1} south", there.x, there.y);
        page.until_says("place", &place).await;
        page.screenshot("real-world").await;
        page.close().await;
    }
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn words_reach_those_they_are_for() {
    let world = World::start().await;
    let (ann, bob) = tokio::join!(
        newcomer(&world, "Ann", Look::default()),
        newcomer(&world, "Bob", Look::default()),
    );
    let spectator = Browser::open(world.page, Look::default()).await;
    spectator.until_says("scene", "Ann at").await;
    bob.until_says("players", "Ann").await;

    say(&ann, "<img src=x onerror=\"window.ran = true\">").await;
    bob.until_says("lines", "Ann: <img src=x onerror=\"window.ran = true\">")
        .await;
    say(&ann, "/w bob only for you").await;
    bob.until_says("lines", "Ann (to you): only for you").await;
    ann.until_says("lines", "You (to bob): only for you").await;
    say(&ann, "/all good morning").await;
    bob.until_says("lines", "Ann (to all): good morning").await;
    ann.until_says("lines", "Ann (to all): good morning").await;
    say(&ann, "/w nobody hello").await;
    ann.until_says("lines", "nobody is not here").await;
    say(&ann, "/status picking flowers").await;
    bob.until_says("players", "picking flowers").await;
    assert_eq!(lines(&bob).await["Ann (to you): only for you"], 1);
    assert_eq!(bob.get("document.images.length").await, 0);
    assert_eq!(bob.get("'ran' in window").await, false);

    // A spectator sees somebody walk, without a log-in.
    let before = spectator
        .get("document.getElementById('scene').textContent")
        .await;
    bob.run("document.getElementById('view').focus()").await;
    bob.hold(RIGHT).await;
    spectator
        .until(&format!(
            "document.getElementById('scene').textContent !== {before}"
        ))
        .await;
    bob.release(RIGHT).await;
    for page in [ann, bob, spectator] {
        page.close().await;
    }
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn an_egg_is_taken_and_goes_along_through_the_gate() {
    let world = World::start().await;
    let page = newcomer(&world, "Ann", Look::default()).await;
    let carries = "document.querySelectorAll('#items li').length === 1";
    go_and(&page, "#take", "egg", carries).await;
    let bag = "document.getElementById('items').textContent";
    page.until(&format!("{bag}.includes('egg')")).await;

    // The pond is between the eggs and the steps, but not between the guide and them.
    let spoken = "/Say cellar, garden/.test(document.getElementById('lines').innerText)";
    go_and(&page, "#activate", "Osric", spoken).await;
    let there = "/Moss Cellar/.test(document.getElementById('title').textContent)";
    go_and(&page, "#activate", "Steps to the cellar", there).await;
    page.until_says("title", "Moss Cellar").await;
    page.until(&format!("{bag}.includes('egg')")).await;
    let ann = world.until("shared/cellar", "@ann", |_| true).await;
    assert_eq!(ann.player.unwrap().sheet.inventory.len(), 1);
    assert_eq!(world.object(MEADOW, "@ann").await, None);
    page.screenshot("real-cellar").await;

    page.run("document.querySelector('#items button:last-of-type').click()")
        .await;
    page.until("document.querySelectorAll('#items li').length === 0")
        .await;
    page.until_says("things", "egg").await;
    // It is there after a new log-in too.
    page.click("#leave").await;
    page.click("#characters button").await;
    page.until_says("title", "Moss Cellar").await;
    page.until_says("things", "egg").await;
    page.close().await;
}

/// Chooses something and presses the button for it, again whenever a hen is in the way, until that
/// has come of it.
async fn go_and(page: &Browser, button: &str, name: &str, done: &str) {
    choose(page, name).await;
    let arrive = async {
        while page.get(&format!("Boolean({done})")).await != true {
            page.run(&format!("document.querySelector({button:?}).click()"))
                .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    patiently(name, arrive).await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn a_gateway_that_is_restarted_loses_and_doubles_nothing() {
    let world = World::start().await;
    let (ann, bob) = tokio::join!(
        newcomer(&world, "Ann", Look::default()),
        newcomer(&world, "Bob", Look::default()),
    );
    for round in 0..2 {
        say(&ann, &format!("before {round}")).await;
        // What others say during the break is not told again, and what she says herself neither.
        ann.until_says("lines", &format!("Ann: before {round}"))
            .await;
        world.stop_gateway().await;
        ann.until_says("connection", "Connection lost").await;
        say(&ann, &format!("meanwhile {round}")).await;
        world.restart_gateway().await;
        ann.until_says("connection", "Connected").await;
        bob.until_says("connection", "Connected").await;
        say(&ann, &format!("after {round}")).await;
        ann.until_says("lines", &format!("Ann: after {round}"))
            .await;
        bob.until_says("lines", &format!("Ann: after {round}"))
            .await;
    }
    for (line, count) in lines(&ann).await {
        assert_eq!(count, 1, "{line}");
    }
    for round in 0..2 {
        for when in ["before", "meanwhile", "after"] {
            ann.until_says("lines", &format!("Ann: {when} {round}"))
                .await;
        }
    }
    // A reloaded page goes on in the same session.
    ann.reload().await;
    ann.until_says("connection", "Connected").await;
    say(&ann, "reloaded").await;
    bob.until_says("lines", "Ann: reloaded").await;
    ann.close().await;
    bob.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn what_is_wrong_is_said_in_words() {
    let world = World::start().await;
    let page = newcomer(&world, "Ann", Look::default()).await;
    let other = Browser::open(world.page, Look::default()).await;
    other.click("#want-register").await;
    other.type_into("#name", "ANN").await;
    other.type_into("#password", PASSWORD).await;
    other.click("#submit").await;
    other.until_says("account-error", "taken").await;
    other.until("document.activeElement.id === 'name'").await;
    other.click("#want-log-in").await;
    other.type_into("#password", "not this one").await;
    other.click("#submit").await;
    other
        .until("document.getElementById('account-error').textContent.length > 10")
        .await;
    other.screenshot("real-wrong").await;
    // The same account at a second place is refused while it is played at the first.
    log_in(&other, "ann", PASSWORD).await;
    other.click("#characters button").await;
    other
        .until("document.getElementById('choose-error').textContent.length > 10")
        .await;
    other.until("document.body.dataset.stage === 'entry'").await;
    page.until_says("connection", "Connected").await;
    // Once the first has left, it may.
    page.click("#log-out").await;
    page.until("!document.getElementById('account').hidden")
        .await;
    other.click("#characters button").await;
    other.until_says("connection", "Connected").await;
    page.close().await;
    other.close().await;
}
