//! What the targets over loopback share: how an input is read, and how a peer says it.

use std::time::Duration;

use quinn::SendStream;
use tokio::runtime::{Builder, Runtime};

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What one peer does. Input: a byte that names its role, one that says how the stream is cut and
/// how it ends, and the bytes of the stream.
pub struct Script<'a> {
    pub role: u8,
    pub manner: u8,
    pub bytes: &'a [u8],
}

impl<'a> Script<'a> {
    /// None when the input is too short for a peer to do anything.
    pub fn read(input: &'a [u8]) -> Option<Self> {
        let [role, manner, bytes @ ..] = input else {
            return None;
        };
        Some(Self {
            role: *role,
            manner: *manner,
            bytes,
        })
    }

    /// Whether the stream is reset instead of finished.
    pub fn resets(&self) -> bool {
        self.manner / 16 % 4 == 0
    }

    /// Writes the bytes piece by piece, so that frames are cut anywhere. The stream is still open
    /// after it, unless the other side closes at the sight of the beginning.
    pub async fn say(&self, out: &mut SendStream) {
        for piece in self.bytes.chunks(usize::from(self.manner % 16) * 4 + 3) {
            if out.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// A runtime for both sides.
pub fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}
