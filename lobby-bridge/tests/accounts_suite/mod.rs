//! What must hold on every database.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the files that use them make"
)]

use std::{net::IpAddr, time::Duration};

use metaserve_lobby_bridge::accounts::{
    Accounts, Administration, AdministrationError, AttemptLimits, ChatKind, ChatRow, EventRow, Hub,
    LogRow, LoginDetailRow, Logs, OpenError, Refusal, SchemaError, Settings, SignUpError, Target,
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};

/// `secret`, hashed by libxcrypt.
pub(crate) const SECRET: &str = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const TOKEN: &[u8; 16] = b"Ab0Cd1Ef2Gh3Ij4K";

/// A database of its own for a test, with a second connection that is the test's own.
pub(crate) struct Fixture {
    pub(crate) url: String,
    pub(crate) sql: DatabaseConnection,
    /// Kept until the test ends.
    pub(crate) _directory: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn new(url: String, directory: Option<tempfile::TempDir>) -> Self {
        // One connection, so that it always is the same.
        let mut options = ConnectOptions::new(&url);
        options.max_connections(1);
        let sql = Database::connect(options).await;
        let sql = sql.expect("the database is there");
        Self {
            url,
            sql,
            _directory: directory,
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        let ran = self.sql.execute_unprepared(sql).await;
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One value of a query, as text.
    pub(crate) async fn ask(&self, sql: &str) -> Option<String> {
        let backend = self.sql.get_database_backend();
        let statement = Statement::from_string(backend, sql);
        let row = self.sql.query_one_raw(statement).await;
        let row = row.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let value: Option<Vec<u8>> = row.expect("a row").try_get_by_index(0).expect("bytes");
        value.map(|it| String::from_utf8(it).expect("UTF-8"))
    }

    fn is_sqlite(&self) -> bool {
        self.sql.get_database_backend() == DbBackend::Sqlite
    }

    fn ago(&self, seconds: i64) -> String {
        match self.is_sqlite() {
            true => format!("datetime('now', '{} seconds')", -seconds),
            false => format!("NOW() - INTERVAL {seconds} SECOND"),
        }
    }

    fn quoted_user(&self) -> &'static str {
        if self.is_sqlite() {
            "\"user\""
        } else {
            "`user`"
        }
    }

    /// An account with the password `secret`, as a row written by hand.
    pub(crate) async fn insert(&self, username: &str, sort_order: i32) {
        let user = self.quoted_user();
        self.run(&format!(
            "INSERT INTO {user} (sort_order, username, password, moderator, hide_in_room) \
             VALUES ({sort_order}, '{username}', '{SECRET}', 0, 1)"
        ))
        .await;
    }

    async fn store_token(&self, username: &str, age: i64) {
        let (user, ago) = (self.quoted_user(), self.ago(age));
        let token: String = TOKEN.iter().map(|it| format!("{it:02x}")).collect();
        self.run(&format!(
            "UPDATE {user} SET meta_login_token = x'{token}', meta_login_token_date = {ago} \
             WHERE username = '{username}'"
        ))
        .await;
    }

    pub(crate) async fn open(&self) -> Accounts {
        self.try_open()
            .await
            .expect("the database is as it should be")
    }

    pub(crate) async fn try_open(&self) -> Result<Accounts, OpenError> {
        Accounts::open(&self.url, options()).await
    }
}

pub(crate) fn options() -> Settings {
    Settings {
        bcrypt_cost: 4,
        ..Settings::default()
    }
}

pub(crate) fn somewhere() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

/// The row says the rights, and is read at each login.
pub(crate) async fn passwords_and_rights_are_those_of_the_row_now(it: &Fixture) {
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

/// Byte for byte.
pub(crate) async fn names_and_passwords_are_compared_with_letter_case_and_spaces(it: &Fixture) {
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

/// Databases of old may hold two such names: whoever calls them exactly has them both.
pub(crate) async fn no_account_is_made_that_differs_in_letter_case_alone(it: &Fixture) {
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

/// NULLs wherever the old server's tables may have them.
pub(crate) async fn rows_with_holes_are_met(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 1).await;
    let user = it.quoted_user();
    // Tables of our own have no such holes.
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

/// Section 9, tokens stored by another program included.
pub(crate) async fn a_token_works_once_and_not_for_long(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 1).await;
    it.insert("ann", 2).await;
    let check =
        async |name: &str, token: &[u8; 16]| accounts.check_token(name, token, somewhere()).await;
    // (age, works)
    for (age, works) in [
        (0, true),
        (5, true),
        (58, true),
        (61, false),
        (-3_600, false),
    ] {
        it.store_token("bob", age).await;
        assert_eq!(check("bob", TOKEN).await.is_ok(), works, "{age} s old");
    }
    it.store_token("bob", 1).await;
    assert!(check("bob", b"Ab0Cd1Ef2Gh3Ij4L").await.is_err());
    assert!(check("ann", TOKEN).await.is_err());
    assert!(check("nobody", TOKEN).await.is_err());
    assert!(
        check("bob", TOKEN).await.is_ok(),
        "a wrong guess does not use it up"
    );
    assert!(check("bob", TOKEN).await.is_err(), "it is used up");
    assert!(check("bob", &[0; 16]).await.is_err());
    let user = it.quoted_user();
    it.run(&format!(
        "UPDATE {user} SET meta_login_token = x'{}', meta_login_token_date = {}",
        "00".repeat(16),
        it.ago(0)
    ))
    .await;
    assert!(
        check("bob", &[0; 16]).await.is_err(),
        "an empty answer is no token"
    );
}

/// A token of ours.
pub(crate) async fn a_token_is_given_for_the_password_only(it: &Fixture) {
    let accounts = it.open().await;
    it.insert("bob", 1).await;
    assert!(
        accounts
            .issue_token("bob", "guess", somewhere())
            .await
            .is_err()
    );
    let first = accounts
        .issue_token("bob", "secret", somewhere())
        .await
        .unwrap();
    let token = accounts
        .issue_token("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(token.iter().all(u8::is_ascii_alphanumeric) && token != first);
    assert!(
        accounts
            .check_token("bob", &first, somewhere())
            .await
            .is_err()
    );
    // Of many at one time one wins.
    let tries = (0..8).map(|_| {
        let accounts = accounts.clone();
        tokio::spawn(async move {
            accounts
                .check_token("bob", &token, somewhere())
                .await
                .is_ok()
        })
    });
    let mut winners = 0;
    for attempt in tries.collect::<Vec<_>>() {
        winners += usize::from(attempt.await.unwrap());
    }
    assert_eq!(winners, 1);
}

/// Whoever guesses is stopped; whoever knows is not.
pub(crate) async fn guessing_is_stopped(it: &Fixture) {
    it.open().await;
    it.insert("bob", 1).await;
    let options = Settings {
        attempts: AttemptLimits {
            each_pair: (3, Duration::from_secs(3_600)),
            ..AttemptLimits::default()
        },
        ..options()
    };
    let accounts = Accounts::open(&it.url, options).await.unwrap();
    for _ in 0..10 {
        accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap();
    }
    accounts
        .check_password("bob", "guess", somewhere())
        .await
        .unwrap_err();
    accounts
        .check_token("bob", TOKEN, somewhere())
        .await
        .unwrap_err();
    accounts
        .issue_token("bob", "guess", somewhere())
        .await
        .unwrap_err();
    for refusal in [
        accounts
            .check_password("bob", "secret", somewhere())
            .await
            .unwrap_err(),
        accounts
            .check_token("bob", TOKEN, somewhere())
            .await
            .unwrap_err(),
        accounts
            .issue_token("bob", "secret", somewhere())
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(refusal, Refusal::TooManyAttempts), "{refusal:?}");
    }
    let elsewhere = IpAddr::from([192, 0, 2, 2]);
    assert!(
        accounts
            .check_password("bob", "secret", elsewhere)
            .await
            .is_ok()
    );
}

/// By exact version, in order.
pub(crate) async fn hubs_are_those_of_the_version(it: &Fixture) {
    let accounts = it.open().await;
    it.run(
        "INSERT INTO remotehub (id, host, port, network_version) VALUES \
         (9, 'hub.example', 4226, 'V2'), (7, '127.0.0.1', 4301, 'V2'), (8, 'old', 1, 'v2'), \
         (10, 'none', 0, 'V2')",
    )
    .await;
    let hub = |id, host: &str, port| Hub {
        id,
        host: host.to_owned(),
        port,
    };
    let hubs = accounts.hubs("V2").await.unwrap();
    assert_eq!(
        hubs,
        [hub(7, "127.0.0.1", 4301), hub(9, "hub.example", 4226)]
    );
    assert_eq!(accounts.hub(8).await.unwrap(), Some(hub(8, "old", 1)));
    assert_eq!(accounts.hub(1).await.unwrap(), None);
}

fn chat(kind: ChatKind, message: &[u8]) -> LogRow {
    LogRow::Chat(ChatRow {
        kind,
        user_id: 10_001,
        username: None,
        chatname: b"|iGuest|p \x8e".to_vec(),
        color: Some([0, 1, 65_535]),
        target: None,
        message: message.to_vec(),
    })
}

/// Every column, bytes as they are.
pub(crate) async fn logs_are_written_in_order(it: &Fixture) {
    let accounts = it.open().await;
    accounts.log(chat(ChatKind::Chat, b"one \xa5"));
    accounts.log(LogRow::Chat(ChatRow {
        kind: ChatKind::PrivateMessage,
        username: Some("bob".to_owned()),
        chatname: vec![b'x'; 300],
        target: Some(Target {
            user_id: 10_002,
            username: Some("ann".to_owned()),
            chatname: b"Ann".to_vec(),
        }),
        color: None,
        user_id: 10_003,
        message: vec![b'y'; 70_000],
    }));
    accounts.log(LogRow::Event(EventRow {
        event_type: "start game",
        username: None,
        user_id: 10_001,
        extradata: Some(b"18000".to_vec()),
    }));
    for build_date in ["Aug 29 2025 12:34:56", "yesterday"] {
        accounts.log(LogRow::LoginDetail(LoginDetailRow {
            username: None,
            user_id: 10_001,
            chatname: b"Bob".to_vec(),
            color: [1, 2, 3],
            team_color: [4, 5, 6],
            build_date: build_date.to_owned(),
            platform_type: 1,
        }));
    }
    accounts.flush(Duration::from_secs(30)).await;
    let text = |column: &str| match it.is_sqlite() {
        true => format!("CAST({column} AS TEXT)"),
        false => format!("CAST({column} AS CHAR)"),
    };
    let ask = async |column: &str, rest: &str| {
        it.ask(&format!("SELECT {} FROM {rest}", text(column)))
            .await
    };
    let is = |expected: &str| Some(expected.to_owned());
    let first = "chatlog WHERE event_type = 'chat'";
    assert_eq!(ask("hex(message)", first).await, is("6F6E6520A5"));
    assert_eq!(
        ask("hex(chatname)", first).await,
        is("7C6947756573747C70208E")
    );
    assert_eq!(ask("color_b", first).await, is("65535"));
    assert_eq!(ask("target_user_id", first).await, None);
    let second = "chatlog WHERE event_type = 'pm'";
    assert_eq!(ask("length(chatname)", second).await, is("255"));
    assert_eq!(ask("length(message)", second).await, is("65535"));
    assert_eq!(ask("target_username", second).await, is("ann"));
    assert_eq!(ask("extradata", "eventlog").await, is("18000"));
    let dated = "logindetail WHERE build_date IS NOT NULL";
    assert_eq!(ask("build_date", dated).await, is("2025-08-29 12:34:56"));
    assert_eq!(ask("count(*)", "logindetail").await, is("2"));
    let recent = format!("chatlog WHERE event_date > {}", it.ago(60));
    assert_eq!(ask("count(*)", &recent).await, is("2"));
}

/// One by one; private messages do not need the other (D7).
pub(crate) async fn each_log_has_its_switch(it: &Fixture) {
    it.open().await;
    let logs = Logs {
        chat: false,
        private_messages: true,
        events: false,
        login_details: false,
    };
    let accounts = Accounts::open(&it.url, Settings { logs, ..options() })
        .await
        .unwrap();
    accounts.log(chat(ChatKind::Chat, b"one"));
    accounts.log(chat(ChatKind::Broadcast, b"two"));
    accounts.log(chat(ChatKind::PrivateMessage, b"three"));
    accounts.log(LogRow::Event(EventRow {
        event_type: "logout",
        username: None,
        user_id: 1,
        extradata: None,
    }));
    accounts.flush(Duration::from_secs(30)).await;
    let cast = if it.is_sqlite() { "TEXT" } else { "CHAR" };
    let all = format!("SELECT group_concat(CAST(message AS {cast})) FROM chatlog");
    assert_eq!(it.ask(&all).await.as_deref(), Some("three"));
    let none = format!("SELECT CAST(count(*) AS {cast}) FROM eventlog");
    assert_eq!(it.ask(&none).await.as_deref(), Some("0"));
}

/// Nothing is changed in a database that is not ours.
pub(crate) async fn a_wrong_schema_is_named(it: &Fixture) {
    it.open().await;
    let user = it.quoted_user();
    it.run("ALTER TABLE chatlog DROP COLUMN target_chatname")
        .await;
    let error = it.try_open().await.unwrap_err();
    let OpenError::Schema { source, .. } = error else {
        panic!("{error:?}")
    };
    let expected = "its table `chatlog` has no column `target_chatname`: add it, or name another \
                    database";
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
        "it is not needed then"
    );

    it.run(&format!("ALTER TABLE {user} DROP COLUMN meta_login_token"))
        .await;
    assert!(it.try_open().await.is_err());
}

/// What the subcommands do, beside a service that runs.
pub(crate) async fn an_operator_manages_accounts_and_hubs(it: &Fixture) {
    let accounts = it.open().await;
    let operator = Administration::open(&it.url).await.unwrap();
    operator.add("bob", "secret").await.unwrap();
    operator.add("ann", "secret").await.unwrap();
    let taken = operator.add("bob", "other").await.unwrap_err();
    assert!(matches!(taken, AdministrationError::NameTaken), "{taken:?}");
    for (name, password) in [
        ("", "x"),
        ("guest", "x"),
        ("b b", "x"),
        ("böb", "x"),
        (&"x".repeat(32), "x"),
        ("new", ""),
        ("new", "sixteen letters!"),
        ("new", "\u{4e16}"),
    ] {
        assert!(
            operator.add(name, password).await.is_err(),
            "{name} {password}"
        );
    }
    operator.set_moderator("bob", true).await.unwrap();
    operator.set_hidden("bob", true).await.unwrap();
    let bob = accounts
        .check_password("bob", "secret", somewhere())
        .await
        .unwrap();
    assert!(bob.moderator && bob.hidden);
    operator.set_moderator("bob", false).await.unwrap();

    let token = accounts
        .issue_token("bob", "secret", somewhere())
        .await
        .unwrap();
    operator.passwd("bob", "déjà vu").await.unwrap();
    assert!(
        accounts
            .check_token("bob", &token, somewhere())
            .await
            .is_err()
    );
    assert!(
        accounts
            .check_password("bob", "secret", somewhere())
            .await
            .is_err()
    );
    assert!(
        accounts
            .check_password("bob", "déjà vu", somewhere())
            .await
            .is_ok()
    );

    let listed = operator.accounts().await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|it| (it.username.as_str(), it.moderator))
        .collect();
    assert_eq!(listed, [("bob", false), ("ann", false)]);
    operator.remove("bob").await.unwrap();
    for gone in [
        operator.remove("bob").await,
        operator.passwd("bob", "x").await,
        operator.set_hidden("Ann", true).await,
    ] {
        let error = gone.unwrap_err();
        assert!(
            matches!(error, AdministrationError::NoAccount(_)),
            "{error:?}"
        );
    }

    operator.add_hub("hub.example", 4226, "V2").await.unwrap();
    assert!(operator.add_hub("hub.example", 4226, "V3").await.is_err());
    let (hub, version) = operator.hubs().await.unwrap().remove(0);
    assert_eq!((hub.port, version.as_str()), (4226, "V2"));
    operator.remove_hub(hub.id).await.unwrap();
    assert!(operator.remove_hub(hub.id).await.is_err());
    operator.close().await;
}

/// Makes a test of each, on what `fixture` makes.
#[macro_export]
macro_rules! on {
    ($fixture:path) => {
        $crate::on!($fixture:
            passwords_and_rights_are_those_of_the_row_now,
            names_and_passwords_are_compared_with_letter_case_and_spaces,
            no_account_is_made_that_differs_in_letter_case_alone,
            rows_with_holes_are_met,
            a_token_works_once_and_not_for_long,
            a_token_is_given_for_the_password_only,
            guessing_is_stopped,
            hubs_are_those_of_the_version,
            logs_are_written_in_order,
            each_log_has_its_switch,
            a_wrong_schema_is_named,
            an_operator_manages_accounts_and_hubs,
        );
    };
    ($fixture:path: $($name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $crate::accounts_suite::$name(&$fixture().await).await;
        })*
    };
}
