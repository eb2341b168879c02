//! Draws everything except the list. All texts of strangers go through [`Row`] or [`printable`].

use crate::{app::App, row::Row, table};
use metaserve_client::Status;
use metaserve_examples::printable;
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::{Color, Stylize},
    text::{Line, Span, Text},
    widgets::{Block, Paragraph},
};
use std::time::{Duration, Instant};

/// From this width on, the details are beside the list; otherwise they are below it.
const WIDE: u16 = 120;

/// Their width there.
const BESIDE: u16 = 46;

/// Draws the screen.
pub(crate) fn draw<Id: Copy + Ord>(frame: &mut Frame<'_>, app: &mut App<Id>, now: Instant) {
    let head = Text::from(head(app, frame.area().width.into(), now));
    let lines = [
        Constraint::Length(head.height().try_into().unwrap_or(u16::MAX)),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [top, middle, bottom] = Layout::vertical(lines).areas(frame.area());
    frame.render_widget(head, top);
    frame.render_widget(foot(app, bottom.width.into()), bottom);
    let Some(chosen) = app.selected().filter(|_| app.shows_details()) else {
        return table::draw(frame, middle, app, now);
    };
    let wide = middle.width >= WIDE;
    let inner = if wide { BESIDE } else { middle.width }.saturating_sub(2);
    let details = Text::from(details(chosen, inner.into()));
    let [left, right] = if wide {
        Layout::horizontal([Constraint::Min(0), Constraint::Length(BESIDE)]).areas(middle)
    } else {
        // Up to half of the screen, or more where the list leaves it empty.
        let list = app.count().0.saturating_add(1).try_into();
        let spare = middle.height.saturating_sub(list.unwrap_or(u16::MAX));
        let lines = details.height().saturating_add(2).try_into();
        let lines = spare.max(middle.height / 2).min(lines.unwrap_or(u16::MAX));
        Layout::vertical([Constraint::Min(0), Constraint::Length(lines)]).areas(middle)
    };
    table::draw(frame, left, app, now);
    let block = Block::bordered()
        .title(" Server ")
        .border_style(Color::DarkGray);
    frame.render_widget(Paragraph::new(details).block(block), right);
}

/// The number of servers and players, the state of the connection and the age of the list. This is
/// one line, without title and age if they do not fit, or two lines.
fn head<Id: Copy + Ord>(app: &App<Id>, width: usize, now: Instant) -> Vec<Line<'static>> {
    let (shown, all) = app.count();
    let servers = match shown == all {
        true => count(all as u64, "server"),
        false => format!("{shown} of {}", count(all as u64, "server")),
    };
    let counts = || Span::raw(format!("{servers}, {}", count(app.players(), "player")));
    let gap = || Span::raw("   ");
    let titled = || [" metaserve ".bold().reversed(), gap(), counts(), gap()];
    let age = app
        .age(now)
        .map(|age| format!("changed {} ago ", seconds(age)));
    let age = age.unwrap_or_default().dark_gray();
    let is_problem = matches!(app.status(now), (Status::Waiting { .. }, _));

    let mut line = Line::from_iter(titled());
    line.push_span(status(app, now));
    let room = width.saturating_sub(line.width() + 1);
    if room >= age.width() {
        line.push_span(" ".repeat(room + 1 - age.width()));
        line.push_span(age);
        return vec![line];
    }
    // With some room, a long problem is cut instead of moved to a line of its own.
    let fits = |line: &Line<'_>| line.width() <= width || (is_problem && width >= WIDE.into());
    if fits(&line) {
        return vec![line];
    }
    let short = Line::from_iter([" ".into(), counts(), gap(), status(app, now)]);
    if fits(&short) {
        return vec![short];
    }
    let lines = [Line::from(counts()), Line::from(status(app, now))];
    lines.into()
}

fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

fn status<Id: Copy + Ord>(app: &App<Id>, now: Instant) -> Span<'static> {
    match app.status(now) {
        (Status::Live { .. }, _) => "● live".green(),
        (Status::Unanswered, _) => "◌ connecting, no answer yet".yellow(),
        (
            Status::Waiting {
                error, retry_in, ..
            },
            since,
        ) => {
            let rest = seconds(retry_in.saturating_sub(since));
            format!("○ retrying in {rest}: {}", printable(error)).red()
        }
        _ => "◌ connecting".yellow(),
    }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// The filter if there is one, otherwise the keys; as much as fits.
fn foot<Id: Copy + Ord>(app: &App<Id>, width: usize) -> Line<'static> {
    let fits = |text: &&str| Span::raw(*text).width() <= width;
    let hint = |hints: &'static [&'static str], width: usize| {
        let fits = |text: &&&str| Span::raw(**text).width() <= width;
        hints
            .iter()
            .find(fits)
            .copied()
            .unwrap_or_default()
            .dark_gray()
    };
    let (filter, editing) = app.filter();
    if (filter, editing) == ("", false) {
        let keys = KEYS.into_iter().find(fits);
        return Line::from(keys.unwrap_or("q quit")).dark_gray();
    }
    // The end of a long one, where the user types.
    let room = width.saturating_sub(" / ▏".chars().count()).max(1);
    let filter = end(&printable(filter), room);
    let cursor = if editing { "▏" } else { "" };
    let mut line = Line::from_iter([" / ".bold(), filter.into(), cursor.into()]);
    let room = width.saturating_sub(line.width());
    line.push_span(match editing {
        true => hint(&["  Enter keep   Esc clear", "  Esc clear"], room),
        false => hint(&["   / change   Esc clear", "  Esc clear"], room),
    });
    line
}

