//! Draws the list: in columns, without the least important ones if they do not fit, or on narrow
//! terminals with two lines for each server. Addresses and counts are never cut.

use crate::{
    app::App,
    row::{Column, Row},
};
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Rect},
    style::{Modifier, Style, Stylize},
    text::{Line, Span, Text},
    widgets::{Cell, Row as TableRow, Table},
};
use std::time::Instant;

/// The smallest width of names beside other columns.
const NAME: usize = 16;

/// The largest width of each column that can be left out.
const OPTIONAL: usize = 16;

/// The columns that are left out if they do not fit, the most important first.
const OPTIONAL_COLUMNS: [Column; 3] = [Column::Game, Column::Map, Column::Mode];

/// The space between columns.
const SPACING: usize = 2;

/// How the list is laid out.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// One line for each server, with these columns and their widths. Names get the rest.
    Columns(Vec<(Column, usize)>),
    /// Name and players in one line, then the address in this many lines, with the rest beside it.
    Stacked(usize),
}

/// Draws the list, scrolled so that the chosen server is on the screen.
pub(crate) fn draw<Id: Copy + Ord>(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &mut App<Id>,
    now: Instant,
) {
    let lines = usize::from(area.height.saturating_sub(1));
    let form = form(app, area.width.into(), lines);
    let table = match &form {
        Form::Columns(columns) => columns_table(app, columns, lines),
        Form::Stacked(address_lines) => stacked_table(app, *address_lines, area.width, lines),
    };
    frame.render_widget(table.column_spacing(SPACING as u16), area);
    if app.count().0 == 0 {
        let below = area.y.saturating_add(2);
        let area = Rect {
            y: below.min(area.bottom().saturating_sub(1)),
            height: area.height.min(1),
            ..area
        };
        frame.render_widget(Line::from(nothing(app, now)).centered().dark_gray(), area);
    }
}

/// Depends on all servers that match the filter, so that it does not change while the user scrolls.
fn form<Id: Copy + Ord>(app: &mut App<Id>, width: usize, lines: usize) -> Form {
    let widest = |column| {
        let rows = app.rows(0..app.count().0);
        rows.map(|(row, _)| row.width(column))
            .fold(0, usize::max)
            .max(title_width(column))
    };
    let (players, address) = (widest(Column::Players), widest(Column::Address));
    let mut room = width.checked_sub(NAME + players + address + 2 * SPACING);
    let Some(room) = &mut room else {
        return Form::Stacked(address.div_ceil(width.max(1)));
    };
    let (sort, _) = app.sort();
    let window = app.window(lines);
    let mut optional = OPTIONAL_COLUMNS;
    // The column that the list is sorted by is the most important.
    optional.sort_by_key(|column| *column != sort);
    let mut kept = Vec::new();
    for column in optional {
        let rows = app.rows(window.clone());
        let texts = rows.map(|(row, _)| row.width(column));
        let width = texts.fold(title_width(column), usize::max).min(OPTIONAL);
        if let Some(rest) = room.checked_sub(width + SPACING) {
            *room = rest;
            kept.push((column, width));
        }
    }
    kept.extend([(Column::Players, players), (Column::Address, address)]);
    kept.push((Column::Name, NAME));
    // From left to right.
    kept.sort_by_key(|(column, _)| Column::ALL.iter().position(|it| it == column));
    Form::Columns(kept)
}

fn columns_table<Id: Copy + Ord>(
    app: &mut App<Id>,
    columns: &[(Column, usize)],
    lines: usize,
) -> Table<'static> {
    let window = app.window(lines);
    let titles = columns.iter().map(|(column, _)| {
        let title = Line::from(title(app, *column)).alignment(alignment(*column));
        Cell::from(title)
    });
    let rows = app.rows(window).map(|(row, chosen)| {
        let cells = columns.iter().map(|(column, _)| {
            let line = line(row, *column).alignment(alignment(*column));
            Cell::from(line)
        });
        TableRow::new(cells).style(style(chosen))
    });
    let widths = columns.iter().map(|(column, width)| match column {
        Column::Name => Constraint::Min(u16::try_from(*width).unwrap_or(u16::MAX)),
        _ => Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)),
    });
    Table::new(rows, widths).header(header(titles))
}

