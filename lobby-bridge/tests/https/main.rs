//! Tests of the HTTPS service, as the game and a browser use it.

mod certificate;
mod page;
mod service;

use metaserve_lobby_bridge::bans::Guard;
use service::{GAME, Running};
use tokio::{io::AsyncReadExt, net::TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_exchanged_for_a_token_that_works_once() {
    let it = Running::new(|_| {}).await;
    let from = "192.0.2.1".parse().unwrap();
    for body in [
        GAME,
        b"password=d%C3%A9j%C3%A0+vu%2B1&salt=&username=bob",
        b"password=d\x8ej\x88 vu%2b1&username=b%6Fb",
    ] {
        let answer = it.post("/metaclient/login", body).await;
        assert_eq!((answer.status, answer.body.len()), (200, 16));
        assert!(answer.body.bytes().all(|it| it.is_ascii_alphanumeric()));
        let token = answer.body.as_bytes().try_into().unwrap();
        assert!(it.accounts.check_token("bob", &token, from).await.is_ok());
        assert!(it.accounts.check_token("bob", &token, from).await.is_err());
    }
    it.shutdown.cancel();
    it.task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_gets_no_token() {
    let it = Running::new(|_| {}).await;
    for body in [
        &b"password=wrong&salt=&username=bob"[..],
        b"password=d%8Ej%88%20vu%2B1&salt=&username=Bob",
        b"password=x&salt=&username=nobody",
        b"",
        b"%%%&=&&=&\xff",
    ] {
        let answer = it.post("/metaclient/login", body).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""), "{body:?}");
    }
    assert_eq!(it.get("/metaclient/login").await.status, 405);
    assert_eq!(it.get("/").await.status, 404);
    let long = [b"password=".to_vec(), vec![b'x'; 10_000]].concat();
    assert_eq!(it.post("/metaclient/login", &long).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_over_https_is_stopped() {
    let it = Running::new(|_| {}).await;
    let mut body = String::new();
    for _ in 0..11 {
        body = it
            .post("/metaclient/login", b"password=guess&username=bob")
            .await
            .body;
    }
    assert_eq!(body, "");
    let right = it.post("/metaclient/login", GAME).await;
    assert_eq!((right.status, right.body.as_str()), (403, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_can_make_accounts_only_if_allowed() {
    let it = Running::new(|_| {}).await;
    let body = b"email=a%40b&password=secret&username=ann";
    let answer = it.post("/metaclient/signup", body).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("operator"), "{}", answer.body);

    let it = Running::new(|settings| settings.sign_up = true).await;
    assert_eq!(it.post("/metaclient/signup", body).await.body, "OK");
    let login = b"password=secret&salt=&username=ann";
    assert_eq!(it.post("/metaclient/login", login).await.body.len(), 16);
    for (body, why) in [
        (&body[..], "taken"),
        (b"email=&password=secret&username=guest", "guest"),
        (b"email=&password=&username=new", "1 to 15 characters"),
        (b"email=&password=x&username=a%20b", "ASCII"),
    ] {
        let answer = it.post("/metaclient/signup", body).await;
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    let mut answer = String::new();
    for n in 0..5 {
        let body = format!("email=&password=secret&username=u{n}");
        answer = it.post("/metaclient/signup", body.as_bytes()).await.body;
    }
    assert!(answer.contains("Too many"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_cannot_take_all_places() {
    let it = Running::new(|settings| settings.limits.each_host = 1).await;
    let holder = TcpStream::connect(it.at).await.unwrap();
    // The second connection is closed without an answer.
    let mut second = TcpStream::connect(it.at).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap_or(0), 0);
    it.shutdown.cancel();
    it.task.await.unwrap();
    drop(holder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_peer_gets_a_reason_over_https() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bans.txt");
    std::fs::write(&file, "127.0.0.1 until 2999-01-01T00:00:00Z\n").unwrap();
    let service = Running::new(|it| it.bans = Guard::open(&file).unwrap()).await;
    let answer = service.post("/metaclient/login", GAME).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("banned from this server until 2999-"),
        "{}",
        answer.body
    );
}
