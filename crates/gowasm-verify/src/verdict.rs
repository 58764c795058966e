//! Verdicts: what a verification found, as JSON and for people. docs/schema/verdict.schema.json
//! describes the JSON.

use crate::ending;
use gowasm_diagnostic::{Diagnostic, Position, printable};
use gowasm_directive::wasip1;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Write};

/// Raised when a field goes or changes its meaning.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub schema: u32,
    pub passed: bool,
    pub engine: EngineVersion,
    pub module: ModuleId,
    pub limits: crate::Limits,
    /// Absent when the verdict is to be the same bytes every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_us: Option<u64>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineVersion {
    pub name: String,
    pub version: String,
}

impl Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, printable::line(&self.version))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleId {
    pub sha256: String,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub kind: StepKind,
    /// The export it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub status: Status,
    /// Why it failed or was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The arguments of a call, as the plan has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
    /// Where the plan asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// A program for js that did not end: it has nothing to do, and waits for calls of its functions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_us: Option<u64>,
    /// Instructions that the engine counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// What was written, for a step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// What to do about a failure, where its cause is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Nothing is known of what the program does from the first call of this import on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<MissingImport>,
    /// Of the instantiation: imports that have nothing behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_imports: Vec<MissingImport>,
}

/// A function that neither WASI nor the plan supplies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingImport {
    pub module: String,
    pub name: String,
    /// Of the directive, where a manifest tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

impl MissingImport {
    pub(crate) fn write_called(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module.as_str() {
            wasip1::MODULE => write!(f, "{self} was called, which this host does not have"),
            _ => write!(f, "{self} was called, and no [[host]] of a plan supplies it"),
        }
    }
}

impl Display for MissingImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the import `{}.{}`", self.module, self.name)?;
        self.position.iter().try_for_each(|position| write!(f, " ({position})"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// The whole module obeys the rules of WebAssembly.
    Validate,
    /// An export of the manifest is there, with its type.
    Export,
    Instantiate,
    /// `_initialize` of a reactor.
    Initialize,
    /// `_start` of a command.
    Start,
    Call,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Passed,
    Failed,
    Skipped,
}

impl Step {
    pub(crate) fn new(kind: StepKind) -> Self {
        Step {
            kind,
            name: None,
            status: Status::Passed,
            reason: None,
            args: None,
            plan_line: None,
            returned: None,
            trap: None,
            exit_code: None,
            waits: false,
            time_us: None,
            instructions: None,
            stdout: None,
            stderr: None,
            hint: None,
            stopped_at: None,
            missing_imports: Vec::new(),
        }
    }

    pub(crate) fn named(kind: StepKind, name: &str) -> Self {
        Step { name: Some(name.to_owned()), ..Step::new(kind) }
    }

    pub(crate) fn failed(mut self, reason: impl Into<String>) -> Self {
        self.status = Status::Failed;
        self.reason = Some(reason.into());
        self
    }

    pub(crate) fn skipped(mut self, reason: &str) -> Self {
        self.status = Status::Skipped;
        self.reason = Some(reason.to_owned());
        self
    }

    fn is_export_as_promised(&self) -> bool {
        self.kind == StepKind::Export && self.status == Status::Passed
    }

    /// Such as `add(2, 3)`.
    pub fn title(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let args = self.args.as_deref().unwrap_or_default();
        match self.kind {
            StepKind::Validate => "validate".to_owned(),
            StepKind::Instantiate => "instantiate".to_owned(),
            StepKind::Export => format!("export {name}"),
            StepKind::Initialize | StepKind::Start => name.to_owned(),
            StepKind::Call => format!("{name}({args})"),
        }
    }
}

impl Verdict {
    /// The JSON of NAME.verdict.json, with a newline at its end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    pub fn failures(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.status == Status::Failed)
    }

    /// What a verification that passed did not see, as warnings.
    pub fn remarks(&self) -> impl Iterator<Item = Diagnostic> {
        self.steps.iter().filter(|step| step.status == Status::Passed).filter_map(|step| {
            if let Some(import) = &step.stopped_at {
                let message = format!("the program was run up to its first call of {import} only");
                return Some(Diagnostic::warning(message));
            }
            let is_open = step.kind == StepKind::Start && step.plan_line.is_none();
            let code = step.exit_code.filter(|&code| is_open && code != 0)?;
            let message = format!("the program exited with {code} when it was verified");
            Some(Diagnostic::warning(message).hint(ending::GIVE))
        })
    }

    /// Lines for people: calls and failures; exports that are as they should be are only counted.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for step in self.steps.iter().filter(|step| !step.is_export_as_promised()) {
            render_step(&mut text, step);
        }
        text += &self.summary();
        text
    }

    /// The last line.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        let exports = self.steps.iter().filter(|step| step.is_export_as_promised()).count();
        let word = if self.passed { "passed" } else { "failed" };
        let time = self.time_us.map(|time| format!(" in {}", show_time(time))).unwrap_or_default();
        let failed = self.failures().count();
        let _ = write!(text, "verification {word}{time}: {} steps", self.steps.len());
        let _ = match failed {
            0 => write!(text, ", {exports} exports as promised"),
            _ => write!(text, ", {failed} failed"),
        };
        let _ = writeln!(text, " ({})", self.engine);
        text
    }
}

pub(crate) fn render_step(text: &mut String, step: &Step) {
    let word = match step.status {
        Status::Passed => "ok  ",
        Status::Failed => "FAIL",
        Status::Skipped => "skip",
    };
    let _ = write!(text, "{word} {}", printable::line(&step.title()));
    if let Some(returned) = &step.returned {
        let _ = write!(text, " = {}", printable::line(returned));
    }
    if let (Some(trap), Status::Passed) = (&step.trap, step.status) {
        let _ = write!(text, " trapped: {}", printable::line(trap));
    }
    if let Some(code) = step.exit_code {
        let _ = write!(text, " exited with {code}");
    }
    if step.waits {
        text.push_str(" started, and waits for calls");
    }
    if let Some(time) = step.time_us {
        let _ = write!(text, "  {}", show_time(time));
    }
    if let Some(count) = step.instructions {
        let _ = write!(text, "  {count} instructions");
    }
    text.push('\n');
    if let Some(reason) = &step.reason {
        let _ = writeln!(text, "     {}", printable::line(reason));
    }
    if let Some(hint) = &step.hint {
        let _ = writeln!(text, "     hint: {}", printable::line(hint));
    }
    if let Some(import) = &step.stopped_at {
        let line = format!("stopped at the first call of {import}, which nothing supplies");
        let _ = writeln!(text, "     {}", printable::line(&line));
    }
    for import in step.missing_imports.iter().filter(|_| step.status == Status::Passed) {
        let line = format!("{import} has nothing behind it");
        let _ = writeln!(text, "     {}", printable::line(&line));
    }
    for (name, written) in [("stdout", &step.stdout), ("stderr", &step.stderr)] {
        if let Some(written) = written {
            let _ = writeln!(text, "     {name}:");
            written.lines().for_each(|line| {
                let _ = writeln!(text, "       {}", printable::lines(line));
            });
        }
    }
}

fn show_time(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{:.1} ms", microseconds as f64 / 1e3),
        _ => format!("{:.2} s", microseconds as f64 / 1e6),
    }
}
