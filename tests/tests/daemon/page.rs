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
