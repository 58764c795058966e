//! The wasm-opt action: the linked module made smaller or faster by Binaryen, unless the same was done
//! before. It runs in a process of its own, which can be bounded and ended.

use crate::build::Session;
use crate::link::{self, Expected, Linked};
use crate::{Failure, process, remote};
use gowasm_diagnostic::Diagnostic;
use gowasm_scratch::Folder;
use gowasm_store::{Action, Blob, Blobs, Digest, show_size};
use gowasm_wasm_opt::Level;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const INPUT: &str = "linked.wasm";
const PROGRAM: &str = "tool/wasm-opt";
const GOWASM: &str = "tool/gowasm";

/// What C++, its threads, and Rust say when memory is refused.
const REFUSED_MEMORY: [&str; 4] = [
    "bad_alloc",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "memory allocation of",
];

/// What wasm-opt is to do, and what it may take.
#[derive(Debug, Clone)]
pub struct WasmOpt {
    pub level: Level,
    /// A program `wasm-opt` instead of the one within gowasm; without a folder, one on the path.
    pub program: Option<PathBuf>,
    pub memory_bytes: u64,
    pub time: Duration,
}

impl WasmOpt {
    /// The one within gowasm, with bounds that large modules keep.
    pub fn new(level: Level) -> Self {
        WasmOpt { level, program: None, memory_bytes: 4 << 30, time: Duration::from_secs(600) }
    }

    /// An installed one. A name alone is looked for on the path, other places are seen from `folder`.
    pub fn with_program(mut self, program: &Path, folder: &Path) -> Self {
        let alone = program.parent() == Some(Path::new(""));
        self.program = Some(if alone { program.to_owned() } else { folder.join(program) });
        self
    }

    /// What can be told to be wrong before anything is run. `gowasm` is the command that is to do it.
    pub(crate) fn check(&self, gowasm: Option<&Path>) -> Result<(), Failure> {
        let Some(gowasm) = gowasm else {
            return Err(Failure::Environment(
                Diagnostic::error(
                    "wasm-opt runs in a process of the command gowasm, which is not on the PATH",
                )
                .hint("install it: cargo install --path crates/gowasm --features wasm-opt"),
            ));
        };
        // Another gowasm knows best what it can do.
        let is_this_one = std::env::current_exe().is_ok_and(|own| own == gowasm);
        match &self.program {
            None if is_this_one && !gowasm_wasm_opt::BUILT_IN => Err(Failure::Usage(
                Diagnostic::error("this gowasm was built without wasm-opt").hint(
                    "build gowasm with `--features wasm-opt`, or name an installed wasm-opt with \
                     --wasm-opt-program",
                ),
            )),
            Some(program) if self.found().is_none() => Err(Failure::Usage(
                Diagnostic::error(format!("there is no program {}", program.display()))
                    .hint("install Binaryen, or name the file of its wasm-opt"),
            )),
            _ => Ok(()),
        }
    }

    /// The file of the program that was named.
    pub(crate) fn found(&self) -> Option<PathBuf> {
        let program = self.program.as_ref()?;
        if program.parent() == Some(Path::new("")) {
            return process::on_path(program);
        }
        program.is_file().then(|| program.clone())
    }

    /// The words for a gowasm that does it.
    fn command(&self, module: &str, output: &str) -> Vec<String> {
        vec![
            "wasm-opt".to_owned(),
            self.level.to_string(),
            module.to_owned(),
            format!("--output={output}"),
            format!("--memory-limit={}", self.memory_bytes),
            format!("--time-limit={}", self.time.as_secs()),
        ]
    }
}

