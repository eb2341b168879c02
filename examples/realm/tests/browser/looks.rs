//! The page on every screen, by keyboard, and for those who cannot see it.

use crate::{
    browser::{Browser, ENTER, LOOKS, Look, RIGHT},
    log_in,
    scripted::{Scripted, Socket, ann, seen, snapshot},
};
use realm::{
    messages::{Down, Scope},
    object::{Item, Place, Seen, Sheet},
};

/// Fails unless every text that is shown has a contrast of 4.5 to what is behind it, everything that
/// can be used has a name, and is large enough to be hit.
const AUDIT: &str = r"
    const wrong = [];
    const shown = (it) => it.checkVisibility({ visibilityProperty: true }) && !it.closest('.unseen, #view');
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((it) => it / 255).map((it) => it <= .04045 ? it / 12.92 : ((it + .055) / 1.055) ** 2.4);
        return .2126 * x + .7152 * y + .0722 * z;
    };
    const behind = (it) => {
        for (let at = it; at; at = at.parentElement) {
            const color = rgba(getComputedStyle(at).backgroundColor);
            if (color[3] > 240) return color;
        }
        return rgba('Canvas');
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const it = texts.currentNode.parentElement;
        if (!texts.currentNode.textContent.trim() || !shown(it)) continue;
        const [a, b] = [light(rgba(getComputedStyle(it).color)), light(behind(it))].sort((a, b) => b - a);
        const contrast = (a + .05) / (b + .05);
        if (contrast < 4.5) wrong.push(`${it.tagName} ${it.id || it.className}: contrast ${contrast.toFixed(1)}`);
    }
    for (const it of document.querySelectorAll('button, input, select, canvas, section, ul, ol, nav, aside')) {
        if (!it.checkVisibility()) continue;
        const by = (it.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('');
        const name = it.ariaLabel || by || it.labels?.[0]?.textContent || (it.matches('button') && it.textContent);
        if (!name && !it.matches('#items')) wrong.push(`${it.tagName} ${it.id}: no name`);
        const box = it.getBoundingClientRect();
        if (it.matches('button, input, select') && (box.width < 24 || box.height < 24)) wrong.push(`${it.tagName} ${it.id}: small`);
    }
    for (const it of document.querySelectorAll('[aria-labelledby], [aria-describedby], label[for]')) {
        for (const name of ['aria-labelledby', 'aria-describedby', 'for']) {
            for (const id of (it.getAttribute(name) ?? '').split(' ')) {
                if (id && !document.getElementById(id)) wrong.push(`${name} ${id}: nothing`);
            }
        }
    }
    if (document.querySelectorAll('h1').length !== 1) wrong.push('not one heading');
    if (!document.documentElement.lang || !document.title) wrong.push('no language or title');
    if (document.documentElement.scrollWidth > innerWidth) wrong.push('wider than the screen');
    if (document.documentElement.scrollHeight > innerHeight) wrong.push('higher than the screen');
    return wrong.join('\n');
";

async fn audit(page: &Browser, what: &str) {
    assert_eq!(page.run(AUDIT).await, "", "{what}");
    page.screenshot(what).await;
}

fn meadow() -> Vec<Seen> {
    let mut guide = seen("guide", "guide", "Osric", 8.0, 4.0);
    guide.status = "ask me about the gates".into();
    let mut bob = seen("@bob", "player", "Bob", 3.0, 6.5);
    (bob.level, bob.status) = (Some(2), "looking for eggs".into());
    let mut pond = seen("pond", "pond", "Mirror Pond", 12.0, 9.0);
    pond.radius = 3.0;
    vec![
        ann(),
        guide,
        bob,
        pond,
        seen("hen", "hen", "Berta", 6.5, 6.0),
        seen("egg", "item", "brown egg", 6.0, 7.0),
        seen("barrel", "barrel", "Barrel", 2.0, 3.0),
        seen("gate", "gate", "Gate to your garden", 9.0, 7.5),
        seen("tree", "tree", "Oak", 1.5, 8.5),
    ]
}

async fn fill(socket: &mut Socket) {
    let item = |name: &str, number| Item {
        id: format!("shared/meadow#{number}").parse().unwrap(),
        kind: "egg".into(),
        name: name.into(),
        script: None,
    };
    let Down::Snapshot {
        zone, rev, objects, ..
    } = snapshot(8, meadow())
    else {
        unreachable!("a snapshot");
    };
    let inventory = vec![item("speckled egg", 1), item("rusty sword", 2)];
    let sheet = Some(Sheet {
        inventory,
        ..Sheet::default()
    });
    let place = Some(Place {
        title: "Larkspur Meadow".into(),
        ground: "grass".into(),
        width: 60.0,
        height: 40.0,
    });
    socket
        .say(&Down::Snapshot {
            zone,
            rev,
            objects,
            place,
            sheet,
            done: 0,
            walks: false,
        })
        .await;
    for (scope, from, text) in [
        (Scope::Zone, "Osric", "Welcome to the meadow!"),
        (Scope::All, "Bob", "Anybody for the cellar?"),
        (Scope::To("Ann".parse().unwrap()), "Bob", "Bring the sword."),
    ] {
        let (from, text) = (from.to_owned(), text.to_owned());
        socket
            .say(&Down::Said {
                scope,
                from,
                text,
                mail: None,
            })
            .await;
    }
    let why = "the egg is too far away".to_owned();
    socket.say(&Down::Refused { seq: 99, why }).await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn all_is_readable_named_and_in_view_on_every_screen() {
    for look in LOOKS {
        let mut gateway = Scripted::start(600).await;
        let page = Browser::open(gateway.address, look).await;
        page.until_says("log-kind", "A log of paper.").await;
        audit(&page, "log-in").await;
        page.click("#want-register").await;
        audit(&page, "register").await;
        page.click("#want-log-in").await;
        log_in(&page, "ann", "right").await;
        audit(&page, "characters").await;
        page.click("#characters button").await;
        let mut socket = gateway.play(0, meadow()).await;
        fill(&mut socket).await;
        page.until_says("lines", "too far away").await;
        page.until_says("players", "Bob").await;
        audit(&page, "world").await;
        for panel in ["bag", "here"] {
            page.run(&format!(
                "document.querySelector('#tabs [data-panel={panel}]').click()"
            ))
            .await;
            audit(&page, panel).await;
        }
        page.run("document.querySelector('#players button').click()")
            .await;
        page.until_says("thing-name", "Bob").await;
        audit(&page, "thing").await;
        drop(socket);
        page.until_says("connection", "Trying again").await;
        audit(&page, "lost").await;
        page.close().await;
    }
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn the_keyboard_is_enough() {
    let mut gateway = Scripted::start(600).await;
    let page = Browser::open(gateway.address, Look::default()).await;
    log_in(&page, "ann", "right").await;
    // The focus is where one goes on.
    page.until("document.activeElement.matches('#characters button')")
        .await;
    page.press(ENTER).await;
    let mut socket = gateway.play(0, meadow()).await;
    fill(&mut socket).await;
    page.until_says("players", "Bob").await;
    page.until("document.activeElement.id === 'view'").await;
    let ring = "getComputedStyle(document.activeElement).outlineStyle !== 'none'";
    page.until(ring).await;

    page.hold(RIGHT).await;
    let walk = socket.hear().await;
    assert_eq!((&walk["type"], &walk["dy"]), (&"move".into(), &0.into()));
    assert!(walk["dx"].as_f64().unwrap() > 1.0, "{walk}");
    page.release(RIGHT).await;
    let stop = loop {
        // It may have been held for longer.
        let next = socket.hear().await;
        if next["dx"] == 0 {
            break next;
        }
    };
    assert_eq!((&stop["type"], &stop["dy"]), (&"move".into(), &0.into()));

    page.press(ENTER).await;
    page.until("document.activeElement.id === 'text'").await;
    // What is typed there walks nowhere.
    page.press('d').await;
    page.press(ENTER).await;
    let said = socket.hear().await;
    assert_eq!((&said["type"], &said["text"]), (&"say".into(), &"d".into()));

    // Everything else by the tab key, with a ring around it.
    for target in [
        "#leave",
        "#items button",
        "#players button",
        "#things button",
    ] {
        page.press_tab_until(&format!("document.activeElement.matches('{target}')"))
            .await;
        page.until(ring).await;
    }
    page.press(ENTER).await;
    page.until("!document.getElementById('thing').hidden").await;
    // Updates of the lists take the focus from nobody.
    page.run("window.kept = document.activeElement").await;
    socket.say(&snapshot(9, meadow())).await;
    socket
        .say(&Down::Refused {
            seq: 98,
            why: "after it".into(),
        })
        .await;
    page.until_says("lines", "after it").await;
    page.until("document.activeElement === window.kept").await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn a_click_walks_there_or_chooses_what_is_there() {
    let mut gateway = Scripted::start(600).await;
    let page = Browser::open(gateway.address, Look::default()).await;
    log_in(&page, "ann", "right").await;
    page.click("#characters button").await;
    let mut socket = gateway.play(0, meadow()).await;
    page.until_says("players", "Bob").await;
    // Ann is in the middle of the canvas, since this meadow has no size.
    let half = |side: &str| format!("document.getElementById('view').{side} / 2");
    let x = page.get(&half("clientWidth")).await.as_f64().unwrap();
    let y = page.get(&half("clientHeight")).await.as_f64().unwrap() + 52.0;
    page.click_at(x.round() - 100.0, y.round()).await;
    let walk = socket.hear().await;
    let (dx, dy) = (walk["dx"].as_f64().unwrap(), walk["dy"].as_f64().unwrap());
    assert!(dx < -1.5 && dx > -3.0 && dy.abs() < 0.2, "{walk}");
    // The hen is 1.5 m east and 1 m south of Ann.
    let metre = 100.0 / -dx;
    page.click_at(x + 1.5 * metre, y + 0.7 * metre).await;
    page.until_says("thing-name", "Berta").await;
    page.click("#activate").await;
    let what = socket.hear().await;
    assert_eq!(
        (&what["type"], &what["id"]),
        (&"activate".into(), &"hen".into())
    );
    // The egg is out of reach: one goes there first.
    page.run(
        "[...document.querySelectorAll('#things li')]\
         .find((it) => it.textContent.includes('brown egg')).querySelector('button').click()",
    )
    .await;
    page.click("#take").await;
    assert_eq!(socket.hear().await["type"], "move");
    let near = seen("@ann", "player", "Ann", 6.0, 6.0);
    socket.say(&crate::scripted::delta(8, vec![near])).await;
    let what = socket.hear().await;
    assert_eq!(
        (&what["type"], &what["id"]),
        (&"take".into(), &"egg".into())
    );
    page.close().await;
}
