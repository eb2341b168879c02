//! Plays every recorded conversation with the hall, which must answer as specified.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod aleph_one_transcript;
mod clock;
mod hall;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use aleph_one_transcript::{Player, Transcript};
use clock::Clock;
use hall::Hall;
use tokio::runtime::Builder;

fn transcripts() -> Vec<Transcript> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts/myth");
    let entries = fs::read_dir(&directory).expect("the transcripts are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&fs::read(path).expect("a readable file"));
    let read = |path| read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let transcripts = paths.iter().map(read);
    transcripts
        .filter(|it: &Transcript| it.profile != "ref")
        .collect()
}

/// Plays a conversation in a separate runtime, whose clock only the conversation moves.
fn replay(transcript: &Transcript) -> Result<(), String> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(play(transcript))
}

async fn play(transcript: &Transcript) -> Result<(), String> {
    let clock = Clock::stop();
    let token = transcript.features.iter().any(|feature| feature == "token");
    let hall = Hall::with(|rules| rules.https = token).await;
    for account in &transcript.setup.accounts {
        let name = &account.username;
        hall.account(name, &account.password, account.moderator)
            .await;
        let (hidden, age) = (account.hide_in_room, account.token_age);
        hall.run(&format!(
            "UPDATE \"user\" SET hide_in_room = {hidden} WHERE username = '{name}'"
        ))
        .await;
        if let Some(token) = &account.token_hex {
            hall.run(&format!(
                "UPDATE \"user\" SET meta_login_token = x'{token}', \
                     meta_login_token_date = datetime('now', '-{age} seconds') \
                     WHERE username = '{name}'"
            ))
            .await;
        }
    }
    for hub in &transcript.setup.hubs {
        let (id, host, port) = (hub.id, &hub.host, hub.port);
        let version = &hub.network_version;
        hall.run(&format!(
            "INSERT INTO remotehub (id, host, port, network_version) \
                 VALUES ({id}, '{host}', {port}, '{version}')"
        ))
        .await;
    }
    let player = Player::new(&hall, &clock);
    let result = player.play(&transcript.steps).await;
    clock.until(hall.close()).await;
    result
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
    assert!(passed >= 37, "only {passed} transcripts");
    assert_eq!(
        PANICS.load(Ordering::Relaxed),
        0,
        "a task of the server panicked"
    );
}
