//! Bans that moderators add and remove, in the ban file.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use metaserve::bans::{self, Ban, Edited, Whom};

use crate::aleph_one::{
    event::{BanOrder, Event},
    names, text,
};
use crate::bans::Guard;

/// Marks a moderator's line, after the time. The guest's name follows, then the moderator.
const MARK: &str = "guest \"";
const BY: &str = "\", by ";

/// The most characters written of a name or a reason.
const CHARS: usize = 100;

/// Bans the guests from an address.
pub(super) async fn ban(guard: Guard, order: Box<BanOrder>) -> Event {
    let name = plain(&text::decode(&order.name));
    let BanOrder { peer, time, .. } = *order;
    let note = format!("{MARK}{name}{BY}{}: {}", order.by, plain(&order.reason));
    let written = guard.change(move |text, now| write(text, peer, time, &note, now));
    match written.await {
        Ok(ban) => {
            let until = ban
                .and_then(|ban| ban.until)
                .map(humantime::format_rfc3339_seconds);
            let until = until.map_or_else(String::new, |until| format!(" until {until}"));
            Event::Told(format!(
                "Guests from the address of {name} are banned{until}; .unban {name} ends that."
            ))
        }
        Err(error) => {
            tracing::error!("cannot write a moderator's ban of {peer}: {error:#}");
            let line = format!(
                "The ban of {name} could not be written to the ban file, so it holds only until this \
                server restarts. Please tell the operator."
            );
            Event::NotBanned(order, line)
        }
    }
}

/// Removes the bans of guests who had this name.
pub(super) async fn unban(guard: Guard, name: Vec<u8>) -> Event {
    let shown = plain(&text::decode(&name));
    if !guard.has_file() {
        return Event::Told(format!("{shown} may come back."));
    }
    let lifted = guard.change(move |text, _| lift(text, &name));
    match lifted.await {
        Ok(0) => Event::Told(format!(
            "No ban of a guest called {shown} is in the ban file; a kick has ended."
        )),
        Ok(_) => Event::Told(format!("{shown} may come back.")),
        Err(error) => {
            tracing::error!("cannot write a moderator's unban: {error:#}");
            Event::Told("The ban file could not be written. Please tell the operator.".to_owned())
        }
    }
}

/// Returns the text with the ban added, and the ban that then holds.
fn write(
    text: &str,
    peer: IpAddr,
    time: Duration,
    note: &str,
    now: SystemTime,
) -> (String, Option<Ban>) {
    let prefix = bans::host(peer);
    let remark = format!("{} {note}", humantime::format_rfc3339_seconds(now));
    let (text, edited) = bans::ban(
        text,
        &[prefix],
        Whom::Guests,
        Some(now + time),
        &remark,
        now,
    );
    let ban = edited.first().and_then(|edited| match edited {
        Edited::Banned(ban) | Edited::AlreadyBanned(_, ban) => Some(*ban),
        _ => None,
    });
    (text, ban)
}

/// Returns the text without the bans of guests who had this name, and how many those were.
fn lift(text: &str, name: &[u8]) -> (String, usize) {
    let is = |remark: &str| {
        let (_, note) = remark.split_once(' ')?;
        let (banned, _) = note.strip_prefix(MARK)?.split_once(BY)?;
        let banned = text::encode(banned);
        let shown = names::guest(&banned, usize::MAX);
        Some(names::alike(&banned, name) || names::alike(&shown, name))
    };
    bans::remove(text, |ban, remark| {
        ban.whom == Whom::Guests && is(remark).unwrap_or(false)
    })
}

/// Returns text of a player without characters that have a meaning in a remark.
fn plain(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control()).take(CHARS);
    plain.map(|c| if c == '"' { '\'' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_is_found_by_the_name_of_the_banned_guest() {
        let start = SystemTime::UNIX_EPOCH;
        let note = format!("{MARK}Bob the {BY}mod: \"guest\" of ill repute");
        let day = Duration::from_secs(86_400);
        let (text, ban) = write("# ours\n", "192.0.2.7".parse().unwrap(), day, &note, start);
        assert_eq!(
            text,
            "# ours\n192.0.2.7 guests until 1970-01-02T00:00:00Z # 1970-01-01T00:00:00Z \
             guest \"Bob the \", by mod: \"guest\" of ill repute\n"
        );
        assert_eq!(ban.unwrap().until, Some(start + day));
        let (more, _) = write(&text, "2001:db8::7:1".parse().unwrap(), day, &note, start);
        assert!(more.contains("\n2001:db8::/64 guests until"), "{more}");
        for (name, lifted) in [
            (&b"bobthe"[..], 2),
            (b"|iGuest|p Bob the", 2),
            (b"Guest Bob The", 2),
            (b"mod", 0),
            (b"Bob", 0),
        ] {
            assert_eq!(lift(&more, name).1, lifted, "{name:?}");
        }
        let everybody = "192.0.2.7 # 1970-01-01T00:00:00Z guest \"Bob\", by mod: x\n";
        assert_eq!(lift(everybody, b"Bob").1, 0, "this is the operator's ban");
    }
}
