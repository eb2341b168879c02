//! Every recorded conversation gets the answers that the specification wants.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod harness;
mod vcmi_transcript;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use harness::Lobby;
use metaserve_lobby_bridge::vcmi::Settings;
use tokio::{sync::Semaphore, task::JoinSet};
use vcmi_transcript::{Player, Transcript};

/// Conversations at one time: most of their time they wait.
const AT_ONE_TIME: usize = 12;

/// Time passes this much faster in conversations about health checks.
const HASTE: u32 = 25;

fn transcripts() -> Vec<Transcript> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts/vcmi");
    let entries = fs::read_dir(&directory).expect("the transcripts are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a readable file"));
    paths
        .iter()
        .map(|path| read(path).unwrap_or_else(|e| panic!("{path:?}: {e}")))
        .collect()
}

async fn replay(transcript: &Transcript) -> Result<(), String> {
    let (mut settings, mut haste) = (Settings::default(), 1);
    match transcript.requires.as_deref() {
        None => {}
        Some("healthcheck=10") => {
            haste = HASTE;
            settings.health_check = Duration::from_secs(10) / HASTE;
        }
        Some(other) => return Err(format!("cannot provide {other}")),
    }
    let lobby = Lobby::run(settings);
    let result = Player::new(&lobby, haste).play(&transcript.steps).await;
    lobby.close().await;
    result
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_transcript_is_answered_as_specified() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        report(panic);
    }));

    let turns = Arc::new(Semaphore::new(AT_ONE_TIME));
    let mut plays = JoinSet::new();
    for transcript in transcripts() {
        let turns = Arc::clone(&turns);
        plays.spawn(async move {
            let _turn = turns.acquire().await;
            let result = replay(&transcript).await;
            result.map_err(|error| format!("{}: {error}", transcript.scenario))
        });
    }
    let results = plays.join_all().await;
    let failed: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    println!(
        "{} passed, {} failed",
        results.len() - failed.len(),
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(results.len() >= 76, "only {} transcripts", results.len());
    assert_eq!(
        PANICS.load(Ordering::Relaxed),
        0,
        "a task of the server panicked"
    );
}
