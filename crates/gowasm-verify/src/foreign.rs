//! Verdicts that come from elsewhere: whether one answers a request. That its steps went as it says is
//! taken on trust; of which module, plan, engine and limits it speaks is not.

use crate::run::check_exports;
use crate::verdict::{SCHEMA, Status, Step, StepKind, Verdict};
use crate::{Engine, Kind, MissingImports, Request, engine};
use gowasm_directive::interface;
use sha2::{Digest, Sha256};

impl Verdict {
    /// What is wrong with it as the answer to this request.
    pub fn answers(&self, module: &[u8], request: &Request<'_>) -> Result<(), String> {
        let interface = interface::read(module).map_err(|fault| fault.message)?;
        let kind = Kind::of(&interface);
        let wanted = request.engine.unwrap_or(Engine::for_kind(kind));
        if self.schema != SCHEMA {
            return Err("the verdict is of another version".to_owned());
        }
        let version = &self.engine.version;
        if self.engine.name != wanted.name()
            || (wanted == Engine::Wasmi && *version != engine::wasmi::VERSION)
        {
            return Err("the verdict is of another engine".to_owned());
        }
        let sha256 = crate::run::hex(&Sha256::digest(module));
        if self.module.sha256 != sha256 || self.module.size != module.len() as u64 {
            return Err("the verdict is of another module".to_owned());
        }
        if self.limits != request.limits {
            return Err("the verdict is of other limits".to_owned());
        }
        let of_kind = |kind| self.steps.iter().filter(move |step| step.kind == kind);
        if self.passed != self.steps.iter().all(|step| step.status == Status::Passed) {
            return Err("the verdict is at odds with its own steps".to_owned());
        }
        if !self.passed {
            return Ok(());
        }
        let stops = request.missing_imports.or(request.plan.and_then(|plan| plan.missing_imports));
        let stopped = self.steps.iter().any(|step| step.stopped_at.is_some());
        if stopped && stops != Some(MissingImports::Stop) {
            return Err("the verdict is of a run that stopped at an import".to_owned());
        }
        let begins = if kind == Kind::Js { StepKind::Start } else { StepKind::Instantiate };
        let validated = self.steps.first().is_some_and(|step| step.kind == StepKind::Validate);
        if !validated || of_kind(begins).count() != 1 {
            return Err("the verdict leaves out steps".to_owned());
        }
        let names = |steps: Vec<&Step>| -> Vec<Option<String>> {
            steps.into_iter().map(|step| step.name.clone()).collect()
        };
        let promised = check_exports(&interface, request.manifest);
        if names(of_kind(StepKind::Export).collect()) != names(promised.iter().collect()) {
            return Err("the verdict is of another manifest".to_owned());
        }
        let planned = request.plan.map(|plan| plan.calls.as_slice()).unwrap_or_default();
        let planned = planned.iter().map(|call| Some(call.export.value.clone()));
        if !names(of_kind(StepKind::Call).collect()).into_iter().eq(planned) {
            return Err("the verdict is of another plan".to_owned());
        }
        Ok(())
    }
}
