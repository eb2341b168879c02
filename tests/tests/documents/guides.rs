//! What guides say of log lines and alerts: both are explained elsewhere.

use crate::read;
use std::collections::BTreeSet;

/// The first cells of a table's rows, of the tables whose head begins with this cell.
fn first_cells<'a>(page: &'a str, head: &str) -> Vec<&'a str> {
    let head = format!("| {head} |");
    let (mut inside, mut cells) = (false, Vec::new());
    for line in page.lines() {
        let cell = line
            .strip_prefix("| ")
            .and_then(|row| row.split(" |").next());
        match cell {
            Some(_) if line.starts_with(&head) => inside = true,
            Some(cell) if inside && cell != "---" => cells.push(cell),
            Some(_) => {}
            None => inside = false,
        }
    }
    cells
}

#[test]
fn every_log_line_of_the_guide_to_a_cluster_is_on_the_page_of_log_lines() {
    let (guide, page) = (read("docs/guide/cluster.md"), read("docs/reference/log.md"));
    let lines = first_cells(&guide, "log line");
    assert!(lines.len() >= 8, "{lines:?}");
    for line in lines {
        assert!(page.contains(&format!("\n| {line} |")), "{line}");
    }
}

#[test]
fn every_alert_has_a_row_in_a_guide_and_every_row_an_alert() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<_> = alerts.collect();
    let guides = ["docs/guide/self-hosting.md", "docs/guide/cluster.md"].map(read);
    let cells = guides.iter().flat_map(|guide| first_cells(guide, "alert"));
    let rows = cells.flat_map(|cell| cell.split(", ").map(|name| name.trim_matches('`')));
    assert_eq!(rows.collect::<BTreeSet<_>>(), alerts);
}
