//! What a build is made from: the plan, Go as it is set up, every package compiled.

use crate::build::Session;
use crate::fingerprint::{self, Content, Reading, Watched};
use crate::packages::{self, Packages};
use crate::toolchain::{Asking, Toolchain};
use crate::verify::{self, ReadPlan};
use crate::{Failure, go_flags, process};
use gowasm_directive::Goos;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) struct Inputs {
    pub(crate) plan: Option<ReadPlan>,
    pub(crate) toolchain: Toolchain,
    pub(crate) packages: Packages,
    /// All that the outcome depends on, where it can be known.
    pub(crate) reading: Option<Reading>,
    /// How long Go took.
    pub(crate) time: Duration,
}

/// Reads the plan and has Go list and compile the packages, so that nothing of what was read is younger
/// than the session's moment.
pub(crate) fn gather(session: &mut Session<'_>, asking: &Asking<'_>) -> Result<Inputs, Failure> {
    let (inputs, watched) = read(session, asking)?;
    let mod_cache = &inputs.toolchain.mod_cache;
    let fetched = |watched: &Watched| watched.was_fetched_after(&session.moment, mod_cache);
    if inputs.reading.is_some() || !watched.as_ref().is_some_and(fetched) {
        return Ok(inputs);
    }
    // What Go has just fetched is younger than the moment, and would cost the note. All of it is there
    // now, and compiled, so everything is read once more, from another moment on.
    let Ok(moment) = fingerprint::moment(&session.store, &[mod_cache]) else { return Ok(inputs) };
    session.progress.detail("asking Go once more, now that it has fetched modules");
    session.moment = moment;
    let (mut again, _) = read(session, asking)?;
    again.packages.compiled_remotely += inputs.packages.compiled_remotely;
    again.time += inputs.time;
    Ok(again)
}

fn read(session: &Session<'_>, asking: &Asking<'_>) -> Result<(Inputs, Option<Watched>), Failure> {
    let plan = verify::read_plan(session)?;
    let mut toolchain = asking.toolchain()?;
    go_flags::check_goflags(&toolchain.goflags)?;
    toolchain.goflags.extend(session.request.go_flags.iter().cloned());
    let (version, go) = (&toolchain.version, toolchain.go.display());
    session.progress.detail(&format!("using {version} at {go}"));
    let compiling = Instant::now();
    let packages = packages::list(session, asking.dir, &toolchain)?;
    let time = compiling.elapsed();
    let watched = watched(session, asking.dir, &toolchain, &packages);
    let reading = watched
        .as_ref()
        .and_then(|watched| Reading::take(watched, &toolchain, &session.moment, Content::Whole));
    Ok((Inputs { plan, toolchain, packages, reading, time }, watched))
}

/// `None` where not everything can be known.
fn watched(
    session: &Session<'_>,
    dir: &Path,
    toolchain: &Toolchain,
    packages: &Packages,
) -> Option<Watched> {
    let request = session.request;
    let (started_in, plan) = (&request.started_in, request.plan.as_deref());
    let mut watched = Watched::collect(started_in, plan, dir, toolchain, packages.all())?;
    if let Some(wasm_opt) = &request.wasm_opt {
        match &wasm_opt.program {
            Some(name) if name.parent() == Some(Path::new("")) => watched.program(name),
            Some(program) => watched.tool(program.clone()),
            None => request.gowasm.iter().for_each(|gowasm| watched.tool(gowasm.clone())),
        }
    }
    if request.verify && request.target.goos == Goos::Js {
        let node = Path::new("node");
        // A script starts a node that it chooses by whatever it likes.
        if process::on_path(node).is_some_and(|node| process::is_script(&node)) {
            return None;
        }
        watched.program(node);
        watched.tool(verify::wasm_exec(toolchain));
    }
    Some(watched)
}
