//! Tests of the page in a real browser. Needs `chromium` and `chromedriver`:
//!
//! ```sh
//! cargo test -p metaserve-tests --features browser --test browser
//! ```
//!
//! With `METASERVE_SCREENSHOTS=DIR` it saves screenshots of the page there.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod browser;
mod elsewhere;
mod finding;
mod list;
mod record;

use browser::{Browser, Look};
use list::{List, info};

/// The row whose name begins with this.
fn row(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('#rows > tr')]\
         .find((row) => row.firstElementChild.textContent.startsWith({name:?}))"
    )
}

const ROWS: &str = "document.querySelectorAll('#rows > tr').length";
const NAMES: &str = "[...document.querySelectorAll('#rows > tr')]\
    .map((row) => row.firstElementChild.textContent)";

#[tokio::test]
async fn the_list_is_live_and_survives_a_restart() {
    let mut list = List::start(500).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 500")).await;
    page.until("document.getElementById('totals').textContent.startsWith('500 servers')")
        .await;
    page.until("document.getElementById('state').textContent === 'live'")
        .await;

    list.put(1000, &info("A new one", 3)).await;
    page.until(&format!("{ROWS} === 501 && {}", row("A new one")))
        .await;

    // A changed row stays the same element, on the same page.
    page.run(&format!("window.kept = {}", row("A new one")))
        .await;
    list.put(1000, &info("A new one, renamed", 4)).await;
    page.until("window.kept?.textContent.includes('renamed')")
        .await;
    page.until("window.kept.isConnected && window.kept.textContent.includes('4 / 32')")
        .await;

    list.remove(1000).await;
    page.until(&format!("{ROWS} === 500 && !window.kept.isConnected"))
        .await;

    let killed = list.kill().await;
    page.until("document.getElementById('state').textContent === 'reconnecting'")
        .await;
    page.until(&format!("{ROWS} === 500")).await;
    list = killed.restart().await;
    page.until("document.getElementById('state').textContent === 'live'")
        .await;
    list.put(1001, &info("Back again", 5)).await;
    page.until(&format!("{ROWS} === 501 && {}", row("Back again")))
        .await;
    assert_eq!(page.run("return 'kept' in window").await, true, "no reload");
    page.close().await;
}

#[tokio::test]
async fn filter_tabs_and_sorting_select_the_right_rows() {
    let list = List::start(500).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 500")).await;

    page.type_into("#filter", "longer 129").await;
    page.until(&format!("{ROWS} === 0")).await;
    page.until("!document.getElementById('empty').hidden").await;
    page.click("#all").await;
    page.until(&format!("{ROWS} === 500")).await;
    page.type_into("#filter", "capture nothing-like-this").await;
    page.until("!document.getElementById('empty').hidden").await;
    page.run(
        "const it = document.getElementById('filter'); it.value = ''; \
              it.dispatchEvent(new Event('input'))",
    )
    .await;
    page.click("#games button:nth-child(2)").await;
    page.until(&format!("{ROWS} > 0 && {ROWS} < 500")).await;
    page.click("#games button:first-child").await;
    page.until(&format!("{ROWS} === 500")).await;

    page.click("[data-sort=name]").await;
    page.until(&format!("{NAMES}[0].startsWith('<img')")).await;
    page.click("[data-sort=name]").await;
    page.until(&format!("{NAMES}.at(-1).startsWith('<img')"))
        .await;
    let sorted = "document.querySelector('[data-sort=name]').parentElement.ariaSort";
    page.until(&format!("{sorted} === 'descending'")).await;
    page.click("[data-sort=players]").await;
    let players = "[...document.querySelectorAll('#rows > tr')]\
        .map((row) => parseInt(row.children[1].textContent) || 0)";
    page.until(&format!(
        "(() => {{ const all = {players}; return all[0] > 0 && \
         all.every((count, at) => at === 0 || all[at - 1] >= count) }})()"
    ))
    .await;
    page.close().await;
}

