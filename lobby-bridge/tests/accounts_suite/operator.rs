//! Tests of hubs, and of the operator's commands.

use metaserve_lobby_bridge::accounts::{Administration, AdministrationError, Hub};

use super::fixture::{Fixture, somewhere};

/// Hubs are found by exact version, in order.
pub(crate) async fn hubs_are_found_by_version(it: &Fixture) {
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

/// The subcommands work while the service runs.
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
