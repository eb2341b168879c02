//! Tests of the logs.

use std::time::Duration;

use metaserve_lobby_bridge::accounts::{
    Accounts, ChatKind, ChatRow, EventRow, LogRow, LoginDetailRow, Logs, Settings, Target,
};

use super::fixture::{Fixture, options};

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

/// All columns are written, and bytes are not changed.
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

/// Each log is switched on its own. Private messages do not need the log of chat (D7).
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
