//! What keys and changes do to the list: pure, without a terminal or a clock.

use crate::row::{Column, Row};
use metaserve_client::Status;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::{
    collections::BTreeMap,
    ops::{ControlFlow, Range},
    time::{Duration, Instant},
};

/// The list and the user's view of it. `Id` identifies a server: a `ServerId`, or any number in
/// tests.
#[derive(Debug)]
pub(crate) struct App<Id> {
    rows: BTreeMap<Id, Row>,
    /// The rows that match the filter, in order.
    visible: Vec<Id>,
    /// The chosen row, which stays chosen when rows move around it.
    selected: Option<Id>,
    /// Its position in `visible`, or its last one.
    index: usize,
    /// The first row on the screen.
    offset: usize,
    /// The number of rows on the screen.
    page: usize,
    sort: Column,
    reversed: bool,
    filter: String,
    editing: bool,
    details: bool,
    status: Status,
    status_since: Instant,
    changed: Option<Instant>,
}

impl<Id: Copy + Ord> App<Id> {
    /// An empty list.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            rows: BTreeMap::new(),
            visible: Vec::new(),
            selected: None,
            index: 0,
            offset: 0,
            page: 1,
            sort: Column::Players,
            reversed: false,
            filter: String::new(),
            editing: false,
            details: true,
            status: Status::Connecting,
            status_since: now,
            changed: None,
        }
    }

    /// Servers were added or changed, or removed (those without a row).
    pub(crate) fn change(
        &mut self,
        changes: impl IntoIterator<Item = (Id, Option<Row>)>,
        now: Instant,
    ) {
        for (id, row) in changes {
            match row {
                Some(row) => drop(self.rows.insert(id, row)),
                None => drop(self.rows.remove(&id)),
            }
        }
        self.changed = Some(now);
        self.arrange();
    }

    /// The state of the connection has changed.
    pub(crate) fn link(&mut self, status: Status, now: Instant) {
        self.status = status;
        self.status_since = now;
    }

    /// A key was pressed. Breaks when the user wants to leave.
    pub(crate) fn key(&mut self, key: KeyEvent) -> ControlFlow<()> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return ControlFlow::Break(()),
                KeyCode::Char('u') if self.editing => self.set_filter(String::new()),
                _ => {}
            }
            return ControlFlow::Continue(());
        }
        match key.code {
            KeyCode::Esc if self.editing || !self.filter.is_empty() => {
                self.editing = false;
                self.set_filter(String::new());
            }
            KeyCode::Esc => return ControlFlow::Break(()),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::PageUp => self.step(-self.page.cast_signed()),
            KeyCode::PageDown => self.step(self.page.cast_signed()),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.step(isize::MAX),
            KeyCode::Enter if self.editing => self.editing = false,
            KeyCode::Backspace if self.editing => {
                let mut filter = std::mem::take(&mut self.filter);
                filter.pop();
                self.set_filter(filter);
            }
            KeyCode::Char(c) if self.editing => {
                let filter = format!("{}{c}", self.filter);
                self.set_filter(filter);
            }
            _ if self.editing => {}
            KeyCode::Char('q') => return ControlFlow::Break(()),
            KeyCode::Char('/') => self.editing = true,
            KeyCode::Enter => self.details = !self.details,
            KeyCode::Char('r') => self.sort_by(self.sort),
            KeyCode::Left => self.sort_beside(Column::ALL.len() - 1),
            KeyCode::Right => self.sort_beside(1),
            KeyCode::Char('k') => self.step(-1),
            KeyCode::Char('j') => self.step(1),
            KeyCode::Char(digit) => {
                let column = digit.to_digit(10).and_then(|digit| digit.checked_sub(1));
                let column = column.and_then(|index| Column::ALL.get(index as usize));
                if let Some(column) = column {
                    self.sort_by(*column);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Sorts by a column. If the list is already sorted by it, reverses the order.
    fn sort_by(&mut self, column: Column) {
        self.reversed = self.sort == column && !self.reversed;
        self.sort = column;
        self.arrange();
    }

    /// Sorts by the column that is this many places to the right; after the last comes the first.
    fn sort_beside(&mut self, right: usize) {
        let at = Column::ALL.iter().position(|it| *it == self.sort);
        let beside = Column::ALL.iter().cycle().nth(at.unwrap_or(0) + right);
        if let Some(column) = beside {
            self.sort_by(*column);
        }
    }

    fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.arrange();
    }

    fn step(&mut self, by: isize) {
        let last = self.visible.len().saturating_sub(1);
        self.index = self.index.saturating_add_signed(by).min(last);
        self.selected = self.visible.get(self.index).copied();
    }

    /// Filters and sorts again. The chosen row stays chosen; if it is gone, its neighbour is chosen.
    fn arrange(&mut self) {
        let words = self.filter.to_lowercase();
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let (sort, reversed) = (self.sort, self.reversed);
        let shown = self.rows.iter().filter(|(_, row)| row.matches(&words));
        let mut shown: Vec<(&Id, &Row)> = shown.collect();
        shown.sort_by(|(_, one), (_, two)| {
            let order = one.order(two, sort);
            let order = if reversed { order.reverse() } else { order };
            order.then_with(|| one.order(two, Column::Name))
        });
        self.visible = shown.into_iter().map(|(id, _)| *id).collect();
        let at = |selected| self.visible.iter().position(|id| *id == selected);
        match self.selected.and_then(at) {
            Some(index) => self.index = index,
            None => self.step(0),
        }
    }

    /// The rows for a screen with this many lines, scrolled so that it shows the chosen row.
    pub(crate) fn window(&mut self, lines: usize) -> Range<usize> {
        self.page = lines.max(1);
        let first = (self.index + 1).saturating_sub(self.page);
        let last = self.visible.len().saturating_sub(self.page);
        self.offset = self.offset.clamp(first, self.index.max(first)).min(last);
        self.offset..self.visible.len().min(self.offset + self.page)
    }

    /// Some of the visible rows, each with whether it is the chosen one.
    pub(crate) fn rows(&self, window: Range<usize>) -> impl Iterator<Item = (&Row, bool)> {
        let ids = self.visible.get(window).unwrap_or_default().iter();
        ids.filter_map(|id| Some((self.rows.get(id)?, self.selected == Some(*id))))
    }

    /// The chosen row.
    pub(crate) fn selected(&self) -> Option<&Row> {
        self.rows.get(&self.selected?)
    }

    /// The number of servers that match the filter, and of all servers.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.visible.len(), self.rows.len())
    }

    /// The number of players on the visible servers.
    pub(crate) fn players(&self) -> u64 {
        let rows = self.rows(0..self.visible.len());
        rows.filter_map(|(row, _)| row.players().map(u64::from))
            .sum()
    }

    /// The column that the list is sorted by, and whether the order is reversed.
    pub(crate) fn sort(&self) -> (Column, bool) {
        (self.sort, self.reversed)
    }

    /// The filter, and whether it is being typed.
    pub(crate) fn filter(&self) -> (&str, bool) {
        (&self.filter, self.editing)
    }

    /// Whether to show the details of the chosen server.
    pub(crate) fn shows_details(&self) -> bool {
        self.details
    }

    /// The state of the connection, and for how long it has lasted.
    pub(crate) fn status(&self, now: Instant) -> (&Status, Duration) {
        (
            &self.status,
            now.saturating_duration_since(self.status_since),
        )
    }

    /// How long ago the list last changed.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.changed
            .map(|changed| now.saturating_duration_since(changed))
    }
}

#[cfg(test)]
pub(crate) mod tests;
