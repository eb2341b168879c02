//! What a browser sends when connections, sessions and tickets end, to the letter.

use crate::{
    browser::{Browser, Look},
    log_in, say,
    scripted::{SESSION, Scripted, ann},
};

async fn playing(seconds: u64) -> (Scripted, Browser) {
    let gateway = Scripted::start(seconds).await;
    let page = Browser::open(gateway.address, Look::default()).await;
    log_in(&page, "ann", "right").await;
    page.click("#characters button").await;
    (gateway, page)
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn what_was_not_acknowledged_is_sent_again_in_order() {
    let (mut gateway, page) = playing(600).await;
    let mut socket = gateway.play(0, vec![ann()]).await;
    for (seq, text) in [(1, "one"), (2, "two"), (3, "three")] {
        say(&page, text).await;
        assert_eq!(socket.hear().await["seq"], seq);
    }
    socket.ack(1).await;
    drop(socket);
    page.until_says("connection", "Connection lost").await;
    say(&page, "four").await;
    page.until_says("connection", "of your commands").await;
    // The second was accepted too; only its acknowledgement was lost.
    let mut socket = gateway.play(2, vec![ann()]).await;
    for (seq, text) in [(3, "three"), (4, "four")] {
        let frame = socket.hear().await;
        assert_eq!((&frame["seq"], &frame["text"]), (&seq.into(), &text.into()));
        socket.ack(seq).await;
    }
    say(&page, "five").await;
    assert_eq!(socket.hear().await["seq"], 5);
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn in_another_session_nothing_is_done_twice() {
    let (mut gateway, page) = playing(600).await;
    let mut socket = gateway.play(0, vec![ann()]).await;
    say(&page, "perhaps heard").await;
    assert_eq!(socket.hear().await["seq"], 1);
    drop(socket);
    page.until_says("connection", "Connection lost").await;
    say(&page, "not sent yet").await;
    let mut socket = loop {
        let mut socket = gateway.socket().await;
        if socket.hear().await["resume"] == SESSION {
            break socket;
        }
    };
    socket
        .welcome("session-of-the-second-02", 0, vec![ann()])
        .await;
    let frame = socket.hear().await;
    assert_eq!(frame["text"], "not sent yet");
    assert_eq!(frame["seq"], 1);
    page.until_says("lines", "Your session had ended").await;
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn a_reloaded_page_resumes_and_goes_on_counting() {
    let (mut gateway, page) = playing(600).await;
    let mut socket = gateway.play(0, vec![ann()]).await;
    say(&page, "one").await;
    assert_eq!(socket.hear().await["seq"], 1);
    socket.ack(1).await;
    page.reload().await;
    let mut socket = gateway.socket().await;
    assert_eq!(socket.hear().await["resume"], SESSION);
    socket.welcome(SESSION, 0, vec![ann()]).await;
    page.until_says("connection", "Connected").await;
    say(&page, "two").await;
    assert_eq!(socket.hear().await["seq"], 2);
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn tickets_are_renewed_in_time_and_no_secret_is_in_a_url() {
    let (mut gateway, page) = playing(5).await;
    let _socket = gateway.play(0, vec![ann()]).await;
    // Without anybody asking, and then with what that one has given.
    assert_eq!(gateway.refreshed().await, "refresh-1");
    assert_eq!(gateway.refreshed().await, "refresh-2");
    page.reload().await;
    page.click("#log-out").await;
    page.until("!document.getElementById('account').hidden")
        .await;
    page.until("sessionStorage.length === 0 && localStorage.length === 0")
        .await;
    page.until("document.cookie === '' && location.href.endsWith('/')")
        .await;
    for uri in gateway.requested.lock().iter() {
        assert_eq!(uri.query(), None, "{uri}");
        assert!(
            !uri.path().contains("-1") && !uri.path().contains("-2"),
            "{uri}"
        );
    }
    page.close().await;
}

#[tokio::test]
#[ignore = "needs chromium: tests/live.sh realm-browser"]
async fn a_refusal_is_read_where_it_belongs() {
    let mut gateway = Scripted::start(600).await;
    let page = Browser::open(gateway.address, Look::default()).await;
    log_in_wrongly(&page).await;
    log_in(&page, "ann", "right").await;
    page.click("#characters button").await;
    let mut socket = loop {
        let mut socket = gateway.socket().await;
        if socket.hear().await["type"] == "hello" {
            break socket;
        }
    };
    let why = "Ann is played already".to_owned();
    socket
        .say(&realm::messages::Down::Refused { seq: 0, why })
        .await;
    page.until_says("choose-error", "Ann is played already")
        .await;
    page.until("document.body.dataset.stage === 'entry'").await;
    page.close().await;
}

async fn log_in_wrongly(page: &Browser) {
    page.type_into("#name", "ann").await;
    page.type_into("#password", "wrong").await;
    page.click("#submit").await;
    page.until_says("account-error", "<b>wrong</b>").await;
    page.until(
        "document.activeElement.id === 'password' && document.activeElement.ariaInvalid === 'true'",
    )
    .await;
}
