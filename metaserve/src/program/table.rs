//! Tables of text.

use crate::printable;
use std::fmt;

/// A table with headings, whose columns are as wide as their widest text. All text is made
/// printable, since rows may come from strangers.
pub struct Table<const N: usize>(Vec<[String; N]>);

impl<const N: usize> Table<N> {
    /// A table without rows.
    #[must_use]
    pub fn new(headings: [&str; N]) -> Self {
        Self(vec![headings.map(str::to_owned)])
    }

    /// Adds a row.
    pub fn row(&mut self, row: [String; N]) {
        self.0.push(row.map(|it| printable(&it)));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let widths = self.0.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        for row in &self.0 {
            let mut line = String::new();
            for (text, width) in row.iter().zip(widths) {
                line.push_str(&format!("{text:width$}  "));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_with_their_headings() {
        let mut table = Table::new(["A", "BC"]);
        table.row(["long".to_owned(), "\u{1b}[x\u{202e}".to_owned()]);
        assert_eq!(table.to_string(), "A     BC\nlong   [x\n");
    }
}
