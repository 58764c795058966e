//! Reports as tables for people.

use crate::report::{Change, Row};
use gowasm_diagnostic::printable;
use std::fmt::Write;

/// Bytes, their share of all, and the name; what `top` leaves out is one last row.
pub fn text(rows: &[Row], all: u64, top: usize) -> String {
    let mut text = String::new();
    let (shown, hidden) = rows.split_at(top.min(rows.len()));
    for row in shown {
        line(&mut text, row.bytes, all, &row.name);
    }
    if !hidden.is_empty() {
        let bytes = hidden.iter().map(|row| row.bytes).sum();
        line(&mut text, bytes, all, &format!("({} more)", hidden.len()));
    }
    line(&mut text, all, all, "all");
    text
}

fn line(text: &mut String, bytes: u64, all: u64, name: &str) {
    let share = bytes as f64 * 100.0 / (all.max(1)) as f64;
    let _ = writeln!(text, "{bytes:>10}  {share:>5.1} %  {}", printable::line(name));
}

/// Bytes before and after, the difference, and the name.
pub fn changes_text(changes: &[Change], old: u64, new: u64, top: usize) -> String {
    let mut text = String::new();
    let (shown, hidden) = changes.split_at(top.min(changes.len()));
    let mut line = |old: u64, new: u64, name: &str| {
        let difference = new as i64 - old as i64;
        let _ =
            writeln!(text, "{old:>10}  {new:>10}  {difference:>+10}  {}", printable::line(name));
    };
    for change in shown {
        line(change.old, change.new, &change.name);
    }
    if !hidden.is_empty() {
        let sums = hidden.iter().fold((0, 0), |(old, new), c| (old + c.old, new + c.new));
        line(sums.0, sums.1, &format!("({} more)", hidden.len()));
    }
    line(old, new, "all");
    text
}
