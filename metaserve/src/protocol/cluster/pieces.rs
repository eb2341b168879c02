//! Bodies cut into pieces that fit a payload, and put together again.

use super::Piece;
use bytes::Bytes;

/// The pieces of a body, in order; at least one.
#[derive(Clone, Debug)]
pub struct Pieces {
    rest: Option<Bytes>,
    most: usize,
    number: u32,
}

impl Pieces {
    /// Cuts a body into pieces of at most `most` bytes, but at least one. They share its memory.
    #[must_use]
    pub fn of(body: Bytes, most: usize) -> Self {
        Self {
            rest: Some(body),
            most: most.max(1),
            number: 0,
        }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let mut bytes = self.rest.take()?;
        if bytes.len() > self.most {
            self.rest = Some(bytes.split_off(self.most));
        }
        let number = self.number;
        self.number += 1;
        Some(Piece {
            number,
            more: self.rest.is_some(),
            bytes,
        })
    }
}

/// Puts the pieces of one body after the other together. Holds at most `most` bytes.
#[derive(Debug)]
pub struct Assembly<Step> {
    most: usize,
    /// The step whose pieces are being collected, and the piece that is to come.
    open: Option<(Step, u32)>,
    bytes: Vec<u8>,
    /// The last step that is complete: its pieces may come again.
    done: Option<Step>,
}

/// What a piece has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assembled {
    /// The body is complete.
    Whole(Bytes),
    /// More is to come, or the piece was there before.
    Waits,
    /// A piece before it is missing: the body is lost.
    Gap,
    /// The body is longer than is allowed: it is lost.
    TooLong,
}

impl<Step: Clone + PartialEq> Assembly<Step> {
    /// For bodies of at most `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            open: None,
            bytes: Vec::new(),
            done: None,
        }
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the body that is not complete.
    pub fn clear(&mut self) {
        self.open = None;
        self.bytes = Vec::new();
    }

    /// Takes the next piece, which belongs to `step`.
    pub fn take(&mut self, step: &Step, piece: Piece) -> Assembled {
        if self.done.as_ref() == Some(step) {
            return Assembled::Waits;
        }
        match (&self.open, piece.number) {
            (_, 0) if !piece.more => {
                self.clear();
                self.done = Some(step.clone());
                return match piece.bytes.len() <= self.most {
                    true => Assembled::Whole(piece.bytes),
                    false => Assembled::TooLong,
                };
            }
            (Some((open, next)), number) if open == step && number < *next => {
                return Assembled::Waits;
            }
            (_, 0) => self.bytes.clear(),
            (Some((open, next)), number) if open == step && number == *next => {}
            _ => {
                self.clear();
                return Assembled::Gap;
            }
        }
        if self.bytes.len() + piece.bytes.len() > self.most {
            self.clear();
            return Assembled::TooLong;
        }
        self.bytes.extend_from_slice(&piece.bytes);
        if piece.more {
            self.open = Some((step.clone(), piece.number + 1));
            return Assembled::Waits;
        }
        self.open = None;
        self.done = Some(step.clone());
        Assembled::Whole(std::mem::take(&mut self.bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(length: usize) -> Bytes {
        (0..length).map(|at| at as u8).collect()
    }

    proptest! {
        #[test]
        fn any_body_is_whole_again_whatever_comes_twice(
            length in 0..200_usize,
            most in 1..50_usize,
            twice in any::<u64>(),
        ) {
            let mut assembly = Assembly::new(200);
            let mut whole = Vec::new();
            let mut before: Option<Piece> = None;
            for (at, piece) in Pieces::of(body(length), most).enumerate() {
                prop_assert!(piece.bytes.len() <= most);
                let again = twice >> (at % 64) & 1 == 1;
                let old = before.replace(piece.clone()).filter(|_| again);
                for piece in [Some(piece), old].into_iter().flatten() {
                    match assembly.take(&7, piece) {
                        Assembled::Whole(body) => whole.push(body),
                        Assembled::Waits => {}
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
            }
            prop_assert_eq!(whole, [body(length)]);
            prop_assert_eq!(assembly.held(), 0);
        }
    }

    #[test]
    fn a_missing_piece_loses_the_body_and_the_next_body_is_whole() {
        let pieces: Vec<_> = Pieces::of(body(30), 10).collect();
        for lost in 0..3 {
            let mut assembly = Assembly::new(100);
            let mut seen = Vec::new();
            for (at, piece) in pieces.iter().enumerate().filter(|(at, _)| *at != lost) {
                seen.push((at, assembly.take(&1, piece.clone())));
            }
            assert!(!seen.iter().any(|(_, it)| matches!(it, Assembled::Whole(_))));
            let after = Pieces::of(body(5), 10).next().unwrap();
            assert_eq!(assembly.take(&2, after), Assembled::Whole(body(5)));
        }
    }

    #[test]
    fn a_body_beyond_the_limit_is_not_kept() {
        let mut assembly = Assembly::new(25);
        let ends: Vec<_> = Pieces::of(body(30), 10)
            .map(|piece| assembly.take(&1, piece))
            .collect();
        assert_eq!(
            ends,
            [Assembled::Waits, Assembled::Waits, Assembled::TooLong]
        );
        assert_eq!(assembly.held(), 0);
    }
}
