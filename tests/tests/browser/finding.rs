//! A player looks for a server, watches it, and joins.

use crate::{
    NAMES, ROWS,
    browser::{Browser, Look},
    list::{List, info},
    row,
};

/// Opens a server's details by the beginning of its name.
pub(crate) async fn open_details(page: &Browser, name: &str) {
    page.run(&format!(
        "{}.querySelector('button.name').click()",
        row(name)
    ))
    .await;
    page.until("document.getElementById('details').open").await;
}

pub(crate) fn facts(text: &str) -> String {
    format!("document.getElementById('facts').textContent.includes({text:?})")
}

#[tokio::test]
async fn words_are_found_in_any_order_and_an_empty_result_is_explained() {
    let list = List::start(30).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 30")).await;
    let empty = "getComputedStyle(document.getElementById('empty')).display";
    assert_eq!(page.run(&format!("return {empty}")).await, "none");
    page.type_into("#filter", "  SERVER quake3 113.21 ").await;
    page.until(&format!("{ROWS} === 1 && {NAMES}[0] === 'Server 21'"))
        .await;
    page.click("#games button[data-game=vcmi]").await;
    page.until(&format!("{ROWS} === 0")).await;
    let said = "document.getElementById('empty').innerText.replaceAll('\\n', ' ')";
    page.until(&format!(
        "{said}.startsWith('No server of vcmi matches ') && {said}.includes('server quake3 113.21')"
    ))
    .await;
    page.click("#all").await;
    page.until(&format!("{ROWS} === 30 && {empty} === 'none'"))
        .await;
    page.until("document.getElementById('filter').value === ''")
        .await;
    page.close().await;
}

#[tokio::test]
async fn the_address_of_the_page_contains_the_search_and_can_be_shared() {
    let list = List::start(30).await;
    let asked = "?other=1&game=quake3&q=server+2#here";
    let page = Browser::open_at(list.http, asked, Look::default()).await;
    page.until("document.getElementById('filter').value === 'server 2'")
        .await;
    page.until("document.querySelector('[data-game=quake3]')?.ariaPressed === 'true'")
        .await;
    page.until(&format!(
        "{ROWS} > 0 && [...document.querySelectorAll('#rows td.game')]\
         .every((cell) => cell.textContent === 'quake3')"
    ))
    .await;
    let before = page.run("return history.length").await;
    page.type_into("#filter", "1").await;
    let says = |name: &str, value: &str| {
        format!("new URLSearchParams(location.search).get({name:?}) === {value:?}")
    };
    page.until(&says("q", "server 21")).await;
    page.click("#games button:first-child").await;
    page.until("!new URLSearchParams(location.search).has('game')")
        .await;
    page.until(&format!(
        "{} && location.hash === '#here'",
        says("other", "1")
    ))
    .await;
    assert_eq!(page.run("return history.length").await, before);

    // Opening that address shows the same.
    let passed_on = page.run("return location.search").await;
    let other = Browser::open_at(list.http, passed_on.as_str().unwrap(), Look::default()).await;
    other
        .until(&format!("{ROWS} === 1 && {NAMES}[0] === 'Server 21'"))
        .await;
    other.close().await;
    page.close().await;
}

#[tokio::test]
async fn open_details_follow_their_server_and_show_when_it_has_left() {
    let list = List::start(3).await;
    list.put(1000, &info("Watched", 7)).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&row("Watched")).await;
    open_details(&page, "Watched").await;
    page.until(&facts("players7")).await;
    page.run("window.kept = document.querySelector('#facts dd bdi')")
        .await;
    list.put(1000, &info("Watched, renamed", 8)).await;
    page.until(&format!(
        "{} && document.getElementById('title').textContent === 'Watched, renamed'",
        facts("players8")
    ))
    .await;
    // Elements that may be selected at the moment are not replaced.
    page.until("window.kept.isConnected").await;

    let left = "getComputedStyle(document.getElementById('left')).display !== 'none'";
    assert_eq!(page.run(&format!("return {left}")).await, false);
    list.remove(1000).await;
    page.until(left).await;
    page.until(&facts("players8")).await;
    // The server returns to its address with another number.
    list.put(1000, &info("Back", 9)).await;
    page.until(&format!("!({left}) && {}", facts("players9")))
        .await;
    page.close().await;
}

