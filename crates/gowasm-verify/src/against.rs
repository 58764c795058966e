//! One verification of two modules, and where they differ: one that was made small and the whole one, say.
//! docs/schema/against.schema.json describes the JSON.

use crate::comparison::{end, told};
use crate::verdict::{EngineVersion, ModuleId, Step, Verdict};
use crate::{Failure, Random, Request, verify};
use gowasm_diagnostic::printable::line;
use gowasm_directive::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    pub schema: u32,
    /// Both did the same, and what the plan says.
    pub passed: bool,
    pub engine: EngineVersion,
    pub before: ModuleId,
    pub after: ModuleId,
    /// How many steps were compared.
    pub steps: usize,
    pub differences: Vec<Difference>,
    /// Steps of the plan in which both do the same, and not what it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Step>,
}

/// A step that did not end in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Such as `add(2, 3)`.
    pub step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_line: Option<u32>,
    pub before: String,
    pub after: String,
}

/// Does the plan's steps and random calls with both modules.
pub fn verify_against(
    after: &[u8],
    before: &[u8],
    random: Option<Random>,
    request: &Request,
) -> Result<Against, Failure> {
    let both = |request: &Request| -> Result<[Verdict; 2], Failure> {
        Ok([verify(before, request)?, verify(after, request)?])
    };
    let [old, new] = both(request)?;
    let mut against = Against {
        schema: crate::SCHEMA,
        passed: true,
        engine: new.engine.clone(),
        before: old.module.clone(),
        after: new.module.clone(),
        steps: 0,
        differences: Vec::new(),
        failures: Vec::new(),
    };
    against.compare(&old, &new);
    if against.differences.is_empty() {
        against.failures = new.failures().cloned().collect();
    }
    if let Some(random) = random {
        let plan = random.plan(&common(before, after)?).map_err(Failure::Input)?;
        let [old, new] = both(&Request { plan: Some(&plan), manifest: None, ..*request })?;
        against.compare(&old, &new);
    }
    against.passed = against.differences.is_empty() && against.failures.is_empty();
    Ok(against)
}

/// The exports that both have with one type.
fn common(before: &[u8], after: &[u8]) -> Result<Manifest, Failure> {
    let read = |module| Manifest::from_module(module).map_err(|fault| Failure::Input(vec![fault]));
    let (mut manifest, after) = (read(before)?, read(after)?);
    let named = after.exports.iter().rev().map(|export| (export.name.as_str(), export));
    let after: HashMap<_, _> = named.collect();
    manifest.exports.retain(|export| {
        let same = after.get(export.name.as_str());
        same.is_some_and(|other| {
            (&other.params, &other.results) == (&export.params, &export.results)
        })
    });
    Ok(manifest)
}

impl Against {
    fn compare(&mut self, old: &Verdict, new: &Verdict) {
        let steps = old.steps.len().max(new.steps.len());
        self.steps += steps;
        for number in 0..steps {
            let [old, new] = [old, new].map(|verdict| verdict.steps.get(number));
            let Some(some) = old.or(new) else { continue };
            if old.map(end) != new.map(end) {
                let told = |step: Option<&Step>| {
                    step.map_or_else(|| "nothing: it came no further".to_owned(), told)
                };
                self.differences.push(Difference {
                    step: some.title(),
                    plan_line: some.plan_line,
                    before: told(old),
                    after: told(new),
                });
            }
        }
    }

    /// With a newline at its end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Lines for people: where they differ, and how much was compared.
    pub fn render(&self) -> String {
        let mut text = String::new();
        self.failures.iter().for_each(|step| crate::verdict::render_step(&mut text, step));
        for Difference { step, before, after, .. } in &self.differences {
            let [step, before, after] = [step, before, after].map(|told| line(told));
            let _ = writeln!(text, "DIFFER {step}\n     before: {before}\n     after: {after}");
        }
        let word = if self.differences.is_empty() { "do the same" } else { "differ" };
        let _ = writeln!(
            text,
            "{} steps: the modules of {} and {} bytes {word} ({})",
            self.steps, self.before.size, self.after.size, self.engine
        );
        text
    }
}
