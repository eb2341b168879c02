//! What operators and other programs write: the daemon's configuration file, certificates,
//! fingerprints, games' tags, records. Input: a byte that names the reader, and the text.

#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use metaserve::{Fingerprint, Game, Identity, ServerInfo, Trust};
use metaserve_daemon::cli::Cli;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Some(PathBuf::from("/dev/shm")).filter(|it| it.is_dir());
    let directory = tempfile::tempdir_in(memory.unwrap_or_else(std::env::temp_dir));
    directory.expect("a directory")
});

fuzz_target!(|input: &[u8]| {
    let Some((&reader, bytes)) = input.split_first() else {
        return;
    };
    match (reader, str::from_utf8(bytes)) {
        (0, _) => {
            let file = DIRECTORY.path().join("config.toml");
            fs::write(&file, bytes).expect("memory");
            let words = ["daemon".as_ref(), "--config".as_ref(), file.as_os_str()];
            let cli = Cli::try_parse_from(words).expect("the words are in order");
            if let Ok(config) = cli.config() {
                config.limits.check().expect("what is accepted was checked");
                assert!(config.threads > 0);
            }
        }
        (1, _) => {
            let file = DIRECTORY.path().join("some.pem");
            fs::write(&file, bytes).expect("memory");
            let _ = Identity::load(&file, &file);
            let _ = Trust::file(&file);
        }
        (2, Ok(text)) => {
            if let Ok(fingerprint) = text.parse::<Fingerprint>() {
                assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
            }
        }
        (3, Ok(text)) => match Game::new(text) {
            Ok(game) => assert_eq!(game.as_str(), text),
            Err(refused) => assert!(refused.tag.len() <= Game::MAX_BYTES),
        },
        (4, _) => {
            if let Some(info) = ServerInfo::from_json(bytes) {
                assert_eq!(ServerInfo::from_json(info.to_json().as_ref()), Some(info));
            }
        }
        _ => {}
    }
});
