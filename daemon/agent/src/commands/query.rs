//! `query`: asks a game server, and prints what would be published.

use anyhow::Context;
use metaserve::{ServerInfo, printable, program::print::print};
use metaserve_query::{Target, Unanswered};
use std::fmt::Write;

/// Ask a game server for its state, and print what would be published
///
/// If it does not answer, the reason is printed, and what to do; the exit code is then 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    /// The game server, such as `quake3://127.0.0.1:27960`
    #[arg(value_name = "PROTOCOL://HOST:PORT")]
    target: Target,

    /// Print the record as it would be published, in JSON
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let name = self.target.to_string();
        let answer = metaserve_query::query(&self.target).await;
        let answer = answer.map_err(|error| {
            let advice = advice(&error);
            let context = format!("no answer from {name}; {advice}");
            anyhow::Error::from(error).context(context)
        })?;
        let info = answer.info;
        let text = match self.json {
            true => serde_json::to_string_pretty(&info).context("cannot write the record")? + "\n",
            false => shown(&info) + &elsewhere(&self.target, answer.port),
        };
        print(text)?;
        Ok(())
    }
}

/// What to do about a missing answer.
pub(super) fn advice(problem: &Unanswered) -> &'static str {
    match problem {
        Unanswered::NoAddress { .. } => "check the name",
        Unanswered::Closed => "start the game server, or check the port that it answers on",
        Unanswered::Malformed(_) => "check the protocol in front of ://",
        _ => "check the protocol, the port and the firewall",
    }
}

/// A line about the port that players join by, if it is not the one that was asked.
fn elsewhere(target: &Target, port: Option<u16>) -> String {
    let port = port.filter(|port| *port != target.port);
    let line = |port| {
        format!(
            "{:<12} {port}, by which players join: give it to the agent\n",
            "port"
        )
    };
    port.map(line).unwrap_or_default()
}

/// A record in lines for people.
fn shown(info: &ServerInfo) -> String {
    let yes_no = |it: bool| if it { "yes" } else { "no" }.to_owned();
    let mods = info.mods.iter().map(|it| &*it.name);
    let list = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(", "));
    let fields = [
        ("name", Some(info.name.clone())),
        ("map", info.map.clone()),
        ("mode", info.mode.clone()),
        ("players", info.occupancy()),
        ("password", info.password.map(yes_no)),
        ("version", info.version.clone()),
        ("mods", list(mods.collect())),
        ("tags", list(info.tags.iter().map(|it| &**it).collect())),
        ("region", info.region.clone()),
        ("website", info.website.clone()),
        ("description", info.description.clone()),
    ];
    let mut text = String::new();
    for (field, value) in fields {
        if let Some(value) = value {
            let _ = writeln!(text, "{field:<12} {}", printable(&value));
        }
    }
    for player in &info.player_list {
        let score = player.score.map(|it| format!(" ({it})"));
        let score = score.unwrap_or_default();
        let _ = writeln!(text, "{:<12} {}{score}", "player", printable(&player.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::Player;

    #[test]
    fn a_record_is_shown_in_lines_without_control_characters() {
        let info = ServerInfo {
            map: Some("oa_dm1".into()),
            players: Some(1),
            max_players: Some(8),
            password: Some(false),
            player_list: vec![Player {
                score: Some(-1),
                ..Player::new("Ana\x1b[2J")
            }],
            ..ServerInfo::new("Dusty's")
        };
        let expected = "\
name         Dusty's
map          oa_dm1
players      1/8
password     no
player       Ana [2J (-1)
";
        assert_eq!(shown(&info), expected);
    }
}
