//! Go's compiler on the cluster: what `go build -toolexec` has `gowasm toolexec` run is an action whose
//! inputs are the compiler, the sources, and the archives of what the package imports.
//!
//! The archive has to be the one that the compiler makes here, to the byte, wherever a worker puts its
//! inputs. The compiler records the absolute places of sources, shortened by `-trimpath`. So an action
//! names its sources below /proc/self/cwd, which on Linux is wherever the compiler was started, and a
//! `-trimpath` of its own turns that into what is recorded here. What an action cannot tell is
//! compiled here.

mod action;
mod invocation;
mod report;

pub(crate) use report::{REPORT, Report};

use crate::memo::Memo;
use crate::stamp::Moment;
use crate::{Failure, Servers};
use action::{ARCHIVE, ASSEMBLY_HEADER, INPUTS, Inputs};
use gowasm_diagnostic::Diagnostic;
use gowasm_store::{ActionResult, Digest, Store};
use invocation::Invocation;
use report::Said;
use std::env;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Variables that change what the compiler makes or writes, and that no action has.
const DEBUGGING: [&str; 2] = ["GOCOMPILEDEBUG", "GOSSAFUNC"];
/// Variables that Go tells the compiler its target by.
const TARGET: [&str; 4] = ["GOOS", "GOARCH", "GOWASM", "GOEXPERIMENT"];
/// The compiler's place among the inputs.
const COMPILER: &str = "tool/compile";

/// One run of a tool that Go wants, in the folder where Go wants it.
pub struct ToolRun<'a> {
    pub tool: &'a Path,
    pub arguments: &'a [OsString],
    pub started_in: &'a Path,
    pub servers: &'a Servers,
}

enum Ended {
    There(u8),
    Here(String),
}

/// Whether this run of a tool is one that a cluster can do.
pub fn is_compile(tool: &Path, arguments: &[OsString]) -> bool {
    let for_wasm = env::var_os("GOARCH").is_some_and(|arch| arch == "wasm");
    let asks = arguments.first().is_some_and(|argument| argument == "-V=full");
    tool.file_stem().is_some_and(|name| name == "compile") && for_wasm && !asks
}

/// Has the cluster compile a package. What the compiler says goes to stdout and stderr, as from the
/// compiler itself, and its exit code comes back. `None`: the tool is to be run here.
pub fn compile(run: &ToolRun<'_>) -> Result<Option<u8>, Failure> {
    match attempt(run) {
        Ok(Ended::There(code)) => Ok(Some(code)),
        Ok(Ended::Here(why)) => {
            let package = env::var("TOOLEXEC_IMPORTPATH").unwrap_or_default();
            report::say(&Said::Here(package, why));
            Ok(None)
        }
        Err(failure) => {
            if let Failure::Environment(diagnostic) = &failure {
                let Diagnostic { message, hint, .. } = diagnostic.clone();
                report::say(&Said::Failed(message, hint));
            }
            Err(failure)
        }
    }
}

fn attempt(run: &ToolRun<'_>) -> Result<Ended, Failure> {
    let mut store = Store::open(None)?;
    let ended = store.connect(run.servers).map_err(Failure::from);
    let ended = ended.and_then(|()| with_store(run, &store));
    for warning in store.take_warnings() {
        report::warn(&warning.to_string());
    }
    ended
}

fn with_store(run: &ToolRun<'_>, store: &Store) -> Result<Ended, Failure> {
    let here = |why: &str| Ok(Ended::Here(why.to_owned()));
    if !store.executes_remotely() {
        return here("no executor can be used");
    }
    if !cfg!(target_os = "linux") {
        return here("only Linux has a name for the folder that a compiler is started in");
    }
    if DEBUGGING.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return here("its debugging is asked for");
    }
    // 1. The command line as an action.
    let invocation = match Invocation::parse(run.arguments, run.started_in) {
        Ok(invocation) => invocation,
        Err(why) => return here(&why),
    };
    let mut inputs = Inputs::default();
    inputs.add_known(COMPILER.to_owned(), run.tool, digest_of_tool(run.tool, store)?);
    let mut action = match action::action(COMPILER, &invocation, &mut inputs) {
        Ok(action) => action,
        Err(why) => return here(&why),
    };
    for name in TARGET {
        action = action.env(name, env::var(name).unwrap_or_default());
    }
    action = action.env("GOROOT", "");
    for (name, value) in &run.servers.options().exec_properties {
        action = action.platform(name, value);
    }
    let action = action.encode()?;

    // 2. Its result, made before or made now.
    let judge = |result: ActionResult| -> Result<ActionResult, String> {
        let archive = result.output(ARCHIVE).ok_or("it has no archive")?;
        let bytes = store.get(&archive.digest).ok_or("its archive is gone")?;
        gowasm_goobj::Archive::parse(&bytes).map_err(|error| error.to_string())?;
        Ok(result)
    };
    let result = match store.get_action_if(&action.key, &judge) {
        Some(result) => result,
        None => match store.execute_if(&action, inputs.blobs(), &judge) {
            Ok(result) => {
                report::say(&Said::Executed);
                result
            }
            Err(error) if run.servers.options().local_fallback => {
                report::warn(&format!("{error}; it is done here"));
                return here("the executor failed");
            }
            Err(error) => return Err(error.into()),
        },
    };

    // 3. The files where Go wants them.
    if result.exit_code == 0 && !put_outputs(store, &invocation, &result)? {
        return here("a path in a `//line` directive leads out of the package's folder");
    }
    let said = |text: &[u8]| action::as_spelled(text, &invocation.folders);
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(said(&result.stdout).as_bytes()).and_then(|()| stdout.flush()) {
        // Go that no longer listens ends by itself.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(Failure::io("write to", Path::new("stdout"), &error));
        }
        _ => {}
    }
    let _ = std::io::stderr().write_all(said(&result.stderr).as_bytes());
    Ok(Ended::There(u8::try_from(result.exit_code).unwrap_or(1)))
}

/// `false`: the archive holds a place of the worker's, which the one that is made here does not.
fn put_outputs(
    store: &Store,
    invocation: &Invocation,
    result: &ActionResult,
) -> Result<bool, Failure> {
    let header = invocation.assembly_header.as_ref().map(|path| (ASSEMBLY_HEADER, path));
    for (name, path) in [Some((ARCHIVE, &invocation.archive)), header].into_iter().flatten() {
        let bytes = result.output(name).and_then(|output| store.get(&output.digest));
        let Some(bytes) = bytes else {
            let package = &invocation.import_path;
            let message = format!("the remote executor compiled {package} and gave no {name} back");
            return Err(Failure::Environment(Diagnostic::error(message)));
        };
        if memchr::memmem::find(&bytes, INPUTS.as_bytes()).is_some() {
            return Ok(false);
        }
        // Go's own temporary folder: nobody else looks at it.
        std::fs::write(path, bytes).map_err(|error| Failure::io("write", path, &error))?;
    }
    Ok(true)
}

/// The compiler is large, and every package of a build asks for it.
fn digest_of_tool(tool: &Path, store: &Store) -> Result<Digest, Failure> {
    let key = Digest::of(format!("tool\0{}", tool.display()).as_bytes()).hash;
    let mut memo = Memo::load(store, &key);
    let place = env::temp_dir();
    let moment = Moment::now(&[&place])
        .map_err(|error| Failure::io("write to the temporary folder", &place, &error))?;
    let digests = memo.digests(&[tool], &moment)?;
    // That it cannot be kept costs time and nothing else.
    let _ = memo.save(store, &key, &[tool]);
    Ok(digests[0])
}
