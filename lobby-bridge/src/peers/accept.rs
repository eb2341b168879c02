//! Accepting connections, also when the system has no file descriptors left.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use metaserve::time::now;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// How long to wait before accepting again after the system refused. Other connections have to
/// end first.
const PAUSE: Duration = Duration::from_millis(100);

/// The least time between two log lines about that.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Returns the next connection of this listener. After an error of the system, such as too many
/// open files, logs it, waits and tries again. Cancel safe.
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

/// The failures of a listener that have not been logged yet. Pure.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    said: Option<Instant>,
    unsaid: u32,
}

impl Trouble {
    /// Records a failure. If a log line is due, returns how many failures it covers: one is due at
    /// the first failure, and then once a minute.
    fn happened(&mut self, now: Instant) -> Option<u32> {
        self.unsaid = self.unsaid.saturating_add(1);
        let due = self.said.is_none_or(|said| now >= said + SAY_EVERY);
        due.then(|| {
            self.said = Some(now);
            std::mem::take(&mut self.unsaid)
        })
    }

    /// Records a success. Alternating failures and successes do not cause more log lines.
    fn over(&mut self) {
        self.unsaid = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lasting_failures_are_logged_once_a_minute() {
        let start = now();
        let mut trouble = Trouble::default();
        let mut said = Vec::new();
        for step in 0..1_300 {
            let now = start + PAUSE * step;
            said.extend(trouble.happened(now).map(|times| (step, times)));
            // Now and then a connection ends, and another one takes its place at once.
            if step % 7 == 0 {
                trouble.over();
            }
        }
        // Each line tells how many failures there were since the last success.
        assert_eq!(said, [(0, 1), (600, 5), (1_200, 3)]);
    }
}
