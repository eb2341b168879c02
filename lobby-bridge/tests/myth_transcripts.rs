//! Every recorded conversation of the metaserver gets the answers that the specification wants.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "waits are bounded by the clock")]

mod metaserver;
mod myth_transcript;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use metaserver::Metaserver;
use myth_transcript::{Player, Transcript};
use tokio::{sync::Semaphore, task::JoinSet};

/// Conversations at one time: most of their time they wait.
const AT_ONE_TIME: usize = 8;

/// Time passes this much faster in conversations about silence.
const HASTE: u32 = 10;

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

async fn replay(transcript: &Transcript) -> Result<(), String> {
    let haste = if transcript.slow { HASTE } else { 1 };
    let token = transcript.features.iter().any(|feature| feature == "token");
    let metaserver = Metaserver::with(|rules| {
        rules.https = token;
        let limits = &mut rules.limits;
        for time in [
            &mut limits.keep_alive,
            &mut limits.token_time,
            &mut limits.entry_time,
            &mut limits.login_silence,
        ] {
            *time /= haste;
        }
    })
    .await;
    for account in &transcript.setup.accounts {
        let name = &account.username;
        metaserver
            .account(name, &account.password, account.moderator)
            .await;
        let (hidden, age) = (account.hide_in_room, account.token_age);
        metaserver
            .run(&format!(
                "UPDATE \"user\" SET hide_in_room = {hidden} WHERE username = '{name}'"
            ))
            .await;
        if let Some(token) = &account.token_hex {
            metaserver
                .run(&format!(
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
        metaserver
            .run(&format!(
                "INSERT INTO remotehub (id, host, port, network_version) \
                 VALUES ({id}, '{host}', {port}, '{version}')"
            ))
            .await;
    }
    let result = Player::new(&metaserver, haste)
        .play(&transcript.steps)
        .await;
    metaserver.close().await;
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
    assert!(results.len() >= 37, "only {} transcripts", results.len());
    assert_eq!(
        PANICS.load(Ordering::Relaxed),
        0,
        "a task of the server panicked"
    );
}
