//! Tests of accounts, hubs and logs in MariaDB: in an existing database, which is used unchanged,
//! and in a new one. `METASERVE_TEST_MARIADB_URL` names a server without a database, such as
//! `mysql://root@127.0.0.1:3306`. The user must be allowed to create databases.

mod accounts_suite;

use std::time::Duration;

use accounts_suite::{Fixture, options, somewhere};
use metaserve_lobby_bridge::accounts::{
    Accounts, ChatKind, ChatRow, DatabaseError, LogRow, OpenError, Refusal, SchemaError, Settings,
};
use sea_orm::{ConnectionTrait, Database};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A database as operators of the old server have it.
const EXISTING: &str = include_str!("../../tests/live/existing.sql");

fn server() -> String {
    std::env::var("METASERVE_TEST_MARIADB_URL")
        .expect("METASERVE_TEST_MARIADB_URL names the server to test on")
}

/// Makes a separate database for a test. The server is thrown away with all of them.
async fn empty() -> Fixture {
    let server = server();
    let server = server.trim_end_matches('/');
    let name = format!("test_{:016x}", fastrand::u64(..));
    let root = Database::connect(format!("{server}/mysql")).await;
    let root = root.expect("a server");
    let made = root
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await;
    made.expect("a new database");
    root.close().await.expect("it ends");
    Fixture::new(format!("{server}/{name}"), None).await
}

async fn existing() -> Fixture {
    let it = empty().await;
    for statement in EXISTING.split(";\n").filter(|it| !it.trim().is_empty()) {
        it.run(statement).await;
    }
    it
}

mod in_an_existing_database {
    crate::on!(super::existing);
}

mod in_a_new_database {
    crate::on!(super::empty);
}

#[tokio::test]
async fn an_existing_database_is_not_changed() {
    let it = existing().await;
    let columns = "SELECT CAST(group_concat(table_name, column_name, column_type ORDER BY 1, 2) AS CHAR) \
                   FROM information_schema.columns WHERE table_schema = DATABASE()";
    let before = it.ask(columns).await;
    it.open().await;
    assert_eq!(it.ask(columns).await, before);
}

#[tokio::test]
async fn unsuitable_columns_are_named() {
    let it = existing().await;
    it.run("ALTER TABLE `user` MODIFY meta_login_token_date INT NULL")
        .await;
    let error = it.try_open().await.unwrap_err();
    let OpenError::Schema { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(matches!(
        source,
        SchemaError::WrongType {
            column: "meta_login_token_date",
            ..
        }
    ));
    assert_eq!(
        source.to_string(),
        "column `meta_login_token_date` of its table `user` has type int, but needs to hold a datetime"
    );
}

#[tokio::test]
async fn other_suitable_column_types_are_accepted() {
    let it = existing().await;
    it.run("ALTER TABLE `user` MODIFY moderator BIT(1) NULL, MODIFY sort_order BIGINT UNSIGNED")
        .await;
    it.run("ALTER TABLE `user` MODIFY username VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL")
        .await;
    it.run("ALTER TABLE `user` MODIFY meta_login_token CHAR(16) NULL")
        .await;
    it.insert("bob", 1).await;
    it.run("UPDATE `user` SET moderator = 1").await;
    let accounts = it.open().await;
    assert!(
        accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap()
            .moderator
    );
    let token = accounts
        .issue_token("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(
        accounts
            .check_token("bob", &token, somewhere())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let it = existing().await;
    it.insert("bob", 1).await;
    let accounts = it.open().await;
    accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
    // All connections but the one that executes this.
    let others = "SELECT CAST(group_concat(concat('KILL ', id) SEPARATOR ';\n') AS CHAR) \
                  FROM information_schema.processlist \
                  WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let kill = it.ask(others).await.expect("the accounts' connections");
    for kill in kill.split(";\n") {
        it.run(kill).await;
    }
    accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unreachable_server_refuses_only_accounts() {
    // A port that is free: this process has just released it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mysql://root@{}/x", free.local_addr().unwrap());
    drop(free);
    let accounts = Accounts::open(&url, options()).await.unwrap();
    let refusal = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap_err();
    assert!(
        matches!(refusal, Refusal::Database(DatabaseError::Unavailable)),
        "{refusal:?}"
    );
    assert!(accounts.hubs("V2").await.is_err());
}

/// A proxy between the accounts and the server. It can be cut, and it can swallow all data.
struct Wire {
    url: String,
    state: watch::Sender<State>,
    _task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Cut,
    Silent,
}

impl Wire {
    async fn to(url: &str, state: State) -> Self {
        let at = url.split(['@', '/']).nth(3).expect("a host and a port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("it is bound").to_string();
        let (state, states) = watch::channel(state);
        let server = at.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, server.clone(), states.clone()));
            }
        });
        Self {
            url: url.replace(at, &here),
            state,
            _task: task,
        }
    }
}

