//! The page is part of the binary and allows no foreign content.

use crate::DAEMON;
use metaserve_tests::{Daemon, http::get};

#[tokio::test]
async fn the_page_is_complete_and_allows_only_its_own_script() {
    let mut daemon = Daemon::start(DAEMON, &["--http", "127.0.0.1:0"]).await;
    let address = daemon.http().await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
    ] {
        let answer = get(address, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with(kind), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        for foreign in ["http://", "https://", "innerHTML", "outerHTML", "style="] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
    }
}

#[tokio::test]
async fn modules_of_the_list_can_be_loaded_by_other_sites() {
    let mut daemon = Daemon::start(DAEMON, &["--http", "127.0.0.1:0"]).await;
    let address = daemon.http().await;
    for path in ["/metaserve-list.js", "/server-list.js", "/columns.js"] {
        let answer = get(address, path, &[("origin", "https://site.example.org")]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with("text/javascript"));
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        // What it imports is served beside it.
        for import in text
            .lines()
            .filter_map(|line| line.split_once(" from \"./"))
        {
            let path = format!("/{}", import.1.trim_end_matches("\";"));
            assert_eq!(get(address, &path, &[]).await.status, 200, "{path}");
        }
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "style="] {
            assert!(!text.contains(markup), "{path} has {markup}");
        }
    }
}

#[tokio::test]
async fn a_refused_listener_is_told_when_to_try_again_also_on_other_sites() {
    let settings = ["--http", "127.0.0.1:0", "--max-listeners", "0"];
    let mut daemon = Daemon::start(DAEMON, &settings).await;
    let address = daemon.http().await;
    let origin = [("origin", "https://site.example.org")];
    let answer = get(address, "/api/v1/events", &origin).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), "10");
    let exposed = answer.header("access-control-expose-headers");
    assert!(exposed.contains("retry-after"), "{exposed}");
}
