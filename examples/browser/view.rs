//! Draws the list. All texts of strangers come through [`Row`] or [`printable`].

use crate::{
    app::App,
    row::{Column, Row},
};
use metaserve_client::Status;
use metaserve_examples::printable;
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span, Text},
    widgets::{Block, Cell, Paragraph, Table},
};
use std::time::{Duration, Instant};

/// From this width on, the details stand beside the list, else below it.
const WIDE: u16 = 120;

/// How much room they have there.
const BESIDE: u16 = 46;

/// Draws all of it.
pub(crate) fn draw<Id: Copy + Ord>(frame: &mut Frame<'_>, app: &mut App<Id>, now: Instant) {
    let lines = [
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [top, middle, bottom] = Layout::vertical(lines).areas(frame.area());
    head(frame, top, app, now);
    foot(frame, bottom, app);
    let Some(chosen) = app.selected().filter(|_| app.shows_details()) else {
        return list(frame, middle, app, now);
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
    list(frame, left, app, now);
    let block = Block::bordered()
        .title(" Server ")
        .border_style(Color::DarkGray);
    frame.render_widget(Paragraph::new(details).block(block), right);
}

/// The connection, how many servers and players there are, and how old this is.
fn head<Id: Copy + Ord>(frame: &mut Frame<'_>, area: Rect, app: &App<Id>, now: Instant) {
    let (shown, all) = app.count();
    let servers = match shown == all {
        true => count(all as u64, "server"),
        false => format!("{shown} of {}", count(all as u64, "server")),
    };
    let counts = format!("   {servers}, {}   ", count(app.players(), "player"));
    let left = [
        " metaserve ".bold().reversed(),
        counts.into(),
        status(app, now),
    ];
    let age = app
        .age(now)
        .map(|age| format!("changed {} ago ", seconds(age)));
    let age = Line::from(age.unwrap_or_default()).dark_gray();
    let width = age.width().try_into().unwrap_or(u16::MAX);
    let parts = [Constraint::Min(0), Constraint::Length(width)];
    let [left_area, right_area] = Layout::horizontal(parts).areas(area);
    frame.render_widget(Line::from_iter(left), left_area);
    frame.render_widget(age, right_area);
}

fn count(number: u64, of: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

fn status<Id: Copy + Ord>(app: &App<Id>, now: Instant) -> Span<'static> {
    match app.status(now) {
        (Status::Live, _) => "● live".green(),
        (Status::Waiting { problem, delay }, since) => {
            let rest = seconds(delay.saturating_sub(since));
            format!("○ again in {rest}: {}", printable(problem)).red()
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

/// The filter while there is one, else the keys.
fn foot<Id: Copy + Ord>(frame: &mut Frame<'_>, area: Rect, app: &App<Id>) {
    let line = match app.filter() {
        (filter, true) => Line::from_iter([
            " / ".bold(),
            printable(filter).into(),
            "▏".into(),
            "  Enter keep   Esc clear".dark_gray(),
        ]),
        ("", false) => {
            Line::from(" ↑↓ choose   ←→ sort   r reverse   / filter   Enter details   q quit")
                .dark_gray()
        }
        (filter, false) => Line::from_iter([
            " / ".bold(),
            printable(filter).into(),
            "   / change   Esc clear".dark_gray(),
        ]),
    };
    frame.render_widget(line, area);
}

fn list<Id: Copy + Ord>(frame: &mut Frame<'_>, area: Rect, app: &mut App<Id>, now: Instant) {
    let window = app.window(area.height.saturating_sub(1).into());
    let widths = Column::ALL.map(|column| width(app.rows(window.clone()), column));
    let (sort, reversed) = app.sort();
    let titles = Column::ALL.map(|column| {
        let arrow = match (column == sort, reversed) {
            (false, _) => "",
            (true, false) => " ▾",
            (true, true) => " ▴",
        };
        Cell::from(Text::from(format!("{}{arrow}", column.title())).alignment(alignment(column)))
    });
    let header = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    let rows = app.rows(window).map(|(row, chosen)| {
        let style = match chosen {
            true => Style::new().reversed(),
            false => Style::new(),
        };
        let cells = Column::ALL.map(|column| cell(row, column));
        ratatui::widgets::Row::new(cells).style(style)
    });
    let table = Table::new(rows, widths)
        .header(ratatui::widgets::Row::new(titles).style(header))
        .column_spacing(2);
    frame.render_widget(table, area);
    if app.count().0 == 0 {
        let line = area
            .y
            .saturating_add(2)
            .min(area.bottom().saturating_sub(1));
        let area = Rect {
            y: line,
            height: area.height.min(1),
            ..area
        };
        frame.render_widget(Line::from(nothing(app, now)).centered().dark_gray(), area);
    }
}

/// As wide as what stands in a column, within bounds; names get the rest.
fn width<'a>(rows: impl Iterator<Item = (&'a Row, bool)>, column: Column) -> Constraint {
    let longest = match column {
        Column::Name => return Constraint::Min(16),
        Column::Game | Column::Map | Column::Mode => 16,
        Column::Players => 13,
        Column::Address => 47,
    };
    let texts = rows.map(|(row, _)| Line::from(row.cell(column)).width());
    let title = column.title().len() + " ▾".chars().count();
    let width = texts.fold(title, usize::max).min(longest);
    Constraint::Length(width.try_into().unwrap_or(u16::MAX))
}

/// Why there is no row.
fn nothing<Id: Copy + Ord>(app: &App<Id>, now: Instant) -> &'static str {
    match (app.count(), app.age(now)) {
        (_, None) => "no list yet",
        ((_, 0), _) => "no server is listed",
        _ => "no server passes the filter",
    }
}

fn alignment(column: Column) -> Alignment {
    match column {
        Column::Players => Alignment::Right,
        _ => Alignment::Left,
    }
}

fn cell(row: &Row, column: Column) -> Cell<'static> {
    let text = row.cell(column);
    let line = match column {
        Column::Name if row.needs_password() => {
            Line::from_iter([text.into(), " (password)".dark_gray()])
        }
        Column::Players if row.players() == Some(0) => Line::from(text).dark_gray(),
        Column::Players if row.players() >= row.max_players() => Line::from(text).yellow(),
        _ => Line::from(text),
    };
    Cell::from(line.alignment(alignment(column)))
}

/// The details as lines of at most `width`, titles on the left.
fn details(row: &Row, width: usize) -> Vec<Line<'static>> {
    const TITLES: usize = 12;
    let mut lines = Vec::new();
    for (mut title, text) in row.details() {
        for part in fold(&text, width.saturating_sub(TITLES)) {
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

/// `text` in parts of at most `width` columns, at least one.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut taken = 0;
    for c in text.chars() {
        let takes = Span::raw(c.to_string()).width();
        if taken > 0 && taken + takes > width {
            parts.push(String::new());
            taken = 0;
        }
        taken += takes;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::{server, some_moment, three, write};
    use ratatui::{Terminal, backend::TestBackend};

    /// The screen as text, at a moment after the list has changed.
    fn screen(app: &mut App<u16>, width: u16, height: u16, later: Duration) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let now = some_moment() + later;
        terminal.draw(|frame| draw(frame, app, now)).unwrap();
        let buffer = terminal.backend().buffer();
        let cells = buffer.content().chunks(width.into());
        let text = |line: &[ratatui::buffer::Cell]| line.iter().map(|cell| cell.symbol()).collect();
        cells.map(text).collect()
    }

    fn line_with<'a>(screen: &'a [String], text: &str) -> &'a str {
        let line = screen.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no {text:?} in {screen:#?}"))
    }

    #[test]
    fn the_list_is_shown_with_counts_state_and_age() {
        let mut app = three();
        app.link(Status::Live, some_moment());
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
        let problem = "the daemon\x1b[2J is gone".to_owned();
        let delay = Duration::from_secs(8);
        app.link(Status::Waiting { problem, delay }, some_moment());
        let screen = screen(&mut app, 100, 20, Duration::ZERO);
        line_with(&screen, "again in 8 s: the daemon [2J is gone");
        line_with(&screen, "Ada");
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
    fn long_texts_go_on_in_the_next_line() {
        let table = [
            ("", 5, vec![""]),
            ("12345", 5, vec!["12345"]),
            ("1234567", 5, vec!["12345", "67"]),
            ("東京都", 5, vec!["東京", "都"]),
            ("ab", 0, vec!["a", "b"]),
        ];
        for (text, width, parts) in table {
            assert_eq!(fold(text, width), parts, "{text:?}");
        }
    }

    #[test]
    fn what_the_filter_hides_is_counted() {
        let mut app = three();
        let _ = write(&mut app, "/cleo");
        let shown = screen(&mut app, 100, 20, Duration::ZERO);
        line_with(&shown, "1 of 3 servers, 0 players");
        line_with(&shown, " / cleo");
        let _ = write(&mut app, "patra");
        line_with(
            &screen(&mut app, 100, 20, Duration::ZERO),
            "no server passes the filter",
        );
    }

    #[test]
    fn an_empty_list_is_told_from_none() {
        let mut app = App::<u16>::new(some_moment());
        line_with(&screen(&mut app, 100, 20, Duration::ZERO), "no list yet");
        app.change([], some_moment());
        line_with(
            &screen(&mut app, 100, 20, Duration::ZERO),
            "no server is listed",
        );
    }

    #[test]
    fn a_terminal_of_any_size_is_drawn_on() {
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
