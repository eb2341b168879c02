//! What keys and changes do to a list whose servers are numbers.

use super::*;
use bytes::Bytes;
use metaserve::ServerInfo;
use std::{net::SocketAddr, sync::LazyLock};

/// A server with a name and players, at port 7000 and its number.
pub(crate) fn server(number: u16, name: &str, players: u32) -> (u16, Option<Row>) {
    let address = ([192, 0, 2, 1], 7000 + number).into();
    server_at(number, name, players, address)
}

/// A server with a name and players at an address.
pub(crate) fn server_at(
    number: u16,
    name: &str,
    players: u32,
    address: SocketAddr,
) -> (u16, Option<Row>) {
    let info = ServerInfo {
        map: Some(format!("map{number}")),
        players: Some(players),
        max_players: Some(16),
        ..ServerInfo::new(name)
    };
    let row = Row::new("tag", vec![address], None, Bytes::from(info.to_json()));
    (number, Some(row))
}

/// Always the same.
pub(crate) fn some_moment() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    static MOMENT: LazyLock<Instant> = LazyLock::new(Instant::now);
    *MOMENT
}

/// Three servers, by players: Ada (2), Bob (1), Cleo (3).
pub(crate) fn three() -> App<u16> {
    let mut app = App::new(some_moment());
    app.change(
        [
            server(1, "Bob", 5),
            server(2, "Ada", 9),
            server(3, "Cleo", 0),
        ],
        some_moment(),
    );
    app
}

fn press(app: &mut App<u16>, keys: impl IntoIterator<Item = KeyCode>) -> ControlFlow<()> {
    keys.into_iter().try_for_each(|key| app.key(key.into()))
}

pub(crate) fn write(app: &mut App<u16>, text: &str) -> ControlFlow<()> {
    press(app, text.chars().map(KeyCode::Char))
}

fn change(app: &mut App<u16>, changes: impl IntoIterator<Item = (u16, Option<Row>)>) {
    app.change(changes, some_moment());
}

#[test]
fn the_fullest_server_is_first_and_chosen() {
    let app = three();
    assert_eq!((app.visible, app.selected), (vec![2, 1, 3], Some(2)));
}

#[test]
fn the_choice_stays_when_rows_move() {
    let mut app = three();
    let _ = press(&mut app, [KeyCode::Down]);
    assert_eq!(app.selected, Some(1));
    change(&mut app, [server(3, "Cleo", 12), server(4, "Dan", 11)]);
    assert_eq!(app.visible, [3, 4, 2, 1]);
    assert_eq!((app.selected, app.index), (Some(1), 3));
}

#[test]
fn the_neighbour_is_chosen_when_the_chosen_server_goes() {
    let mut app = three();
    change(&mut app, [(2, None)]);
    assert_eq!(app.selected, Some(1));
    change(&mut app, [(1, None), (3, None)]);
    assert_eq!((app.selected, app.count()), (None, (0, 0)));
    change(&mut app, [server(9, "New", 1)]);
    assert_eq!(app.selected, Some(9));
}

#[test]
fn each_column_sorts_and_the_same_digit_reverses_it() {
    let mut app = three();
    let _ = write(&mut app, "1");
    assert_eq!(app.visible, [2, 1, 3]);
    let _ = write(&mut app, "1");
    assert_eq!(app.visible, [3, 1, 2]);
    let _ = write(&mut app, "6");
    assert_eq!(
        (&app.visible[..], app.sort()),
        (&[1, 2, 3][..], (Column::Address, false))
    );
    let _ = press(&mut app, [KeyCode::Right]);
    assert_eq!(app.sort(), (Column::Name, false));
    let _ = press(&mut app, [KeyCode::Left, KeyCode::Char('r')]);
    assert_eq!(app.sort(), (Column::Address, true));
}

#[test]
fn servers_that_say_nothing_come_last() {
    let mut app = three();
    let address = ([192, 0, 2, 1], 1).into();
    let silent = Row::new("tag", vec![address], None, Bytes::from_static(b"\x01"));
    change(&mut app, [(9, Some(silent))]);
    for column in ["1", "3", "4"] {
        let _ = write(&mut app, column);
        app.reversed = false;
        app.arrange();
        assert_eq!(app.visible.last(), Some(&9), "column {column}");
    }
}

#[test]
fn the_filter_works_as_it_is_typed() {
    let mut app = three();
    let _ = write(&mut app, "/CL");
    assert_eq!(
        (&app.visible[..], app.selected, app.count()),
        (&[3][..], Some(3), (1, 3))
    );
    let _ = press(&mut app, [KeyCode::Backspace, KeyCode::Backspace]);
    assert_eq!(app.visible, [2, 1, 3]);
    let _ = write(&mut app, "192.0.2.1 map2");
    assert_eq!((&app.visible[..], app.players()), (&[2][..], 9));
}

#[test]
fn letters_go_into_the_filter_while_it_is_typed() {
    let mut app = three();
    assert!(write(&mut app, "/qr1").is_continue());
    assert_eq!(app.filter(), ("qr1", true));
    assert!(app.selected().is_none());
}

#[test]
fn escape_leaves_the_filter_first_and_then_the_browser() {
    let mut app = three();
    let _ = write(&mut app, "/ada");
    let _ = press(&mut app, [KeyCode::Enter]);
    assert_eq!(app.filter(), ("ada", false));
    assert!(press(&mut app, [KeyCode::Esc]).is_continue());
    assert_eq!(app.filter(), ("", false));
    assert!(press(&mut app, [KeyCode::Esc]).is_break());
}

#[test]
fn the_user_can_always_quit() {
    assert!(write(&mut three(), "q").is_break());
    let mut app = three();
    let _ = write(&mut app, "/");
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert!(app.key(interrupt).is_break());
}

#[test]
fn the_screen_follows_the_choice() {
    let mut app = App::new(some_moment());
    change(
        &mut app,
        (0..50).map(|number| server(number, &format!("{number:02}"), 1)),
    );
    assert_eq!(app.window(10), 0..10);
    let _ = press(&mut app, [KeyCode::PageDown]);
    assert_eq!(app.window(10), 1..11);
    let _ = press(&mut app, [KeyCode::End]);
    assert_eq!((app.window(10), app.selected), (40..50, Some(49)));
    assert_eq!(app.window(100), 0..50);
    let _ = press(&mut app, [KeyCode::Home, KeyCode::Up]);
    assert_eq!((app.window(0), app.selected), (0..1, Some(0)));
}

#[test]
fn an_empty_list_has_an_empty_screen() {
    let mut app = App::<u16>::new(some_moment());
    let _ = press(&mut app, [KeyCode::Down, KeyCode::End, KeyCode::PageUp]);
    assert_eq!(app.window(10), 0..0);
    assert!(app.selected().is_none());
}