fn stacked_table<Id: Copy + Ord>(
    app: &mut App<Id>,
    address_lines: usize,
    width: u16,
    lines: usize,
) -> Table<'static> {
    let height = address_lines.saturating_add(1);
    let window = app.window(lines / height);
    let (sort, _) = app.sort();
    let (mut left, right) = (title(app, Column::Name), title(app, Column::Players));
    if ![Column::Name, Column::Players].contains(&sort) {
        left = format!("{left} (by {})", title(app, sort));
    }
    let titles = [beside(left.into(), right.into(), width.into())];
    let rows = app.rows(window).map(|(row, chosen)| {
        let width = usize::from(width);
        let first = beside(line(row, Column::Name), line(row, Column::Players), width);
        let mut stacked = vec![first];
        let address = row.cell(Column::Address);
        stacked.extend(fold(&address, width).into_iter().map(Line::from));
        if let Some(last) = stacked.last_mut() {
            let told = OPTIONAL_COLUMNS.map(|column| row.cell(column));
            let told: Vec<_> = told.into_iter().filter(|text| !text.is_empty()).collect();
            last.push_span(format!("  {}", told.join(" · ")).dark_gray());
        }
        TableRow::new([Text::from(stacked)])
            .height(u16::try_from(height).unwrap_or(u16::MAX))
            .style(style(chosen))
    });
    Table::new(rows, [Constraint::Min(0)]).header(header(titles.map(Cell::from)))
}

/// Two texts in one line of this width. The left one is cut if necessary.
fn beside(left: Line<'static>, right: Line<'static>, width: usize) -> Line<'static> {
    let room = width.saturating_sub(right.width() + SPACING);
    let mut line = Line::default();
    for span in left.spans {
        let rest = room.saturating_sub(line.width());
        let part = fold(&span.content, rest.max(1)).swap_remove(0);
        if part.len() < span.content.len() || rest == 0 {
            let part = fold(&part, rest.saturating_sub(1)).swap_remove(0);
            line.push_span(Span::styled(format!("{part}…"), span.style));
            break;
        }
        line.push_span(span);
    }
    line.push_span(" ".repeat(width.saturating_sub(line.width() + right.width())));
    line.extend(right.spans);
    line
}

fn header<'a>(titles: impl IntoIterator<Item = Cell<'a>>) -> TableRow<'a> {
    let style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    TableRow::new(titles).style(style)
}

fn style(chosen: bool) -> Style {
    match chosen {
        true => Style::new().reversed(),
        false => Style::new(),
    }
}

/// A column's title, with an arrow if the list is sorted by it.
fn title<Id: Copy + Ord>(app: &App<Id>, column: Column) -> String {
    let (sort, reversed) = app.sort();
    let arrow = match (column == sort, reversed) {
        (false, _) => "",
        (true, false) => " ▾",
        (true, true) => " ▴",
    };
    format!("{}{arrow}", column.title())
}

/// With room for the arrow.
fn title_width(column: Column) -> usize {
    column.title().len() + " ▾".chars().count()
}

fn alignment(column: Column) -> Alignment {
    match column {
        Column::Players => Alignment::Right,
        _ => Alignment::Left,
    }
}

fn line(row: &Row, column: Column) -> Line<'static> {
    let text = row.cell(column);
    match column {
        Column::Name if row.needs_password() => {
            Line::from_iter([text.into(), " (password)".dark_gray()])
        }
        Column::Players if row.players() == Some(0) => Line::from(text).dark_gray(),
        Column::Players if row.players() >= row.max_players() => Line::from(text).yellow(),
        _ => Line::from(text),
    }
}

/// Why there is no row.
fn nothing<Id: Copy + Ord>(app: &App<Id>, now: Instant) -> &'static str {
    match (app.count(), app.age(now)) {
        (_, None) => "no list yet",
        ((_, 0), _) => "no server is listed",
        _ => "no server matches the filter",
    }
}