/// Optimises a file. `gowasm` is the command that becomes wasm-opt, after it bounded itself.
pub fn wasm_opt(
    wasm_opt: &WasmOpt,
    gowasm: &Path,
    [module, output]: [&Path; 2],
    cancel: &AtomicBool,
) -> Result<(), Failure> {
    wasm_opt.check(Some(gowasm))?;
    let mut command = Command::new(gowasm);
    command.args(wasm_opt.command(&module.to_string_lossy(), &output.to_string_lossy()));
    command.arg("--unwatched");
    if let Some(program) = wasm_opt.found() {
        command.arg("--program").arg(program);
    }
    let finished = process::run_within(command, cancel, Some(wasm_opt.time), &|_| false)?;
    if finished.status.success() && output.is_file() {
        return Ok(());
    }
    let level = wasm_opt.level;
    let gave_up = |limit: String, flag: &str| {
        let message = format!("wasm-opt -{level} gave up: it needs more than {limit}");
        let hint = format!("allow more with {flag}, or ask for less than {level}");
        Failure::input(Diagnostic::error(message).hint(hint))
    };
    if finished.timed_out {
        let limit = format!("{} s", wasm_opt.time.as_secs());
        return Err(gave_up(limit, "--wasm-opt-time-limit"));
    }
    if refused_memory(finished.status, &finished.stderr) {
        let limit = format!("{} of memory", show_size(wasm_opt.memory_bytes));
        return Err(gave_up(limit, "--wasm-opt-memory-limit"));
    }
    let said = finished.stderr.trim();
    let said = if said.is_empty() { "it says nothing" } else { said };
    let message = format!("wasm-opt -{level} failed ({}): {said}", finished.status);
    Err(Failure::input(
        Diagnostic::error(message).hint("leave out --wasm-opt to have the module as it was linked"),
    ))
}

/// Whether it ended for want of memory. With very little of it, C++ cannot even say why it aborts.
fn refused_memory(status: ExitStatus, stderr: &str) -> bool {
    #[cfg(unix)]
    let aborted = std::os::unix::process::ExitStatusExt::signal(&status) == Some(libc::SIGABRT);
    #[cfg(not(unix))]
    let aborted = false;
    REFUSED_MEMORY.iter().any(|words| stderr.contains(words))
        || (aborted && stderr.trim().is_empty())
}

/// What the session's linked module becomes.
pub(crate) fn optimize(
    session: &mut Session<'_>,
    wanted: &WasmOpt,
    linked: &Linked,
    fits: &(dyn Fn(&[u8]) -> Result<(), Failure> + Sync),
) -> Result<Linked, Failure> {
    // There is one: the request was looked at.
    let gowasm = session.request.gowasm.clone().unwrap_or_default();
    let program = wanted.found();
    let tool = session.digest(program.as_deref().unwrap_or(&gowasm))?;
    let action = action(session, wanted, linked, tool).encode()?;
    let session = &*session;
    let expected = Expected::new(session, None, fits);
    if let Some(found) = link::from_store(session, &action.key, &expected) {
        return Ok(found);
    }
    // An installed program needs libraries that no worker has.
    if program.is_none() {
        let blobs = || {
            Ok(Blobs::from([
                (tool, Blob::File(gowasm.clone())),
                (linked.digest, Blob::Bytes(linked.bytes.clone())),
            ]))
        };
        if let Some(result) =
            remote::execute(session, &action, blobs, &|result| expected.judge(result))?
        {
            return link::executed(session, &result, &format!("wasm-opt -{}", wanted.level));
        }
    }
    let folder = Folder::new("wasm-opt").map_err(|error| {
        Failure::io("make a temporary folder in", &std::env::temp_dir(), &error)
    })?;
    let [module, output] = [INPUT, link::OUTPUT].map(|name| folder.path().join(name));
    std::fs::write(&module, &linked.bytes)
        .map_err(|error| Failure::io("write", &module, &error))?;
    wasm_opt(wanted, &gowasm, [&module, &output], session.cancel)?;
    let bytes = std::fs::read(&output).map_err(|error| Failure::io("read", &output, &error))?;
    Ok(link::kept(session, &action, bytes, String::new()))
}

fn action(session: &Session<'_>, wanted: &WasmOpt, linked: &Linked, tool: Digest) -> Action {
    let place = if wanted.program.is_some() { PROGRAM } else { GOWASM };
    // As a worker runs it, in the folder of the inputs.
    let words = [place.to_owned()].into_iter().chain(wanted.command(INPUT, link::OUTPUT));
    let action = Action::new(words)
        .input_digest(place, tool, true)
        .input_digest(INPUT, linked.digest, true)
        .output(link::OUTPUT);
    let properties = &session.request.servers.options().exec_properties;
    properties.iter().fold(action, |action, (name, value)| action.platform(name, value))
}
