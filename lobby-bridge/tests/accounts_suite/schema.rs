//! Tests of valid and invalid tables.

use metaserve_lobby_bridge::accounts::{Accounts, Logs, OpenError, SchemaError, Settings};

use super::fixture::{Fixture, options};

/// A database that is not ours is not changed.
pub(crate) async fn a_wrong_schema_is_named(it: &Fixture) {
    it.open().await;
    let user = it.quoted_user();
    it.run("ALTER TABLE chatlog DROP COLUMN target_chatname")
        .await;
    let error = it.try_open().await.unwrap_err();
    let OpenError::Schema { source, .. } = error else {
        panic!("{error:?}")
    };
    let expected = "its table `chatlog` has no column `target_chatname`: add the column, or choose \
                    another database";
    assert_eq!(source.to_string(), expected);

    it.run("DROP TABLE chatlog").await;
    let error = it.try_open().await.unwrap_err();
    let OpenError::Schema { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(
        matches!(
            source,
            SchemaError::NoTable {
                table: "chatlog",
                ..
            }
        ),
        "{source:?}"
    );
    let logs = Logs {
        chat: false,
        private_messages: false,
        ..Logs::default()
    };
    let without = Settings { logs, ..options() };
    assert!(
        Accounts::open(&it.url, without).await.is_ok(),
        "the table is not needed then"
    );

    it.run(&format!("ALTER TABLE {user} DROP COLUMN meta_login_token"))
        .await;
    assert!(it.try_open().await.is_err());
}