/// After a restart, the daemon's numbers mean other servers.
#[tokio::test]
async fn open_details_stay_with_their_server_through_a_restart() {
    let list = List::start(6).await;
    // Number 6 becomes number 7, and number 6 again after the restart.
    list.remove(5).await;
    list.put(5, &info("Server 5", 7)).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!(
        "{ROWS} === 6 && {}.dataset.id === '7'",
        row("Server 5")
    ))
    .await;
    open_details(&page, "Server 5").await;
    page.run(&format!("window.kept = {}", row("Server 5")))
        .await;
    let list = list.kill().await.restart().await;
    list.put(1000, &info("Another", 8)).await;
    page.until(&format!("{}?.dataset.id === '7'", row("Another")))
        .await;
    page.until("window.kept.isConnected && window.kept.dataset.id === '6'")
        .await;
    let left = "getComputedStyle(document.getElementById('left')).display !== 'none'";
    page.until(&format!("!({left}) && {}", facts("203.0.113.5:27960")))
        .await;
    list.remove(5).await;
    page.until(left).await;
    page.until(&facts("203.0.113.5:27960")).await;
    page.close().await;
}

#[tokio::test]
async fn a_lock_marks_a_server_with_a_password() {
    let list = List::start(1).await;
    list.put(1000, &info("Locked", 5)).await;
    list.put(1001, &info("Open", 6)).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 3")).await;
    let lock = |name| format!("{}?.querySelector('.lock')", row(name));
    let (locked, open) = (lock("Locked"), lock("Open"));
    page.until(&format!(
        "{locked}.querySelector('svg').getBoundingClientRect().width > 8"
    ))
    .await;
    page.until(&format!("{locked}.innerText.includes('needs a password')"))
        .await;
    page.until(&format!("{open} === null")).await;
    list.put(1001, &info("Open no more", 5)).await;
    page.until(&format!("{}?.isConnected", lock("Open no more")))
        .await;
    page.close().await;
}

#[tokio::test]
async fn only_a_game_with_a_link_can_be_joined() {
    let list = List::start(31).await;
    let page = Browser::open(list.http, Look::default()).await;
    page.until(&format!("{ROWS} === 31")).await;
    let link = |name| format!("{}.querySelector('td.address a')", row(name));
    // Server 27 has an IPv4 address and Server 9 an IPv6 address; Server 28 is of another game.
    let (four, six, other) = (link("Server 27"), link("Server 9"), link("Server 28"));
    page.until(&format!(
        "{four}.getAttribute('href') === 'quake3://203.0.113.27:27960'"
    ))
    .await;
    page.until(&format!(
        "{six}.getAttribute('href') === 'quake3://[2001:db8:1234:5678:9abc:def0:1:9]:27960'"
    ))
    .await;
    let shown = |link: &str| format!("getComputedStyle({link}).display !== 'none'");
    page.until(&shown(&four)).await;
    page.until(&format!(
        "!({}) && !{other}.hasAttribute('href')",
        shown(&other)
    ))
    .await;
    page.until(&format!("{four}.ariaLabel === 'Join Server 27'"))
        .await;

    let in_dialog = shown("document.getElementById('join')");
    open_details(&page, "Server 27").await;
    page.until(&format!(
        "{in_dialog} && document.getElementById('join').getAttribute('href') === \
         'quake3://203.0.113.27:27960'"
    ))
    .await;
    list.remove(27).await;
    page.until(&format!("!({in_dialog})")).await;
    page.close().await;
}