async fn carry(mut near: TcpStream, server: String, mut states: watch::Receiver<State>) {
    if *states.borrow() == State::Cut {
        return;
    }
    let mut far = TcpStream::connect(server).await.expect("a server");
    loop {
        let state = *states.borrow_and_update();
        let carried = async {
            match state {
                State::Whole => drop(copy_bidirectional(&mut near, &mut far).await),
                State::Cut => {}
                State::Silent => std::future::pending().await,
            }
        };
        tokio::select! {
            () = carried => return,
            changed = states.changed() => changed.expect("the test goes on"),
        }
    }
}

async fn on_a_wire(state: State) -> (Fixture, Wire, Accounts) {
    let it = existing().await;
    it.insert("bob", 1).await;
    let wire = Wire::to(&it.url, state).await;
    let options = Settings {
        patience: Duration::from_secs(1),
        ..options()
    };
    let accounts = Accounts::open(&wire.url, options).await.unwrap();
    (it, wire, accounts)
}

/// Retries until the login works.
async fn until_it_works(accounts: &Accounts) {
    while let Err(refusal) = accounts.check_password("bob", "secret", somewhere()).await {
        assert!(matches!(refusal, Refusal::Database(_)), "{refusal:?}");
        tokio::task::yield_now().await;
    }
}

fn said(message: &str) -> LogRow {
    LogRow::Chat(ChatRow {
        kind: ChatKind::Chat,
        user_id: 10_001,
        username: None,
        chatname: b"Bob".to_vec(),
        color: None,
        target: None,
        message: message.into(),
    })
}

const MESSAGES: &str = "SELECT group_concat(message ORDER BY id) FROM chatlog";

#[tokio::test]
async fn a_server_that_becomes_reachable_later_is_used() {
    for away in [State::Cut, State::Silent] {
        let (it, wire, accounts) = on_a_wire(away).await;
        let refusal = accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap_err();
        assert!(
            matches!(refusal, Refusal::Database(DatabaseError::Unavailable)),
            "{refusal:?}"
        );
        accounts.log(said("early"));
        wire.state.send_replace(State::Whole);
        until_it_works(&accounts).await;
        accounts.flush(Duration::from_secs(60)).await;
        assert_eq!(it.ask(MESSAGES).await.as_deref(), Some("early"));
    }
}

#[tokio::test]
async fn an_interrupted_server_is_waited_for_and_no_log_row_is_lost() {
    for away in [State::Cut, State::Silent] {
        let (it, wire, accounts) = on_a_wire(State::Whole).await;
        accounts.log(said("one"));
        until_it_works(&accounts).await;
        wire.state.send_replace(away);
        accounts.log(said("two"));
        let refusal = accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap_err();
        assert!(matches!(refusal, Refusal::Database(_)), "{refusal:?}");
        accounts.log(said("three"));
        wire.state.send_replace(State::Whole);
        until_it_works(&accounts).await;
        accounts.flush(Duration::from_secs(60)).await;
        let messages = it.ask(MESSAGES).await.unwrap();
        // A row whose confirmation was lost may have been written twice.
        let mut messages: Vec<_> = messages.split(',').collect();
        messages.dedup();
        assert_eq!(messages, ["one", "two", "three"], "{away:?}");
    }
}

#[tokio::test]
async fn log_rows_beyond_the_queue_are_dropped_without_waiting() {
    let it = existing().await;
    let wire = Wire::to(&it.url, State::Whole).await;
    let options = Settings {
        patience: Duration::from_secs(1),
        log_queue_bytes: 4 * 1024,
        ..options()
    };
    let accounts = Accounts::open(&wire.url, options).await.unwrap();
    wire.state.send_replace(State::Silent);
    for n in 0..10_000 {
        accounts.log(said(&n.to_string()));
    }
    wire.state.send_replace(State::Whole);
    accounts.flush(Duration::from_secs(60)).await;
    let messages = it.ask(MESSAGES).await.unwrap();
    assert!(messages.starts_with("0,1,2"), "{messages}");
    assert!(messages.split(',').count() < 10, "{messages}");
}

/// The page with the rights that the bridge needs.
const PAGE: &str = include_str!("../../docs/guide/accounts.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_database_rights_are_enough() {
    let it = existing().await;
    let name = it.url.rsplit('/').next().unwrap().to_owned();
    let user = format!("u{:08x}", fastrand::u32(..));
    let statements = PAGE
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("CREATE USER") || line.starts_with("GRANT"));
    let mut granted = 0;
    for statement in statements {
        let statement = statement
            .replace("metaserver.", &format!("{name}."))
            .replace("bridge@localhost", &format!("{user}@'%'"));
        it.run(statement.trim_end_matches(';')).await;
        granted += 1;
    }
    assert_eq!(granted, 6);
    let url = it.url.replace("//root@", &format!("//{user}:SECRET@"));
    let its = Fixture::new(url, None).await;
    accounts_suite::operator::an_operator_manages_accounts_and_hubs(&its).await;
    it.run("DELETE FROM `user`").await;
    it.insert("bob", 1).await;
    let accounts = its.open().await;
    let token = accounts
        .issue_token("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(
        accounts
            .check_token("bob", &token, somewhere())
            .await
            .is_ok()
    );
    accounts.log(said("one"));
    accounts.flush(Duration::from_secs(30)).await;
    assert_eq!(it.ask(MESSAGES).await.as_deref(), Some("one"));
}