const KEYS: [&str; 3] = [
    " ↑↓ choose   ←→ sort   r reverse   / filter   Enter details   q quit",
    " ↑↓ choose   ←→ sort   / filter   Enter details   q quit",
    " / filter   Enter details   q quit",
];

/// The end of `text`, at most `width` columns of it.
fn end(text: &str, width: usize) -> String {
    let backwards: String = text.chars().rev().collect();
    let last = table::fold(&backwards, width).swap_remove(0);
    last.chars().rev().collect()
}

/// The details as lines of at most `width`, with titles on the left.
fn details(row: &Row, width: usize) -> Vec<Line<'static>> {
    const TITLES: usize = 12;
    let mut lines = Vec::new();
    for (mut title, text) in row.details() {
        for part in table::fold(&text, width.saturating_sub(TITLES)) {
            let title = format!(
                "{title:>w$}  ",
                title = std::mem::take(&mut title),
                w = TITLES - 2
            );
            lines.push(Line::from_iter([title.dark_gray(), part.into()]));
        }
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::app::tests::{server, some_moment, three, write};
    use ratatui::{Terminal, backend::TestBackend};

    /// The screen as text, at a moment after the list has changed.
    pub(crate) fn screen(
        app: &mut App<u16>,
        width: u16,
        height: u16,
        later: Duration,
    ) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let now = some_moment() + later;
        terminal.draw(|frame| draw(frame, app, now)).unwrap();
        let buffer = terminal.backend().buffer();
        let cells = buffer.content().chunks(width.into());
        let text = |line: &[ratatui::buffer::Cell]| line.iter().map(|cell| cell.symbol()).collect();
        cells.map(text).collect()
    }

    pub(crate) fn line_with<'a>(screen: &'a [String], text: &str) -> &'a str {
        let line = screen.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no {text:?} in {screen:#?}"))
    }

    fn waiting(error: &str) -> Status {
        Status::Waiting {
            error: error.into(),
            retry_in: Duration::from_secs(8),
            attempts: 1,
            down_for: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_list_is_shown_with_counts_state_and_age() {
        let mut app = three();
        app.link(Status::Live { problem: None }, some_moment());
        let screen = screen(&mut app, 100, 20, Duration::from_secs(90));
        line_with(&screen, "3 servers, 14 players   ● live");
        line_with(&screen, "changed 1 min ago");
        let row = line_with(&screen, "Ada");
        for text in ["tag", "9/16", "map2", "192.0.2.1:7002"] {
            assert!(row.contains(text), "{text} in {row:?}");
        }
        line_with(&screen, "Players ▾");
    }

    #[test]
    fn a_lost_connection_is_explained_and_the_list_stays() {
        let mut app = three();
        app.link(waiting("the daemon\x1b[2J is gone"), some_moment());
        let screen = screen(&mut app, 100, 20, Duration::ZERO);
        line_with(&screen, "retrying in 8 s: the daemon [2J is gone");
        line_with(&screen, "Ada");
    }

    #[test]
    fn on_a_narrow_terminal_a_problem_has_a_line_of_its_own() {
        let mut app = three();
        app.link(waiting("the daemon is gone"), some_moment());
        let screen = screen(&mut app, 40, 20, Duration::ZERO);
        assert_eq!(screen[0].trim_end(), "3 servers, 14 players");
        assert_eq!(
            screen[1].trim_end(),
            "○ retrying in 8 s: the daemon is gone"
        );
    }

    #[test]
    fn the_end_of_a_long_filter_is_seen_while_it_is_typed() {
        let mut app = three();
        let _ = write(&mut app, &format!("/{}end", "x".repeat(60)));
        let screen = screen(&mut app, 40, 20, Duration::ZERO);
        assert!(screen[19].ends_with("xend▏"), "{:?}", screen[19]);
    }

    #[test]
    fn the_chosen_server_is_shown_in_full() {
        let screen = screen(&mut three(), 140, 20, Duration::ZERO);
        for text in [
            "Server",
            "Name  Ada",
            "Heartbeat",
            "Raw  {\"name\":\"Ada\",\"map\"",
        ] {
            line_with(&screen, text);
        }
    }

    #[test]
    fn hidden_servers_are_counted() {
        let mut app = three();
        let _ = write(&mut app, "/cleo");
        let shown = screen(&mut app, 100, 20, Duration::ZERO);
        line_with(&shown, "1 of 3 servers, 0 players");
        line_with(&shown, " / cleo");
        let _ = write(&mut app, "patra");
        line_with(
            &screen(&mut app, 100, 20, Duration::ZERO),
            "no server matches the filter",
        );
    }

    #[test]
    fn an_empty_list_differs_from_no_list() {
        let mut app = App::<u16>::new(some_moment());
        line_with(&screen(&mut app, 100, 20, Duration::ZERO), "no list yet");
        app.change([], some_moment());
        line_with(
            &screen(&mut app, 100, 20, Duration::ZERO),
            "no server is listed",
        );
    }

    #[test]
    fn the_screen_can_have_any_size() {
        let mut app = three();
        let long = "long ".repeat(100);
        app.change(
            [server(7, &long, u32::MAX), server(8, "東京✈️👨‍👩‍👧", 1)],
            some_moment(),
        );
        for (width, height) in [
            (1, 1),
            (1, 40),
            (2, 3),
            (40, 2),
            (119, 5),
            (200, 60),
            (300, 1),
        ] {
            screen(&mut app, width, height, Duration::ZERO);
            screen(&mut App::new(some_moment()), width, height, Duration::ZERO);
        }
    }
}
