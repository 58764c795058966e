//! What a plan says of the surroundings of a module, and of the limits of single calls.

use super::CallLimits;
use super::table::{Reader, Table};
use crate::world::{Content, Preopened, World};
use std::time::Duration;
use toml::de::DeValue;

impl<'t> Reader<'t> {
    /// `[world]` and `[[dir]]`.
    pub(super) fn world(&mut self, top: &mut Table<'t>) -> World {
        let mut world = World::default();
        let table = top.take("world").and_then(|value| self.table("[world]", value));
        if let Some(mut table) = table {
            world.args = self.texts(&mut table, "args");
            world.env = self.environment(&mut table);
            let seconds = self.integer(&mut table, "time", 0, 9_000_000_000);
            world.time = seconds.map(|seconds| seconds as u64);
            let seed = self.integer(&mut table, "seed", 0, u64::MAX.into());
            world.seed = seed.unwrap_or_default() as u64;
            self.finish(table);
        }
        let dirs = top.take("dir").map(|value| self.tables("[[dir]]", value));
        world.dirs = dirs.into_iter().flatten().filter_map(|table| self.dir(table)).collect();
        world
    }

    fn environment(&mut self, table: &mut Table<'t>) -> Vec<String> {
        let Some(value) = table.take("env") else { return Vec::new() };
        let Some(variables) = self.table("`env`", value) else { return Vec::new() };
        let pairs = self.pairs(variables);
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn dir(&mut self, mut table: Table<'t>) -> Option<Preopened> {
        let guest = self.required_string(&mut table, "path");
        let files = table.take("files").and_then(|value| self.table("`files`", value));
        let files = files.map(|files| self.files(files)).unwrap_or_default();
        self.finish(table);
        Some(Preopened { guest: guest?.value, content: Content::Files(files) })
    }

    fn files(&mut self, table: Table<'t>) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for (path, (offset, value)) in table.keys {
            let inside = !path.is_empty()
                && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
            if !inside {
                self.fault(offset, format!("{path:?} is no path below the directory"));
            }
            match value.into_inner() {
                DeValue::String(text) => files.push((path, text.into_owned().into_bytes())),
                DeValue::Table(content) => {
                    let mut content = Table::new("the file", offset, content);
                    let bytes = self.bytes(&mut content);
                    self.finish(content);
                    files.extend(bytes.map(|bytes| (path, bytes.bytes)));
                }
                other => self.wrong_type(&path, "a string", &other, offset),
            }
        }
        files
    }

    /// Keys that the user chooses, and texts.
    fn pairs(&mut self, table: Table<'t>) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (key, (offset, value)) in table.keys {
            match value.into_inner() {
                DeValue::String(text) => pairs.push((key, text.into_owned())),
                other => self.wrong_type(&key, "a string", &other, offset),
            }
        }
        pairs
    }

    pub(super) fn texts(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
    ) -> Option<Vec<String>> {
        let value = table.take(key)?;
        let mut texts = Vec::new();
        for item in self.array(key, value)? {
            let offset = item.span().start;
            match item.into_inner() {
                DeValue::String(text) => texts.push(text.into_owned()),
                other => self.wrong_type(key, "an array of strings", &other, offset),
            }
        }
        Some(texts)
    }

    pub(super) fn limits(&mut self, table: &mut Table<'t>) -> CallLimits {
        let mut limit = |key| self.integer(table, key, 1, u64::MAX.into()).map(|n| n as u64);
        CallLimits {
            steps: limit("step_limit"),
            memory_bytes: limit("memory_limit"),
            time: limit("time_limit_ms").map(Duration::from_millis),
        }
    }

    /// The calls of host functions that a call must make.
    pub(super) fn host_calls(&mut self, table: &mut Table<'t>) -> Option<Vec<String>> {
        self.texts(table, "host_calls")
    }
}
