//! The reference page of settings agrees with the code.

use metaserve::program::settings::{Settings, reference};
use std::{fs, path::Path};

const HEAD: &str = "\
# Settings

Each setting is a flag, a name in the TOML file given with `--config` (without the dashes in front), and a variable in the environment. The flag wins over the environment, the environment over the file, and the file over the default. `check` shows which values are in force and where each comes from.

* A setting outside its bounds, an unknown name, a wrong type, a name that is given twice, and a variable that names no setting are mistakes: the program does not start, and names all of them, each with its file and line.
* Durations have units (`200ms`, `3s`, `1m 30s`) or are a number of seconds. Switches are `on` or `off`, also `true` or `false`.
* A setting with *yes* under *reload* changes when the program is sent SIGHUP (`systemctl reload`). Others need a restart; the log names those that have changed.

This page is generated: see `tests/tests/daemon/reference.rs`.
";

fn section<S: Settings>(program: &str) -> String {
    format!("\n## {program}\n{}", reference::<S>())
}

#[test]
fn the_page_of_settings_documents_exactly_the_declared_settings() {
    let page = [
        HEAD.to_owned(),
        section::<metaserve_daemon::Settings>("metaserve-daemon"),
        section::<metaserve_agent::settings::AgentSettings>("metaserve-agent"),
        section::<metaserve_lobby_bridge::settings::BridgeSettings>("metaserve-lobby-bridge"),
    ]
    .concat();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/settings.md");
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/reference/settings.md differs from the declared settings; to write it again:\n  \
         WRITE_PAGES=1 cargo test --workspace --test daemon the_page_of_settings"
    );
}
