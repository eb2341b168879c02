//! Checking that the task that owns a lobby's state still runs.

use tokio::sync::{mpsc, oneshot};

/// Checks that the task that owns a lobby's state still runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pulse {
    questions: mpsc::Sender<oneshot::Sender<()>>,
}

/// The owner's side. It answers between two events.
#[derive(Debug)]
pub(crate) struct Heart {
    questions: mpsc::Receiver<oneshot::Sender<()>>,
}

/// Makes both ends.
pub(crate) fn pulse() -> (Pulse, Heart) {
    let (ask, questions) = mpsc::channel(1);
    (Pulse { questions: ask }, Heart { questions })
}

impl Pulse {
    /// Completes when the owner has handled the question. Never completes if the owner has ended
    /// or does not run. Cancel safe.
    pub async fn beat(&self) {
        let (answer, answered) = oneshot::channel();
        let asked = self.questions.send(answer).await;
        if asked.is_err() || answered.await.is_err() {
            std::future::pending().await
        }
    }
}

impl Heart {
    /// Answers all questions, as long as it is polled. Cancel safe.
    pub(crate) async fn beat(&mut self) {
        while let Some(answer) = self.questions.recv().await {
            let _ = answer.send(());
        }
        // All pulses are gone: there will be no more questions.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::pin::pin;

    #[tokio::test]
    async fn a_pulse_beats_only_while_the_owner_runs() {
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