/// `text` in parts of at most `width` columns, at least one.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
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
    use crate::{
        app::tests::{server, server_at, some_moment, three, write},
        view::tests::{line_with, screen},
    };
    use metaserve_client::Status;
    use std::time::Duration;

    /// Three servers, and one with a long name, a large count and this address.
    fn crowd(address: &str) -> App<u16> {
        let mut app = three();
        app.link(Status::Live { problem: None }, some_moment());
        let long = "A name that is as long as names of servers like to be";
        app.change(
            [server_at(7, long, 12_345, address.parse().unwrap())],
            some_moment(),
        );
        app
    }

    #[test]
    fn at_70_columns_the_mode_goes_first() {
        let shown = screen(&mut crowd("203.0.113.200:27960"), 70, 20, Duration::ZERO);
        let head = line_with(&shown, "Address");
        for (title, is_there) in [("Game", true), ("Map", true), ("Mode", false)] {
            assert_eq!(head.contains(title), is_there, "{title} in {head:?}");
        }
    }

    #[test]
    fn the_sorted_column_is_left_out_last() {
        let mut app = crowd("203.0.113.200:27960");
        let _ = write(&mut app, "5");
        let shown = screen(&mut app, 62, 20, Duration::ZERO);
        let head = line_with(&shown, "Address");
        assert!(head.contains("Mode ▾") && !head.contains("Map"), "{head:?}");
    }

    #[test]
    fn at_60_columns_addresses_and_counts_are_whole_in_one_line() {
        let shown = screen(&mut crowd("203.0.113.200:27960"), 60, 20, Duration::ZERO);
        let row = line_with(&shown, "12345/16");
        assert!(row.starts_with("A name that is a"), "{row:?}");
        assert!(row.trim_end().ends_with("203.0.113.200:27960"), "{row:?}");
        let counts = "4 servers, 12359 players";
        assert!(line_with(&shown, counts).contains("● live"));
        line_with(&shown, "q quit");
    }

    #[test]
    fn at_40_columns_a_server_has_two_lines_and_all_of_both_is_whole() {
        let shown = screen(&mut crowd("203.0.113.200:27960"), 40, 24, Duration::ZERO);
        line_with(&shown, "4 servers, 12359 players");
        line_with(&shown, "● live");
        let first = shown.iter().position(|line| line.contains("12345/16"));
        let first = first.unwrap_or_else(|| panic!("{shown:#?}"));
        assert!(shown[first].starts_with("A name that is as long as n"));
        assert!(shown[first].contains('…') && shown[first].ends_with("12345/16"));
        assert!(shown[first + 1].starts_with("203.0.113.200:27960  tag · map7"));
        assert!(shown[first + 2].starts_with("Ada") && shown[first + 2].ends_with("9/16"));
        line_with(&shown, "q quit");
    }

    #[test]
    fn the_longest_address_is_whole_however_narrow_it_is() {
        let address = "[2001:db8:1234:5678:9abc:def0:1234:5678]:27960";
        for width in [60, 40, 30] {
            let shown = screen(&mut crowd(address), width, 30, Duration::ZERO);
            let lines: Vec<_> = shown.iter().map(|line| line.trim_end()).collect();
            let text = lines.concat();
            assert!(text.contains(address), "{width}: {shown:#?}");
            line_with(&shown, "12345/16");
        }
    }

    #[test]
    fn the_sorted_column_is_named_even_if_it_is_left_out() {
        let mut app = crowd("203.0.113.200:27960");
        let _ = write(&mut app, "4");
        line_with(&screen(&mut app, 40, 20, Duration::ZERO), "Name (by Map ▾)");
    }

    #[test]
    fn the_chosen_server_is_on_the_screen_when_it_is_narrow() {
        let mut app = App::new(some_moment());
        app.change(
            (0..50).map(|number| server(number, &format!("{number:02}"), 1)),
            some_moment(),
        );
        let _ = write(&mut app, &"j".repeat(30));
        let shown = screen(&mut app, 40, 12, Duration::ZERO);
        let row = line_with(&shown, "30");
        assert!(row.ends_with("1/16"), "{row:?}");
    }

    #[test]
    fn long_texts_continue_on_the_next_line() {
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
}
