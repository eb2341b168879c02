//! Tests of names and passwords.

use metaserve_lobby_bridge::accounts::{Administration, AdministrationError, Refusal, SignUpError};
use sea_orm::ConnectionTrait as _;

use super::fixture::{Fixture, somewhere};

/// The row has the rights, and is read at each login.
pub(crate) async fn passwords_and_rights_are_read_at_each_login(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 7).await;
    let account = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
    assert_eq!((account.username.as_str(), account.sort_order), ("bob", 7));
    assert!(account.hidden && !account.moderator);

    let user = it.quoted_user();
    it.run(&format!(
        "UPDATE {user} SET moderator = 1, hide_in_room = 0"
    ))
    .await;
    let account = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(account.moderator && !account.hidden);

    it.run(&format!("DELETE FROM {user}")).await;
    let refusal = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap_err();
    assert!(matches!(refusal, Refusal::Unknown), "{refusal:?}");
}

/// They are compared byte for byte.
pub(crate) async fn names_and_passwords_are_compared_exactly(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 1).await;
    for name in ["Bob", "BOB", "bob ", " bob", "böb", "", "bob' OR 'a'='a"] {
        let refusal = accounts
            .check_password(name, "secret", somewhere())
            .await
            .unwrap_err();
        assert!(matches!(refusal, Refusal::Unknown), "{name}: {refusal:?}");
    }
    for password in ["Secret", "secret ", "", "sécret"] {
        let refusal = accounts
            .check_password("bob", password, somewhere())
            .await
            .unwrap_err();
        assert!(
            matches!(refusal, Refusal::WrongPassword),
            "{password}: {refusal:?}"
        );
    }
}

/// Old databases may contain two such names. Each logs in with its exact name.
pub(crate) async fn no_account_is_made_whose_name_differs_only_in_case(it: &Fixture) {
    let accounts = it.open().await;
    let operator = Administration::open(&it.url).await.unwrap();
    it.insert("Carol", 1).await;
    for name in ["Carol", "carol", "CAROL"] {
        let taken = operator.add(name, "other").await.unwrap_err();
        assert!(matches!(taken, AdministrationError::NameTaken), "{taken:?}");
        let taken = accounts.sign_up(name, "other", somewhere()).await;
        assert!(matches!(taken, Err(SignUpError::Taken)), "{taken:?}");
    }
    // MariaDB's usual collations do not let a second one in.
    if it.is_sqlite() {
        it.insert("carol", 2).await;
        for name in ["Carol", "carol"] {
            let account = accounts.check_password(name, "secret", somewhere()).await;
            assert_eq!(account.unwrap().username, name);
        }
    }
}

/// The old server's tables may contain NULLs.
pub(crate) async fn rows_with_nulls_are_handled(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 1).await;
    let user = it.quoted_user();
    // Tables that the bridge created do not allow NULL here.
    let holes = format!("UPDATE {user} SET moderator = NULL, hide_in_room = NULL");
    let _ = it.sql.execute_unprepared(&holes).await;
    let account = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(!account.moderator);
    for hash in ["NULL", "''", "'secret'", "'$2b$04$tooshort'"] {
        it.run(&format!("UPDATE {user} SET password = {hash}"))
            .await;
        let refusal = accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap_err();
        assert!(
            matches!(refusal, Refusal::BadRecord(_)),
            "{hash}: {refusal:?}"
        );
    }
}
