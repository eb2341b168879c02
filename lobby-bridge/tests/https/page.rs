//! Tests of the page on which players change their passwords.

use metaserve_lobby_bridge::accounts::{Administration, default_database};

use crate::service::{Running, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_player_can_change_the_password_with_a_fresh_token() {
    let it = Running::new(|_| {}).await;
    let mut page = it.opens_settings().await;
    assert!(page.body.contains("<b>bob</b>"), "{}", page.body);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(page.head.contains("cache-control: no-store"));
    for (password, again, why) in [
        ("one", "two", "differ"),
        ("", "", "1 to 15"),
        ("%E4%B8%96", "%E4%B8%96", "MacRoman"),
    ] {
        let body = format!(
            "page={}&password={password}&again={again}",
            secret_of(&page)
        );
        page = it.post("/metaclient/settings", body.as_bytes()).await;
        assert!(page.body.contains(why), "{}", page.body);
    }
    let body = format!("page={}&password=n%C3%A9w&again=n%C3%A9w", secret_of(&page));
    let done = it.post("/metaclient/settings", body.as_bytes()).await;
    assert!(done.body.contains("is changed"), "{}", done.body);
    assert!(it.knows("n\u{e9}w").await && !it.knows("d\u{e9}j\u{e0} vu+1").await);
    let again = it.post("/metaclient/settings", body.as_bytes()).await;
    assert_eq!(again.status, 403, "a page works once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_cannot_be_changed_without_a_token() {
    let it = Running::new(|_| {}).await;
    let hex = |token: &[u8]| {
        token
            .iter()
            .map(|it| format!("{it:02X}"))
            .collect::<String>()
    };
    for query in [
        "",
        "?token=",
        "?token=4",
        &format!("?token={}", "00".repeat(16)),
    ] {
        let page = it.get(&format!("/metaclient/settings{query}")).await;
        assert!(!page.body.contains("<form"), "{query}: {}", page.body);
    }
    for body in [
        "",
        "page=&password=x&again=x",
        "page=guess&password=x&again=x",
    ] {
        let answer = it.post("/metaclient/settings", body.as_bytes()).await;
        assert_eq!(answer.status, 403);
    }
    // A HEAD request does not use the token up. A second GET is refused.
    let path = format!("/metaclient/settings?token={}", hex(&it.token().await));
    let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(it.asks(head.as_bytes()).await.status, 200);
    assert!(it.get(&path).await.body.contains("<form"));
    assert!(!it.get(&path).await.body.contains("<form"));
    assert!(it.knows("d\u{e9}j\u{e0} vu+1").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_never_markup_in_the_page() {
    let it = Running::new(|_| {}).await;
    let url = default_database(it.directory.path());
    let operator = Administration::open(&url).await.unwrap();
    operator.add("<i>\"'&", "secret").await.unwrap();
    let body = b"password=secret&username=%3Ci%3E%22%27%26";
    let token = it.post("/metaclient/login", body).await.body;
    let hex: String = token.bytes().map(|it| format!("{it:02X}")).collect();
    let page = it.get(&format!("/metaclient/settings?token={hex}")).await;
    assert!(
        page.body.contains("&lt;i&gt;&quot;&#39;&amp;"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<i>"));
}
