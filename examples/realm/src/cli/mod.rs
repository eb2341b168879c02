//! The prompt: a player's program for a terminal, or for a list of commands.
//!
//! On a terminal each line is carried out while what happens meanwhile is printed above the prompt.
//! From a pipe or a file the commands are carried out one after the other. Each is waited for until
//! the world has done it, a walk until it has ended, and the first one that fails ends the program.

mod command;
mod hearing;
mod map;
mod reach;
mod session;
mod terminal;
mod things;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use clap::Args;
use hearing::Hearing;
use metaserve::{
    printable,
    program::print::{Reader, print},
};
use session::{Reply, Session};
use std::{
    io::{IsTerminal, stdin},
    sync::Arc,
};
use terminal::Terminal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;

/// The settings of the prompt.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Prompt")]
pub struct Settings {
    /// Play by this gateway. Give several, and the prompt goes on at the next one when one is lost
    #[arg(
        long,
        env = "REALM_GATEWAY",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        value_delimiter = ',',
        value_parser = gateway
    )]
    pub gateway: Vec<String>,
}

/// The hosts of `realm dev`, which its prompt may kill.
#[async_trait]
pub trait Hosts: Send + Sync {
    /// Ends a host as a crash would. Says what happens next, or why it cannot be done.
    async fn kill(&self, host: &str) -> Result<String, String>;
}

/// The address of a gateway.
///
/// # Errors
/// It is none, in a sentence.
pub fn gateway(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    match text.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.contains('/') => Ok(text.to_owned()),
        _ => Err("a gateway is http://HOST:PORT".to_owned()),
    }
}

/// How the prompt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The player has quit, or all commands were carried out.
    Done,
    /// Standard input held no command.
    Nothing,
}

/// Runs the prompt until the player quits, standard input ends or `until` is cancelled.
///
/// # Errors
/// A command from a pipe fails: says which line. Standard input or output cannot be used.
pub async fn run(
    settings: &Settings,
    hosts: Option<Arc<dyn Hosts>>,
    until: &CancellationToken,
) -> anyhow::Result<Ended> {
    let is_terminal = stdin().is_terminal();
    let mut session = Session::new(settings.gateway.clone(), hosts, is_terminal);
    let done = match is_terminal {
        true => until.run_until_cancelled(interactive(&mut session)).await,
        false => until.run_until_cancelled(piped(&mut session)).await,
    };
    session.leave().await;
    done.unwrap_or(Ok(Ended::Done))
}

async fn interactive(session: &mut Session) -> anyhow::Result<Ended> {
    let mut terminal = Terminal::start().await.context("cannot use the terminal")?;
    let mut hearing = Hearing::default();
    terminal.print("`help` lists the commands. Ctrl-D ends.");
    loop {
        let line = {
            let mut line = std::pin::pin!(terminal.lines.line(session.prompt(), session.words()));
            loop {
                tokio::select! {
                    line = &mut line => break line,
                    text = hearing.next() => terminal.printer.print(&text),
                }
            }
        };
        let Some(line) = line? else {
            return Ok(Ended::Done);
        };
        let reply = carry_out(session, &mut hearing, &line, |text| {
            terminal.printer.print(text)
        });
        match reply.await {
            Ok(Done::Quit) => return Ok(Ended::Done),
            Ok(Done::Next) => {}
            Err(why) => terminal.print(&why),
        }
    }
}

async fn piped(session: &mut Session) -> anyhow::Result<Ended> {
    let mut hearing = Hearing::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut number = 0_u64;
    let mut ended = Ended::Nothing;
    while let Some(line) = lines
        .next_line()
        .await
        .context("cannot read the commands")?
    {
        number += 1;
        let mut gone = false;
        let mut show = |text: &str| {
            // The result of a command counts, also when nobody reads it.
            gone |= !matches!(print(format!("{}\n", lines_of(text))), Ok(Reader::Reads));
        };
        if let Some(shown) = command::shown(&line) {
            ended = Ended::Done;
            show(&format!("> {shown}"));
        }
        let done = carry_out(session, &mut hearing, &line, &mut show).await;
        match done.map_err(|why| anyhow!("line {number}: {why}"))? {
            Done::Quit => break,
            Done::Next if gone => break,
            Done::Next => {}
        }
    }
    Ok(ended)
}

/// Whether the prompt goes on after a command.
enum Done {
    Next,
    Quit,
}

/// Carries out a line, and shows what happens meanwhile, and then the reply.
async fn carry_out(
    session: &mut Session,
    hearing: &mut Hearing,
    line: &str,
    mut show: impl FnMut(&str),
) -> Result<Done, String> {
    let Some(command) = command::parse(line)? else {
        return Ok(Done::Next);
    };
    let waits = session.waits();
    let reply = {
        let mut reply = std::pin::pin!(session.carry_out(command));
        loop {
            tokio::select! {
                reply = &mut reply => break reply,
                text = hearing.next() => show(&text),
            }
        }
    };
    let mut told = false;
    while let Some(text) = hearing.now() {
        told = true;
        show(&text);
    }
    let text = match reply? {
        Reply::Said(text) => text,
        Reply::Entered(text, new) => {
            *hearing = new.quiet(waits);
            text
        }
        Reply::Quit => return Ok(Done::Quit),
    };
    match text.is_empty() {
        true if told => {}
        true => show("done"),
        false => show(&text),
    }
    Ok(Done::Next)
}

/// Text that may come from strangers, line by line.
fn lines_of(text: &str) -> String {
    let lines = text.lines().map(printable);
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_address_and_nothing_else() {
        assert_eq!(gateway("http://a:1/").unwrap(), "http://a:1");
        for wrong in ["a:1", "https://a", "http://", "http://a/ws"] {
            assert!(gateway(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_from_strangers_cannot_steer_the_terminal() {
        assert_eq!(lines_of("one\n\u{1b}[2Jtwo"), "one\n [2Jtwo");
    }
}
