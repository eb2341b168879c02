//! Tests of accounts, hubs and logs in an SQLite file.

mod accounts_suite;

use accounts_suite::{Fixture, options, somewhere};
use metaserve_lobby_bridge::accounts::{
    Accounts, DatabaseError, OpenError, Refusal, default_database,
};

async fn new() -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let url = default_database(directory.path());
    Fixture::new(format!("{url}?mode=rwc"), Some(directory))
        .await
        .without_parameters()
}

on!(new);

impl Fixture {
    fn without_parameters(mut self) -> Self {
        self.url = self.url.replace("?mode=rwc", "");
        self
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_readable_only_by_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    Accounts::open(&default_database(&state), options())
        .await
        .unwrap();
    let file = std::fs::metadata(state.join("accounts.sqlite")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn an_invalid_url_is_named() {
    for url in [
        "",
        "accounts.sqlite",
        "postgres://a/b",
        "mysql://",
        "mysql://host",
    ] {
        let error = Accounts::open(url, options()).await.unwrap_err();
        assert!(matches!(error, OpenError::Url(_)), "{url}: {error:?}");
    }
    let error = Accounts::open("sqlite:/proc/none/accounts", options())
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.sqlite");
    std::fs::write(
        &path,
        "not a database, but long enough to look at ".repeat(100),
    )
    .unwrap();
    let accounts = Accounts::open(&default_database(directory.path()), options()).await;
    // The operator may repair the file. Until then, no account can log in.
    let refusal = accounts
        .unwrap()
        .check_password("bob", "secret", somewhere())
        .await;
    let refusal = refusal.unwrap_err();
    assert!(
        matches!(refusal, Refusal::Database(DatabaseError::Unavailable)),
        "{refusal:?}"
    );
}
