//! Tests of tokens, and of the limits on guessing.

use std::{net::IpAddr, time::Duration};

use metaserve_lobby_bridge::accounts::{Accounts, AttemptLimits, Refusal, Settings};

use super::fixture::{Fixture, TOKEN, options, somewhere};

/// `docs/specifications/myth-metaserver.md`, section 9, including tokens that another program has
/// stored.
pub(crate) async fn a_token_works_once_and_expires(it: &Fixture) {
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
        "an empty answer is not a token"
    );
}

/// Tokens that the bridge issues.
pub(crate) async fn a_token_is_issued_only_for_the_password(it: &Fixture) {
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
    // Of several at the same time, only one succeeds.
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

/// Guessing is stopped; the owner is not.
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
