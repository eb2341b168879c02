//! The page comes out of the binary and lets nothing else in.

use crate::DAEMON;
use metaserve_tests::{Daemon, http::get};

#[tokio::test]
async fn the_page_is_complete_and_admits_no_script_but_its_own() {
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
