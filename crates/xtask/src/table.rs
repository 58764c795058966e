//! A table for people: columns as wide as their widest cell, numbers to the right.

use serde_json::Value;

pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Table { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// One object a row, named by the head.
    pub(crate) fn json(&self) -> Value {
        let Some((head, rows)) = self.rows.split_first() else { return Value::Array(Vec::new()) };
        let object = |row: &Vec<String>| -> Value {
            head.iter().zip(row).map(|(name, cell)| (name.clone(), cell.clone())).collect()
        };
        rows.iter().map(object).collect()
    }

    /// The first `left` columns are text, the others figures.
    pub(crate) fn print(&self, left: usize) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            let line: Vec<String> = cells.collect();
            println!("{}", line.join("  ").trim_end());
        }
    }
}
