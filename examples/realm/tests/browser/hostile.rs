//! What a broken or hostile server can show a player.

use crate::{
    browser::{Browser, Look},
    log_in,
    scripted::{Scripted, Socket, ann, delta, seen, snapshot},
};
use realm::{
    command::Happening,
    messages::{Down, Scope},
};

const EVIL: &str = "<img src=x onerror=\"window.ran = true\"><script>window.ran = true</script>";

async fn playing(objects: Vec<realm::object::Seen>) -> (Scripted, Browser, Socket) {
    let mut gateway = Scripted::start(600).await;
    let page = Browser::open(gateway.address, Look::default()).await;
    log_in(&page, "ann", "right").await;
    page.click("#characters button").await;
    let socket = gateway.play(0, objects).await;
    page.until_says("connection", "Connected").await;
    (gateway, page, socket)
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn the_text_of_others_is_never_markup() {
    let mut hen = seen("hen", "hen", EVIL, 5.5, 5.0);
    hen.status = EVIL.into();
    let (_gateway, page, mut socket) = playing(vec![ann(), hen]).await;
    for scope in [Scope::Zone, Scope::All, Scope::To("Ann".parse().unwrap())] {
        let (from, text) = (EVIL.to_owned(), EVIL.to_owned());
        socket
            .say(&Down::Said {
                scope,
                from,
                text,
                mail: None,
            })
            .await;
    }
    let events = vec![Happening::Told { text: EVIL.into() }];
    socket
        .say(&Down::Delta {
            rev: 8,
            changed: Vec::new(),
            gone: Vec::new(),
            events,
        })
        .await;
    let why = EVIL.to_owned();
    socket.say(&Down::Refused { seq: 9, why }).await;
    page.until("document.querySelectorAll('#lines li').length === 6")
        .await;
    let shown = format!(
        "[...document.querySelectorAll('#lines li')].slice(1).every((it) => it.textContent.includes({EVIL:?}))"
    );
    page.until(&shown).await;
    page.click("#things button").await;
    page.until_says("thing-name", "<img src=x").await;
    page.click("#look").await;
    // If an image had been created, its error would have come before that of this one.
    let waited = "new Promise((done) => { const image = new Image(); image.onerror = done; \
                  image.src = '/nothing-there'; }).then(() => true)";
    page.get(waited).await;
    page.until("!('ran' in window) && document.images.length === 0")
        .await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn endless_names_and_control_characters_leave_the_page_in_shape() {
    let endless = "W".repeat(20_000);
    let mut player = seen(
        "@bob",
        "player",
        &format!("\u{202e}{endless}\0\u{7}"),
        6.0,
        5.0,
    );
    player.status = format!("{endless}\u{301}{}", "\u{301}".repeat(5_000));
    let hen = seen("hen", "hen", "\u{200b}\u{202e} \n", 5.5, 5.0);
    let (_gateway, page, mut socket) = playing(vec![ann(), player, hen]).await;
    for text in [
        endless.clone(),
        "\u{1b}[31m\u{202e}backwards\u{9b}".to_owned(),
        String::new(),
    ] {
        let (scope, from) = (Scope::Zone, endless.clone());
        socket
            .say(&Down::Said {
                scope,
                from,
                text,
                mail: None,
            })
            .await;
    }
    page.until("document.querySelectorAll('#lines li').length === 4")
        .await;
    page.until("/^[^\\p{Cc}\\u202e]*$/u.test(document.body.textContent.replaceAll('\\n', ''))")
        .await;
    page.until("document.getElementById('lines').textContent.length < 2000")
        .await;
    page.click("#players button").await;
    page.until("document.getElementById('thing-name').textContent.length === 32")
        .await;
    page.until("document.documentElement.scrollWidth <= innerWidth")
        .await;
    page.until("document.documentElement.scrollHeight <= innerHeight")
        .await;
    page.until("[...document.querySelectorAll('aside, aside section, #lines')].every((it) => it.scrollWidth <= it.clientWidth)").await;
    page.screenshot("endless").await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn only_what_is_in_view_is_drawn() {
    let far = (0..1000).map(|it| {
        let (x, y) = (f64::from(it % 32) * 8.0, f64::from(it / 32) * 8.0);
        seen(&format!("hen-{it}"), "hen", "Hen", x, y)
    });
    let (_gateway, page, _socket) = playing(far.chain([ann()]).collect()).await;
    // A frame sets the place of each object that it draws.
    page.run(
        "const context = CanvasRenderingContext2D.prototype, real = context.setTransform; \
         let count = 0; \
         context.setTransform = function (...all) { count += 1; return real.apply(this, all); }; \
         const frame = () => { window.drawn = count; count = 0; requestAnimationFrame(frame); }; \
         requestAnimationFrame(frame)",
    )
    .await;
    page.until("window.drawn > 4").await;
    page.until("window.drawn < 100").await;
    page.until("document.querySelectorAll('#here li').length < 70")
        .await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn frames_that_make_no_sense_change_nothing() {
    let (_gateway, page, mut socket) = playing(vec![ann()]).await;
    for frame in [
        "",
        "nonsense",
        "null",
        "[]",
        "7",
        "{}",
        r#"{"type":"delta"}"#,
        r#"{"type":"unheard-of"}"#,
        r#"{"type":"said"}"#,
        r#"{"type":"delta","rev":8,"changed":{"a":1},"gone":7,"events":"none"}"#,
        r#"{"type":"delta","rev":9,"changed":[null,7,{},{"id":"x","x":"1","y":null}],"gone":[null],"events":[null,{"event":"__proto__"}]}"#,
        r#"{"type":"delta","rev":10,"changed":[{"id":"y","kind":"constructor","x":5,"y":6,"radius":-1}],"gone":[],"events":[]}"#,
    ] {
        socket.say_text(frame).await;
    }
    socket
        .say(&delta(11, vec![seen("@ann", "player", "Ann", 5.5, 5.0)]))
        .await;
    page.until_says("place", "5.5 east, 5.0 south").await;
    page.until_says("connection", "Connected").await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn known_revisions_are_skipped_and_a_snapshot_replaces_all() {
    let (_gateway, page, mut socket) = playing(vec![ann()]).await;
    let ann_at = |x| vec![seen("@ann", "player", "Ann", x, 5.0)];
    socket.say(&delta(8, ann_at(6.0))).await;
    page.until_says("place", "6.0 east").await;
    socket.say(&delta(8, ann_at(1.0))).await;
    socket.say(&delta(7, ann_at(2.0))).await;
    // Revisions in which only words were said are not told.
    socket
        .say(&delta(10, vec![seen("hen", "hen", "Berta", 5.0, 6.0)]))
        .await;
    page.until_says("things", "Berta").await;
    page.until_says("place", "6.0 east").await;
    // A zone that was restored may go on anywhere.
    socket.say(&snapshot(400, ann_at(11.0))).await;
    page.until_says("place", "11.0 east").await;
    page.until("document.querySelectorAll('#things li').length === 0")
        .await;
    socket.say(&delta(401, ann_at(12.0))).await;
    page.until_says("place", "12.0 east").await;
    page.close().await;
}
