//! Inputs made from others, the same ones in each run.

use std::ops::Range;

use fastrand::Rng;

/// The longest input.
const MAX_BYTES: usize = 16 * 1024;

/// Bytes at which readers go wrong: ends, separators, escapes, and the limits of numbers.
const BYTES: &[u8] = b"\0\x01\t\n\r \"%&+,-./0129:;<=>?[\\]{}\x7f\x80\xbf\xc0\xe2\xff";

/// Makes an input of `seed`, with parts of `other`.
pub(crate) fn mutated(seed: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..8) {
        mutate(&mut bytes, other, rng);
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let (here, there) = (range(bytes.len(), rng), range(other.len(), rng));
    match rng.u8(..9) {
        0 => {
            if let Some(byte) = bytes.get_mut(here.start) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(here.start) {
                *byte = BYTES[rng.usize(..BYTES.len())];
            }
        }
        2 => bytes.insert(here.start, rng.u8(..)),
        3 => drop(bytes.drain(here)),
        4 => {
            let twice = bytes[here.clone()].to_vec();
            bytes.splice(here.end..here.end, twice);
        }
        5 => drop(bytes.splice(here, other[there].iter().copied())),
        6 => bytes.truncate(here.start),
        7 => bytes.extend_from_slice(&other[there]),
        _ => {
            let long = vec![BYTES[rng.usize(..BYTES.len())]; 1 << rng.u32(..11)];
            bytes.splice(here.start..here.start, long);
        }
    }
}

/// A part of so many bytes, mostly a short one.
fn range(length: usize, rng: &mut Rng) -> Range<usize> {
    let begin = rng.usize(..=length);
    let most = (length - begin).min(1 << rng.u32(..12));
    begin..begin + rng.usize(..=most)
}
