//! Accepting connections, through times in which the system gives none.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use metaserve::time::now;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How long to wait before accepting again after the system refused to: others have to go first.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the log is told while that goes on.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The next connection of this listener. An error of the system, such as too many open files, is
/// logged and waited out. Cancel safe.
pub(crate) async fn accept(
    listener: &TcpListener,
    trouble: &mut Trouble,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                trouble.over();
                return accepted;
            }
            Err(error) => {
                if let Some(times) = trouble.happened(now()) {
                    tracing::warn!(
                        %error, times,
                        "cannot accept connections now: is the limit of open files too low?"
                    );
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// What has not been said yet of a listener's failures. Pure.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    said: Option<Instant>,
    unsaid: u32,
}

impl Trouble {
    /// It has failed once more. Returns how often that was since it was said last, if it is to be
    /// said now: at the first time, and then once a minute.
    fn happened(&mut self, now: Instant) -> Option<u32> {
        self.unsaid = self.unsaid.saturating_add(1);
        let due = self.said.is_none_or(|said| now >= said + SAY_EVERY);
        due.then(|| {
            self.said = Some(now);
            std::mem::take(&mut self.unsaid)
        })
    }

    /// It has not failed. Who fails and succeeds in turn is not said more often for that.
    fn over(&mut self) {
        self.unsaid = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasting_trouble_is_said_once_a_minute() {
        let start = now();
        let mut trouble = Trouble::default();
        let mut said = Vec::new();
        for step in 0..1_300 {
            let now = start + PAUSE * step;
            said.extend(trouble.happened(now).map(|times| (step, times)));
            // Now and then a connection goes, and its place is taken at once.
            if step % 7 == 0 {
                trouble.over();
            }
        }
        // With how often it has failed since it last went well.
        assert_eq!(said, [(0, 1), (600, 5), (1_200, 3)]);
    }
}
