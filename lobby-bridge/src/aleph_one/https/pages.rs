//! The open settings pages, by their secrets. Pure, except that it makes the secrets.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ring::rand::{SecureRandom as _, SystemRandom};

/// The pages that were shown and have not been used yet.
#[derive(Debug)]
pub(super) struct Pages {
    lifetime: Duration,
    most: usize,
    /// By secret: the account, and when the page expires.
    open: Mutex<HashMap<String, (String, Instant)>>,
}

impl Pages {
    pub(super) fn new(lifetime: Duration, most: usize) -> Self {
        Self {
            lifetime,
            most: most.max(1),
            open: Mutex::default(),
        }
    }

    /// Opens a page for `username`, and returns its secret.
    pub(super) fn open(&self, username: &str, now: Instant) -> String {
        let mut bytes = [0; 16];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.expect("the operating system provides random bytes");
        let secret: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
        let mut open = self.lock();
        open.retain(|_, (_, until)| *until > now);
        if open.len() >= self.most {
            let oldest = open.iter().min_by_key(|(_, (_, until))| *until);
            let oldest = oldest.map(|(secret, _)| secret.clone());
            oldest.map(|secret| open.remove(&secret));
        }
        let until = now + self.lifetime;
        open.insert(secret.clone(), (username.to_owned(), until));
        secret
    }

    /// Uses up the page with this secret, and returns its account.
    pub(super) fn close(&self, secret: &str, now: Instant) -> Option<String> {
        let (username, until) = self.lock().remove(secret)?;
        (until > now).then_some(username)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::time::now;

    #[test]
    fn a_page_works_once_and_expires() {
        let pages = Pages::new(Duration::from_secs(600), 2);
        let now = now();
        let page = pages.open("bob", now);
        assert_eq!(pages.close("guess", now), None);
        assert_eq!(pages.close(&page, now).as_deref(), Some("bob"));
        assert_eq!(pages.close(&page, now), None);
        let page = pages.open("bob", now);
        assert_eq!(pages.close(&page, now + Duration::from_secs(600)), None);
    }

    #[test]
    fn beyond_the_limit_the_oldest_page_is_void() {
        let pages = Pages::new(Duration::from_secs(600), 2);
        let now = now();
        let second = Duration::from_secs(1);
        let opened = [0, 1, 2].map(|n| pages.open("bob", now + n * second));
        let works = opened.map(|it| pages.close(&it, now + 3 * second).is_some());
        assert_eq!(works, [false, true, true]);
    }
}