#[tokio::test]
async fn the_text_of_a_heartbeat_is_never_markup() {
    let list = List::start(1).await;
    let evil = "<img src=x onerror=\"window.ran = true\"><script>window.ran = true</script>";
    list.put(7, &info(evil, 1)).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{NAMES}.includes({evil:?})")).await;
    page.run(&format!(
        "[...document.querySelectorAll('button.name')]\
         .find((name) => name.textContent === {evil:?}).click()"
    ))
    .await;
    page.until(&format!(
        "document.getElementById('title').textContent === {evil:?}"
    ))
    .await;
    // If an image had been created, its error would have come before that of this one.
    let waited = "new Promise((done) => { const image = new Image(); image.onerror = done; \
                  image.src = '/nothing-there'; })";
    page.run(&format!("return {waited}.then(() => true)")).await;
    assert_eq!(
        page.run("return window.ran ?? null").await,
        serde_json::Value::Null
    );
    assert_eq!(page.run("return document.images.length").await, 0);
    assert_eq!(
        page.run("return document.querySelectorAll('main script').length")
            .await,
        0
    );
    page.close().await;
}

/// A player saw a name that ran backwards through the columns after it, and one that could not be
/// opened because there was nothing to click on.
#[tokio::test]
async fn names_cannot_reverse_the_page_and_a_blank_one_can_be_opened() {
    let list = List::start(1).await;
    list.put(7, &info("\u{202e}evil", 1)).await;
    list.put(8, &info("\u{200b}\u{3164} ", 2)).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 3")).await;
    let isolated = "return [...document.querySelectorAll('#rows td')].every((cell) => \
        getComputedStyle(cell.querySelector('bdi')).unicodeBidi === 'isolate')";
    assert_eq!(page.run(isolated).await, true);
    let blank = row("(no name)");
    page.until(&format!(
        "(() => {{ const it = {blank}.querySelector('button.name').getBoundingClientRect(); \
         return it.width > 20 && it.height > 10 }})()"
    ))
    .await;
    page.run(&format!("{blank}.querySelector('button.name').click()"))
        .await;
    page.until("document.getElementById('title').textContent === '(no name)'")
        .await;
    page.until("document.getElementById('facts').textContent.includes('203.0.113.8:27960')")
        .await;
    page.until(
        "[...document.querySelectorAll('#facts dd')].every((it) => it.firstChild.matches('bdi'))",
    )
    .await;
    page.close().await;
}

#[tokio::test]
async fn the_keyboard_reaches_everything_and_screen_readers_find_a_table() {
    let list = List::start(3).await;
    for look in [
        Look::default(),
        Look {
            phone: true,
            ..Look::default()
        },
    ] {
        let page = Browser::open(list.http, look).await;
        page.until(&format!("{ROWS} === 3")).await;
        // Explicit roles, since the layout for phones removes those of the tables.
        for (selector, role) in [
            ("table", "table"),
            ("thead", "rowgroup"),
            ("tbody", "rowgroup"),
            ("thead tr", "row"),
            ("tbody tr", "row"),
            ("th", "columnheader"),
            ("tbody td", "cell"),
        ] {
            let has = format!(
                "return [...document.querySelectorAll('{selector}')]\
                 .every((it) => it.getAttribute('role') === '{role}')"
            );
            assert_eq!(page.run(&has).await, true, "{selector}");
        }
        page.press_tab_until("document.activeElement.id === 'filter'")
            .await;
        page.press_tab_until("document.activeElement.matches('button.name')")
            .await;
        let ring = "getComputedStyle(document.activeElement).outlineStyle !== 'none'";
        page.until(ring).await;
        page.press(browser::ENTER).await;
        page.until("document.getElementById('details').open").await;
        page.press(browser::ESCAPE).await;
        page.until("!document.getElementById('details').open").await;
        page.until("document.activeElement.matches('button.name')")
            .await;
        page.close().await;
    }
}

#[tokio::test]
async fn the_page_fits_every_screen() {
    let list = List::start(500).await;
    for phone in [false, true] {
        for dark in [false, true] {
            let page = Browser::open(list.http, Look { phone, dark }).await;
            page.until(&format!("{ROWS} === 500")).await;
            // No horizontal scrolling is needed.
            page.until("document.documentElement.scrollWidth <= window.innerWidth")
                .await;
            page.screenshot("list").await;
            page.click("[data-sort=name]").await;
            page.click("[data-sort=name]").await;
            page.until(&format!("{NAMES}[1].startsWith('WWW')")).await;
            page.until("document.documentElement.scrollWidth <= window.innerWidth")
                .await;
            page.screenshot("names").await;
            page.run("document.querySelector('button.name').click()")
                .await;
            page.screenshot("details").await;
            page.close().await;
        }
    }
}
