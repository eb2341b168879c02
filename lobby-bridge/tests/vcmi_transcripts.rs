//! Plays every recorded conversation with the lobby, which must answer as specified.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod clock;
mod harness;
mod vcmi_transcript;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use clock::Clock;
use harness::Lobby;
use metaserve_lobby_bridge::vcmi::Settings;
use tokio::runtime::Builder;
use vcmi_transcript::{Player, Transcript};

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

/// Plays a conversation in a separate runtime, whose clock only the conversation moves.
fn replay(transcript: &Transcript) -> Result<(), String> {
    let mut settings = Settings::default();
    match transcript.requires.as_deref() {
        None => {}
        Some("healthcheck=10") => settings.health_check = Duration::from_secs(10),
        Some(other) => return Err(format!("cannot provide {other}")),
    }
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clock = Clock::stop();
        let lobby = Lobby::run(settings);
        let result = Player::new(&lobby, &clock).play(&transcript.steps).await;
        clock.until(lobby.close()).await;
        result
    })
}

#[test]
fn every_transcript_is_answered_as_specified() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        report(panic);
    }));

    let transcripts = transcripts();
    let play = |it: &Transcript| replay(it).map_err(|error| format!("{}: {error}", it.scenario));
    let failed: Vec<_> = transcripts.iter().filter_map(|it| play(it).err()).collect();
    let passed = transcripts.len() - failed.len();
    println!("{passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(passed >= 76, "only {passed} transcripts");
    assert_eq!(
        PANICS.load(Ordering::Relaxed),
        0,
        "a task of the server panicked"
    );
}
