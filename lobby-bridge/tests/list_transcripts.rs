//! Plays every recorded conversation with the lists of DDNet and Luanti, which must answer as
//! specified.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod list_harness;
mod list_transcript;

use std::{fs, path::PathBuf};

use list_harness::Lists;
use list_transcript::{Player, Transcript};

fn transcripts(protocol: &str) -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let entries = fs::read_dir(folder.join(protocol)).expect("the transcripts are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a readable file"));
    let read = |path| read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    paths.iter().map(read).collect()
}

async fn play(protocol: &str, least: usize) {
    let transcripts = transcripts(protocol);
    let mut failed = Vec::new();
    for transcript in &transcripts {
        // One after the other: what one leaves behind is not the next one's.
        let lists = Lists::open().await;
        let played = Player::new(lists.port).play(&transcript.steps).await;
        failed.extend(
            played
                .err()
                .map(|why| format!("{}: {why}", transcript.scenario)),
        );
        lists.close().await;
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(transcripts.len() >= least, "only {}", transcripts.len());
}

#[tokio::test]
async fn every_transcript_of_ddnet_is_answered_as_specified() {
    play("ddnet", 11).await;
}

#[tokio::test]
async fn every_transcript_of_luanti_is_answered_as_specified() {
    play("luanti", 9).await;
}
