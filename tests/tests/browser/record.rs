//! All that a server can say of itself, in its details.

use crate::{
    NAMES, ROWS,
    browser::{Browser, Look},
    finding::{facts, open_details},
    list::List,
    row,
};
use serde_json::json;

fn full() -> String {
    let players = [
        ("Ana", 12, "red"),
        ("two\nlines", -3, "blue"),
        ("\u{202e}", 0, "red"),
    ];
    let players =
        players.map(|(name, score, team)| json!({ "name": name, "score": score, "team": team }));
    let record = json!({
        "name": "Full of it", "players": 3, "max_players": 16, "map": "dunes", "mode": "ctf",
        "version": "1.2.3", "password": false, "started": true, "time_left_seconds": 540,
        "region": "Frankfurt", "website": "https://dustys.example.org/?a=b&c",
        "description": format!("For beginners.\n\n\n<b>Be nice</b>. {}", "And so on. ".repeat(40)),
        "tags": ["beginners", "No-Lag", "an-unbroken-tag-of-32-characters"],
        "mods": [{ "name": "big-maps", "version": "2" }, { "name": "fast" }],
        "player_list": players, "mine": { "kept": [true] },
    });
    record.to_string()
}

#[tokio::test]
async fn everything_that_a_server_says_is_in_its_details() {
    let list = List::start(3).await;
    list.put(1000, &full()).await;
    for phone in [false, true] {
        for dark in [false, true] {
            let page = Browser::open(list.http, Look { phone, dark }).await;
            page.until(&row("Full of it")).await;
            open_details(&page, "Full of it").await;
            for text in [
                "regionFrankfurt",
                "tagsbeginners, No-Lag, an-unbroken-tag",
                "descriptionFor beginners. <b>Be nice</b>. And so on.",
                "modsbig-maps 2, fast",
                "player listAna 12 (red)\ntwo lines -3 (blue)\n(no name) 0 (red)",
                "startedyes",
                r#"mine{"kept":[true]}"#,
            ] {
                page.until(&facts(text)).await;
            }
            let link = "document.querySelector('#facts a')";
            page.until(&format!(
                "{link}.getAttribute('href') === 'https://dustys.example.org/?a=b&c' && \
                 {link}.textContent === {link}.getAttribute('href') && \
                 {link}.target === '_blank' && {link}.relList.contains('noopener') && \
                 {link}.relList.contains('noreferrer')"
            ))
            .await;
            // It begins at its top, with the buttons in view.
            page.until(
                "document.getElementById('details').scrollTop === 0 && \
                 document.getElementById('close').getBoundingClientRect().bottom < innerHeight",
            )
            .await;
            // Nothing has to be moved sideways to be read.
            let dialog = "document.getElementById('details')";
            page.until(&format!("{dialog}.scrollWidth <= {dialog}.clientWidth"))
                .await;
            page.screenshot("record").await;
            page.run(&format!("{dialog}.scrollTop = 10000")).await;
            page.screenshot("record-end").await;
            page.close().await;
        }
    }
}

#[tokio::test]
async fn regions_and_tags_are_found() {
    let list = List::start(30).await;
    list.put(1000, &full()).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 31")).await;
    page.type_into("#filter", "no-LAG frankfurt").await;
    page.until(&format!("{ROWS} === 1 && {NAMES}[0] === 'Full of it'"))
        .await;
    page.close().await;
}

#[tokio::test]
async fn a_website_that_is_not_one_is_no_link_and_nothing_of_a_record_runs() {
    let list = List::start(1).await;
    let evil = "<img src=x onerror=\"window.ran = true\">";
    let mut record = json!({
        "name": "Evil", "website": "javascript:window.ran=true", "description": evil,
        "tags": [evil, 5], "mods": [{ "name": evil }], "player_list": [{ "name": evil, "team": evil }],
        "region": ["not", "a", "text"], "\u{202e}bidi": "\u{202e}", "__proto__": { "name": evil },
        "toString": evil, "address": "198.51.100.66:1", "game": "another", "size": "none",
    });
    for number in 0..500 {
        record[format!("f{number}")] = number.into();
    }
    list.put(1000, &record.to_string()).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&row("Evil")).await;
    open_details(&page, "Evil").await;
    page.until(&facts("gamevcmi")).await;
    page.until(&facts("addresses203.0.116.232:27960")).await;
    page.until("document.querySelector('#facts a') === null")
        .await;
    page.until("document.querySelector('#details img') === null")
        .await;
    // Few enough to be read, each with its title kept apart from what is around it.
    page.until("document.querySelectorAll('#facts dt').length < 50")
        .await;
    page.until(
        "[...document.querySelectorAll('#facts dt')].every((it) => it.firstChild.matches('bdi'))",
    )
    .await;
    page.press(crate::browser::ESCAPE).await;
    page.until("!document.getElementById('details').open").await;
    page.until("!('ran' in window)").await;
    page.close().await;
}
