//! Whether the task that owns a lobby's state still works.

use tokio::sync::{mpsc, oneshot};

/// Asks the task that owns a lobby's state for signs of life. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pulse {
    questions: mpsc::Sender<oneshot::Sender<()>>,
}

/// The owner's side: it answers between two events.
#[derive(Debug)]
pub(crate) struct Heart {
    questions: mpsc::Receiver<oneshot::Sender<()>>,
}

/// A pulse and the heart that it is felt of.
pub(crate) fn pulse() -> (Pulse, Heart) {
    let (ask, questions) = mpsc::channel(1);
    (Pulse { questions: ask }, Heart { questions })
}

impl Pulse {
    /// Completes when the owner has had a turn since; never when it has ended or does not run.
    /// Cancel safe.
    pub async fn beat(&self) {
        let (answer, answered) = oneshot::channel();
        let asked = self.questions.send(answer).await;
        if asked.is_err() || answered.await.is_err() {
            std::future::pending().await
        }
    }
}

impl Heart {
    /// Answers whoever asks, for as long as it is polled. Cancel safe.
    pub(crate) async fn beat(&mut self) {
        while let Some(answer) = self.questions.recv().await {
            let _ = answer.send(());
        }
        // Nobody can ask any more.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::pin::pin;

    #[tokio::test]
    async fn a_beat_is_felt_only_while_the_owner_works() {
        let (pulse, mut heart) = pulse();
        let mut felt = pin!(pulse.beat());
        assert_eq!(felt.as_mut().now_or_never(), None, "it is stuck");
        let works = tokio::select! {
            () = &mut felt => true,
            () = heart.beat() => false,
        };
        assert!(works);
        drop(heart);
        assert_eq!(pulse.beat().now_or_never(), None, "it has ended");
    }
}
