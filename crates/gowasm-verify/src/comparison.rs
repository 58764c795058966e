//! One verification in every engine that is there, and where they disagree.
//! docs/schema/comparison.schema.json describes the JSON.

use crate::verdict::{Status, Step, Verdict, render_step};
use crate::{Engine, Failure, Request, verify};
use gowasm_diagnostic::printable::line;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub schema: u32,
    /// In every engine that ran, and all of them alike.
    pub passed: bool,
    pub verdicts: Vec<Verdict>,
    pub disagreements: Vec<Disagreement>,
    /// Engines that did not run the module.
    pub missing: Vec<Missing>,
}

/// A step that did not end in the same way everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Such as `add(2, 3)`.
    pub step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_line: Option<u32>,
    pub engines: Vec<Gave>,
}

/// What one engine gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gave {
    pub engine: String,
    pub gave: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub engine: String,
    pub why: String,
}

/// Verifies with every engine, one after the other. An engine that is not there is told of, not an error.
pub fn verify_everywhere(module: &[u8], request: &Request) -> Result<Comparison, Failure> {
    let only_node = Engine::for_module(module).map_err(|fault| Failure::Input(vec![fault]))?;
    let (mut verdicts, mut missing) = (Vec::new(), Vec::new());
    for engine in Engine::ALL {
        let mut lacks = |why| missing.push(Missing { engine: engine.name().to_owned(), why });
        if only_node == Engine::Node && engine != Engine::Node {
            lacks("cannot run a module of GOOS=js".to_owned());
            continue;
        }
        match verify(module, &Request { engine: Some(engine), ..*request }) {
            Ok(verdict) => verdicts.push(verdict),
            Err(Failure::Environment(fault)) => lacks(fault.message),
            Err(failure) => return Err(failure),
        }
    }
    let disagreements = disagreements(&verdicts);
    let passed = !verdicts.is_empty()
        && disagreements.is_empty()
        && verdicts.iter().all(|verdict| verdict.passed);
    Ok(Comparison { schema: crate::SCHEMA, passed, verdicts, disagreements, missing })
}

fn disagreements(verdicts: &[Verdict]) -> Vec<Disagreement> {
    let steps = verdicts.iter().map(|verdict| verdict.steps.len()).max().unwrap_or(0);
    let of_step = |number: usize| {
        let all = || verdicts.iter().map(|verdict| (verdict, verdict.steps.get(number)));
        let mut ends = all().map(|(_, step)| step.map(end));
        let first = ends.next()?;
        if ends.all(|end| end == first) {
            return None;
        }
        let some = all().find_map(|(_, step)| step)?;
        let gave = |(verdict, step): (&Verdict, Option<&Step>)| Gave {
            engine: verdict.engine.name.clone(),
            gave: step.map_or_else(|| "nothing: it came no further".to_owned(), told),
        };
        let engines = all().map(gave).collect();
        Some(Disagreement { step: some.title(), plan_line: some.plan_line, engines })
    };
    (0..steps).filter_map(of_step).collect()
}

/// What must be the same everywhere; the words of a trap are each engine's own.
pub(crate) fn end(step: &Step) -> (Status, Option<&str>, Option<i32>, bool, bool) {
    let stopped = step.stopped_at.is_some();
    (step.status, step.returned.as_deref(), step.exit_code, step.trap.is_some(), stopped)
}

pub(crate) fn told(step: &Step) -> String {
    let ended = match step {
        Step { returned: Some(value), .. } => format!("returned {value}"),
        Step { exit_code: Some(code), .. } => format!("exited with {code}"),
        Step { trap: Some(why), .. } => format!("trapped: {why}"),
        Step { waits: true, .. } => "waits for calls".to_owned(),
        Step { stopped_at: Some(import), .. } => format!("stopped at a call of {import}"),
        _ => String::new(),
    };
    match &step.reason {
        Some(reason) if ended.is_empty() => reason.clone(),
        None if ended.is_empty() => "ended".to_owned(),
        Some(reason) => format!("{ended} ({reason})"),
        None => ended,
    }
}

impl Comparison {
    /// With a newline at its end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Lines for people: failures, a line for each engine, and where they disagree.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for verdict in &self.verdicts {
            verdict.failures().for_each(|step| render_step(&mut text, step));
            text += &verdict.summary();
        }
        for Disagreement { step, engines, .. } in &self.disagreements {
            let _ = writeln!(text, "DISAGREE {}", line(step));
            for Gave { engine, gave } in engines {
                let _ = writeln!(text, "     {engine}: {}", line(gave));
            }
        }
        for Missing { engine, why } in &self.missing {
            let _ = writeln!(text, "NOT RUN  {engine}: {}", line(why));
        }
        let (ran, all) = (self.verdicts.len(), Engine::ALL.len());
        let word = if self.disagreements.is_empty() { "agree" } else { "disagree" };
        let _ = writeln!(text, "{ran} of {all} engines ran the module, and {word}");
        text
    }
}
