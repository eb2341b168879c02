//! A service manager, as a program sees it: a socket for notifications.

use crate::patiently;
use tempfile::{TempDir, tempdir};
use tokio::net::UnixDatagram;

/// The service manager's socket for notifications.
pub struct Manager {
    socket: UnixDatagram,
    path: String,
    _directory: TempDir,
}

impl Manager {
    /// Opens the socket.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it opens a socket")]
    pub fn new() -> Self {
        let directory = tempdir().expect("a directory for the socket");
        let path = directory.path().join("notify");
        Self {
            socket: UnixDatagram::bind(&path).expect("a new socket"),
            path: path.to_str().expect("text").to_owned(),
            _directory: directory,
        }
    }

    /// The path of the socket.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What makes a program notify, and give a sign of life twice a second.
    #[must_use]
    pub fn environment(&self) -> [(&str, &str); 2] {
        [("NOTIFY_SOCKET", &self.path), ("WATCHDOG_USEC", "1000000")]
    }

    /// Whether nothing was told.
    #[must_use]
    pub fn heard_nothing(&self) -> bool {
        self.socket.try_recv(&mut [0; 64]).is_err()
    }

    /// The lines of the next message.
    ///
    /// # Panics
    /// When none comes.
    pub async fn told(&self) -> Vec<String> {
        let mut message = [0; 1024];
        let length = patiently("a message", self.socket.recv(&mut message));
        let length = length.await.expect("the socket works");
        let text = std::str::from_utf8(&message[..length]).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    /// The lines of the next message other than a sign of life.
    ///
    /// # Panics
    /// When none comes.
    pub async fn told_otherwise(&self) -> Vec<String> {
        // Signs of life that go on must not keep a test waiting.
        let told = async {
            loop {
                let told = self.told().await;
                if told != ["WATCHDOG=1"] {
                    return told;
                }
            }
        };
        patiently("another message than a sign of life", told).await
    }
}
