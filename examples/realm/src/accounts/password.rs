//! Passwords: argon2id in PHC form, on threads of their own, few at a time.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use thiserror::Error;
use tokio::sync::Semaphore;

/// How many more may wait before others are refused.
const WAITING: usize = 100;

/// Makes and checks hashes. Each takes 19 MiB and some 20 ms, with argon2's recommended parameters.
#[derive(Debug)]
pub(super) struct Hasher {
    /// Places for those that run or wait.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// What the password of an account is compared with that does not exist.
    nobody: String,
    /// How many hashes were computed.
    computed: Arc<AtomicU64>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum NotHashed {
    /// Too many wait already.
    #[error("too many are logging in: try again in a few seconds")]
    Busy,
    /// The stored hash, or a new one, cannot be computed.
    #[error("the password cannot be checked: {0}")]
    Unusable(String),
}

impl Hasher {
    /// Checks half as many at a time as there are cores, at least one.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of((cores / 2).max(1), WAITING)
    }

    fn of(at_once: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_once + waiting)),
            running: Arc::new(Semaphore::new(at_once)),
            nobody: hash(b"nobody").unwrap_or_default(),
            computed: Arc::default(),
        }
    }

    /// Whether this is the password of the account with this hash. Without a hash it never is, after
    /// the same work.
    pub(super) async fn is(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, NotHashed> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let matches = self.beside(move || {
            let hash = PasswordHash::new(&hash);
            let hash = hash.map_err(|error| NotHashed::Unusable(error.to_string()))?;
            Ok(Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok())
        });
        Ok(matches.await? && known)
    }

    /// The hash of a new password, in PHC form.
    pub(super) async fn hash(&self, password: String) -> Result<String, NotHashed> {
        self.beside(move || hash(password.as_bytes())).await
    }

    /// How many hashes were computed so far.
    #[cfg(test)]
    pub(super) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Runs `work` on a blocking thread. It counts as running until it is finished, also if nobody
    /// waits for it any more.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NotHashed> + Send + 'static,
    ) -> Result<T, NotHashed> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| NotHashed::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let computed = Arc::clone(&self.computed);
        let work = tokio::task::spawn_blocking(move || {
            let _places = (place, running);
            computed.fetch_add(1, Ordering::Relaxed);
            work()
        });
        work.await.map_err(|_| NotHashed::Busy)?
    }
}

fn hash(password: &[u8]) -> Result<String, NotHashed> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password);
    let hash = hash.map_err(|error| NotHashed::Unusable(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::poll_fn, pin::pin, task::Poll};

    #[tokio::test]
    async fn a_hash_is_argon2id_and_matches_its_password_only() {
        let hasher = Hasher::of(1, 10);
        let hash = hasher.hash("correct horse".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let is = |password: &str| hasher.is(password.into(), Some(hash.clone()));
        assert_eq!(is("correct horse").await, Ok(true));
        assert_eq!(is("Correct horse").await, Ok(false));
        let again = hasher.hash("correct horse".into()).await.unwrap();
        assert_ne!(hash, again, "each has its own salt");
    }

    /// Made with the reference implementation, not with the library that checks it here.
    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_matches() {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = Hasher::of(1, 10);
        let is = hasher.is("password".into(), Some(known.into())).await;
        assert_eq!(is, Ok(true));
    }

    #[tokio::test]
    async fn nobody_has_a_password() {
        let hasher = Hasher::of(1, 10);
        assert_eq!(hasher.is("nobody".into(), None).await, Ok(false));
        assert_eq!(hasher.computed(), 1, "it took the same work");
    }

    #[tokio::test]
    async fn an_unusable_hash_never_matches() {
        let hasher = Hasher::of(1, 10);
        for hash in [
            "",
            "secret",
            "$2b$04$abc",
            "$argon2id$v=19$m=19456,t=2,p=1$",
        ] {
            let is = hasher.is("secret".into(), Some(hash.into())).await;
            assert_ne!(is, Ok(true), "{hash}");
        }
    }

    #[tokio::test]
    async fn those_beyond_the_limit_are_refused_at_once() {
        let hasher = Hasher::of(1, 1);
        let running = hasher.running.acquire().await.unwrap();
        let mut second = pin!(hasher.is(String::new(), None));
        let mut third = pin!(hasher.is(String::new(), None));
        // Each is polled once. Both wait for the one that runs.
        for waiting in [&mut second, &mut third] {
            poll_fn(|context| {
                assert!(waiting.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        assert_eq!(hasher.is(String::new(), None).await, Err(NotHashed::Busy));
        drop(running);
        assert_eq!(second.await, Ok(false));
    }
}
