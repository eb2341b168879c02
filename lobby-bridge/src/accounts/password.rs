//! Passwords: bcrypt on threads of its own, few at one time.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bcrypt::HashParts;
use tokio::sync::Semaphore;

/// The highest cost of a stored hash: about four seconds of one core. A higher one is not meant
/// for logins.
const MAX_COST: u32 = 16;

/// Checks passwords, few at one time.
#[derive(Debug)]
pub(super) struct Checker {
    /// Places for checks that run or wait.
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// The cost of the last checked hash. The check of a missing account takes as long.
    cost: AtomicU32,
}

/// Why a password could not be checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unchecked {
    /// Too many checks are waiting.
    Busy,
    /// The stored hash is invalid.
    BadHash(String),
}

impl Checker {
    pub(super) fn new(at_once: usize, waiting: usize, cost: u32) -> Self {
        let places = |number: usize| Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        let at_once = at_once.max(1);
        Self {
            running: places(at_once),
            waiting: places(at_once.saturating_add(waiting)),
            cost: AtomicU32::new(cost.clamp(4, MAX_COST)),
        }
    }

    /// Checks `password` against the hash of an account. A missing hash never matches. The check of
    /// a missing account takes as long as the last one of an existing account.
    pub(super) async fn check(
        &self,
        password: &str,
        hash: Option<&[u8]>,
    ) -> Result<bool, Unchecked> {
        let parts = hash.map(parse).transpose().map_err(Unchecked::BadHash)?;
        let cost = parts
            .as_ref()
            .map_or(self.cost.load(Ordering::Relaxed), HashParts::get_cost);
        self.cost.store(cost, Ordering::Relaxed);
        let hash = parts.map(|parts| parts.to_string());
        let password = password.to_owned();
        self.beside(move || match hash {
            Some(hash) => bcrypt::verify(password, &hash).unwrap_or(false),
            None => {
                let _ = bcrypt::hash_with_salt(password, cost, [0x5a; 16]);
                false
            }
        })
        .await
    }

    /// Makes a new hash with this cost.
    pub(super) async fn hash(&self, password: &str, cost: u32) -> Result<String, Unchecked> {
        let password = password.to_owned();
        self.beside(move || bcrypt::hash(password, cost.clamp(4, MAX_COST)))
            .await?
            .map_err(|error| Unchecked::BadHash(error.to_string()))
    }

    /// Runs `work` on a blocking thread. It is finished, and counts as running, even if the caller
    /// no longer waits for it.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unchecked> {
        let waiting = Arc::clone(&self.waiting);
        let waiting = waiting.try_acquire_owned().map_err(|_| Unchecked::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let work = tokio::task::spawn_blocking(move || {
            let _places = (waiting, running);
            work()
        });
        work.await.map_err(|_| Unchecked::Busy)
    }
}

/// Parses a hash of an existing database: `$2a$`, `$2b$` or `$2y$`.
fn parse(hash: &[u8]) -> Result<HashParts, String> {
    let hash = str::from_utf8(hash).map_err(|_| "the hash is not text".to_owned())?;
    let known = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|it| hash.starts_with(it));
    if !known {
        return Err("the hash is not from bcrypt".to_owned());
    }
    let parts: HashParts = hash.parse().map_err(|error| format!("{error}"))?;
    match parts.get_cost() {
        cost @ (0..4 | 17..) => Err(format!("the hash has cost {cost}, not 4 to {MAX_COST}")),
        _ => Ok(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with libxcrypt, not with the library that checks them here.
    const EXISTING: [&str; 3] = [
        "$2b$04$abcdefghijklmnopqrstuu2v5fNaV95UiPt3r1a15WhlglydMOP2u",
        "$2a$04$abcdefghijklmnopqrstuu2v5fNaV95UiPt3r1a15WhlglydMOP2u",
        "$2y$04$abcdefghijklmnopqrstuu2v5fNaV95UiPt3r1a15WhlglydMOP2u",
    ];

    #[tokio::test]
    async fn hashes_of_existing_databases_can_be_checked() {
        let checker = Checker::new(1, 10, 4);
        for hash in EXISTING {
            let hash = Some(hash.as_bytes());
            assert_eq!(checker.check("déjà vu", hash).await, Ok(true), "{hash:?}");
            assert_eq!(checker.check("deja vu", hash).await, Ok(false));
        }
        assert_eq!(checker.check("", None).await, Ok(false));
    }

    #[tokio::test]
    async fn an_invalid_hash_is_an_error_and_never_matches() {
        let checker = Checker::new(1, 10, 4);
        let [good, ..] = EXISTING;
        let expensive = good.replace("$04$", "$31$");
        for hash in ["", "secret", "$1$abc$def", "$2b$04$short", &expensive] {
            let answer = checker.check("secret", Some(hash.as_bytes())).await;
            assert!(
                matches!(answer, Err(Unchecked::BadHash(_))),
                "{hash}: {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_new_hash_matches_its_password() {
        let checker = Checker::new(1, 10, 4);
        let hash = checker.hash("secret", 4).await.unwrap();
        assert_eq!(
            checker.check("secret", Some(hash.as_bytes())).await,
            Ok(true)
        );
    }

    #[tokio::test]
    async fn checks_beyond_the_limit_are_refused_at_once() {
        let checker = Checker::new(1, 1, 4);
        let running = checker.running.acquire().await.unwrap();
        let mut second = std::pin::pin!(checker.check("", None));
        let mut third = std::pin::pin!(checker.check("", None));
        let waits = |_: &mut std::task::Context<'_>| std::task::Poll::Ready(());
        // Each is polled once. Both wait for the one that runs.
        tokio::select! { biased; _ = &mut second => panic!(), () = std::future::poll_fn(waits) => {} }
        tokio::select! { biased; _ = &mut third => panic!(), () = std::future::poll_fn(waits) => {} }
        assert_eq!(checker.check("", None).await, Err(Unchecked::Busy));
        drop(running);
        assert_eq!(second.await, Ok(false));
    }
}
