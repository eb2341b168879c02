//! `list --members`: what a daemon says of its cluster.

use anyhow::{Context, bail};
use comfy_table::{Table, presets::NOTHING};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use metaserve::{printable, program::print::print};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long the whole answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Prints the members of the cluster that the daemon with this HTTP address belongs to.
pub(super) async fn print_members(daemon: &str, is_json: bool) -> anyhow::Result<()> {
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, ask(daemon)).await;
    let answer = answer
        .with_context(|| format!("{daemon} did not answer"))?
        .with_context(|| {
            format!("no members from {daemon}: name the address of the daemon's --http")
        })?;
    if is_json {
        print(format!("{answer}\n"))?;
        return Ok(());
    }
    if answer["cluster"].is_null() {
        bail!("the daemon at {daemon} is in no cluster: start it with --cluster");
    }
    print(table(&answer))?;
    Ok(())
}

async fn ask(daemon: &str) -> anyhow::Result<Value> {
    let stream = TcpStream::connect(daemon).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/api/v1/members").header("host", daemon);
    let request = request.body(Empty::<Bytes>::new())?;
    let asked = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            bail!("it answers with status {}", response.status());
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        serde_json::from_slice(&body).context("it answers with something else")
    };
    tokio::select! {
        answer = asked => answer,
        ended = connection => {
            ended?;
            bail!("the connection ended")
        }
    }
}

fn table(answer: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => printable(text),
        value => value.to_string(),
    };
    let cluster = &answer["cluster"];
    let mut notes = String::new();
    for (field, unwanted, note) in [
        ("joined", false, ", joining: its list is not complete yet"),
        ("cut_off", true, ", cut off: it keeps the servers of others"),
    ] {
        if cluster[field] == unwanted {
            notes.push_str(note);
        }
    }
    let [member, name, role] = ["member", "name", "role"].map(|field| text(&cluster[field]));
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["NAME", "ROLE", "STATE", "SERVERS", "CLIENTS", "LAG"]);
    for member in answer["members"].as_array().into_iter().flatten() {
        let mut row = ["name", "role", "state", "servers", "clients"]
            .map(|field| text(&member[field]))
            .to_vec();
        let lag = member["lag_seconds"].as_f64().unwrap_or_default();
        row.push(format!("{lag:.3} s"));
        table.add_row(row);
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    let lines: String = lines.collect();
    format!("{role} {member} of {name}{notes}\n{lines}")
}
