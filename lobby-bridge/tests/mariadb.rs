//! Accounts, hubs and logs in MariaDB: in an existing database that is used as it is, and in a
//! new one. `METASERVE_TEST_MARIADB_URL` names a server, with the right to make databases and
//! without one, such as `mysql://root@127.0.0.1:3306`.

mod accounts_suite;

use accounts_suite::{Fixture, options, somewhere};
use metaserve_lobby_bridge::accounts::{Accounts, DatabaseError, OpenError, Refusal, SchemaError};
use sea_orm::{ConnectionTrait, Database};

/// A database as an operator of the old server has it.
const EXISTING: &str = include_str!("../../tests/live/existing.sql");

fn server() -> String {
    std::env::var("METASERVE_TEST_MARIADB_URL")
        .expect("METASERVE_TEST_MARIADB_URL names the server to test on")
}

/// A database of its own for a test; the server is thrown away with all of them.
async fn empty() -> Fixture {
    let server = server();
    let server = server.trim_end_matches('/');
    let name = format!("test_{:016x}", fastrand::u64(..));
    let root = Database::connect(format!("{server}/mysql")).await;
    let root = root.expect("the server is there");
    let made = root
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await;
    made.expect("a database can be made");
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
async fn columns_that_cannot_hold_what_they_are_for_are_named() {
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
        "column `meta_login_token_date` of its table `user` is int, and a datetime is needed"
    );
}

#[tokio::test]
async fn other_types_of_the_same_kind_do_as_well() {
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
    // Everything but the connection that says so.
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
async fn a_server_that_is_not_there_refuses_accounts_and_nothing_else() {
    // A port that nobody has: it was ours a moment ago.
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
