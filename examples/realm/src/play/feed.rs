//! The newest entries of a log, for many readers who each keep a place of their own.

use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::watch;

/// Entries under numbers that grow, of which a bounded number is kept. A reader that is slower than
/// that is told of the gap; none holds up another.
#[derive(Debug)]
pub(super) struct Feed<T> {
    ring: Mutex<Ring<T>>,
    newest: watch::Sender<u64>,
}

impl<T: Clone> Feed<T> {
    /// Keeps at most so many entries.
    pub(super) fn new(most: usize) -> Self {
        Self {
            ring: Mutex::new(Ring::new(most)),
            newest: watch::Sender::new(0),
        }
    }

    /// Adds an entry, whose number is greater than that of all others.
    pub(super) fn push(&self, number: u64, entry: T) {
        self.ring.lock().push(number, entry);
        self.newest.send_replace(number);
    }

    /// Adds an entry with the next number.
    pub(super) fn push_next(&self, entry: T) {
        let mut ring = self.ring.lock();
        let number = ring.newest + 1;
        ring.push(number, entry);
        drop(ring);
        self.newest.send_replace(number);
    }

    /// What comes next has a number above this one; everything up to it is not here.
    pub(super) fn restart(&self, number: u64) {
        self.ring.lock().restart(number);
        self.newest.send_replace(number);
    }

    /// At most so many entries after a number, in order; `None` if some of them are not kept.
    pub(super) fn after(&self, number: u64, most: usize) -> Option<Vec<(u64, T)>> {
        self.ring.lock().after(number, most)
    }

    /// How often the numbers have begun again below what they were: a place from before is void.
    pub(super) fn generation(&self) -> u64 {
        self.ring.lock().generation
    }

    /// The number of the newest entry.
    pub(super) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// The number of the oldest entry that may be missing.
    pub(super) fn floor(&self) -> u64 {
        self.ring.lock().floor
    }

    /// Tells when there is something new.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[derive(Debug)]
struct Ring<T> {
    most: usize,
    /// All entries above this number are here.
    floor: u64,
    newest: u64,
    generation: u64,
    entries: VecDeque<(u64, T)>,
}

impl<T: Clone> Ring<T> {
    const fn new(most: usize) -> Self {
        Self {
            most,
            floor: 0,
            newest: 0,
            generation: 0,
            entries: VecDeque::new(),
        }
    }

    fn push(&mut self, number: u64, entry: T) {
        if self.entries.len() == self.most
            && let Some((dropped, _)) = self.entries.pop_front()
        {
            self.floor = dropped;
        }
        self.newest = number;
        self.entries.push_back((number, entry));
    }

    fn restart(&mut self, number: u64) {
        self.entries.clear();
        self.generation += u64::from(number < self.newest);
        (self.floor, self.newest) = (number, number);
    }

    fn after(&self, number: u64, most: usize) -> Option<Vec<(u64, T)>> {
        if number < self.floor {
            return None;
        }
        let from = self.entries.partition_point(|(it, _)| *it <= number);
        Some(self.entries.iter().skip(from).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_is_new_and_a_slow_one_is_told_of_the_gap() {
        let feed = Feed::new(3);
        for number in [2, 4, 6] {
            feed.push(number, number);
        }
        let numbers = |after, most| {
            let entries = feed.after(after, most)?;
            Some(entries.into_iter().map(|(_, it)| it).collect::<Vec<_>>())
        };
        assert_eq!(numbers(0, 9), Some(vec![2, 4, 6]));
        assert_eq!(numbers(4, 9), Some(vec![6]));
        assert_eq!(numbers(0, 2), Some(vec![2, 4]));
        assert_eq!(numbers(6, 9), Some(vec![]));
        feed.push(8, 8);
        assert_eq!(numbers(1, 9), None);
        assert_eq!(numbers(2, 9), Some(vec![4, 6, 8]));
        feed.restart(100);
        assert_eq!(numbers(8, 9), None);
        assert_eq!(numbers(100, 9), Some(vec![]));
        assert_eq!((feed.newest(), feed.generation()), (100, 0));
        feed.restart(3);
        assert_eq!((feed.newest(), feed.generation()), (3, 1));
    }
}
