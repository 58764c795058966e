//! Engines in processes of their own: node, and wazero in a small Go program. They only compile,
//! instantiate and call; every import of the module comes back to us (frames.rs), so that a module
//! finds there what it finds in wasmi.
//!
//! They count no steps. A thread watches the time and the interruption, and ends the process.

use super::frames::{receive, send};
use super::{Loaded, refuse_start_function};
use crate::guest::{self, Guest, State, Stop, Watch, sooner};
use crate::imports::Import;
use crate::node::{self, environment};
use crate::value::Val;
use crate::{Failure, Limits, Outside};
use gowasm_directive::interface::Interface;
use gowasm_directive::{FuncType, WasmType};
use gowasm_process::{Confinement, Group};
use gowasm_scratch::Folder;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const NODE: &str = include_str!("node_host.cjs");
/// The folder of a Go program; Cargo would not package one with a go.mod of that name.
const WAZERO: [(&str, &str); 3] = [
    ("main.go", include_str!("wazero_host/main.go")),
    ("go.mod", include_str!("wazero_host/go.mod.txt")),
    ("go.sum", include_str!("wazero_host/go.sum.txt")),
];
const WATCH: Duration = Duration::from_millis(10);
const PAGE: u64 = 65536;

/// An engine's program, ready to be started.
pub(crate) struct Host {
    pub(crate) version: String,
    program: PathBuf,
    is_node: bool,
    /// Before ours.
    args: Vec<String>,
    timeout: Duration,
    /// Where the program lies, or what it was made of.
    _folder: Folder,
}

impl Host {
    pub(super) fn node(outside: Option<&Outside>) -> Result<Self, Failure> {
        let program = Outside::node_of(outside);
        let version = node::version(program)?;
        let folder = written(&[("host.cjs", NODE)])?;
        let args = vec![folder.path().join("host.cjs").to_string_lossy().into_owned()];
        let timeout = Outside::timeout_of(outside);
        Ok(Host { version, program: program.into(), is_node: true, args, timeout, _folder: folder })
    }

    /// The program is built with the user's Go, once.
    pub(super) fn wazero(outside: Option<&Outside>) -> Result<Self, Failure> {
        let Some(goroot) = outside.and_then(|outside| outside.goroot.as_ref()) else {
            return Err(environment(
                "wazero is a Go library: running it needs a Go, and none is known".to_owned(),
                "name the Go with --go",
            ));
        };
        let folder = written(&WAZERO)?;
        let program = built(&goroot.join("bin").join("go"), folder.path())?;
        let timeout = Outside::timeout_of(outside);
        Ok(Host {
            version: wazero_version(),
            program,
            is_node: false,
            args: Vec::new(),
            timeout,
            _folder: folder,
        })
    }

    pub(super) fn load<'m>(
        &'m self,
        module: &'m [u8],
        interface: &Interface,
        imports: Vec<Import>,
        limits: Limits,
    ) -> Result<Box<dyn Loaded + 'm>, String> {
        refuse_start_function(module)?;
        let exports = interface.exports.iter();
        let exports: BTreeMap<String, FuncType> = exports
            .filter_map(|export| Some((export.name.clone(), export.item.func_type()?.clone())))
            .collect();
        let pages = (limits.memory_bytes / PAGE).clamp(1, PAGE);
        let confinement = self.confinement(module.len() as u64, limits);
        let idle = RefCell::default();
        let ready = Ready { host: self, module, imports, exports, pages, confinement, idle };
        let own = Instant::now().checked_add(self.timeout);
        let deadline = sooner(own, guest::after(limits.seconds));
        let watch = Watch { stop: Arc::default(), deadline };
        let process = ready.start(watch).map_err(|stop| stop.to_string())?;
        ready.idle.replace(Some(process));
        Ok(Box::new(ready))
    }
}

impl Host {
    /// wazero copies a memory that grows.
    fn confinement(&self, module_bytes: u64, limits: Limits) -> Confinement {
        let times = if self.is_node { 1 } else { 2 };
        node::confinement(module_bytes, limits.memory_bytes.saturating_mul(times))
    }
}

/// The program of a folder, as Go's own cache has it or after it was built. Go 1.24 names the place where
/// it built the program, and only from the next time on the one where it is kept.
fn built(go: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let hint = "wazero comes from the Go module proxy: name a Go of 1.24 or later with --go, and see that it reaches the proxy";
    for _ in 0..2 {
        let mut ask = Command::new(go);
        // The host's own program, whatever the surroundings build for.
        for variable in ["GOOS", "GOARCH", "GOFLAGS", "GOEXPERIMENT"] {
            ask.env_remove(variable);
        }
        ask.env("GOWORK", "off").env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        ask.args(["tool", "-n", "gowasm/wazero"]).current_dir(folder);
        let output = gowasm_process::output(&mut ask).map_err(|error| {
            environment(format!("cannot start {}: {error}", go.display()), hint)
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let message = format!("the program around wazero cannot be built: {}", said.trim());
            return Err(environment(message, hint));
        }
        let program = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if program.is_file() {
            return Ok(program);
        }
    }
    let message = format!("{} does not keep the program around wazero", go.display());
    Err(environment(message, "give Go a folder for its cache: GOCACHE"))
}

fn wazero_version() -> String {
    let go_mod = WAZERO[1].1;
    let version =
        go_mod.split("tetratelabs/wazero v").nth(1).and_then(|rest| rest.split_whitespace().next());
    version.unwrap_or_default().to_owned()
}

fn written(files: &[(&str, &str)]) -> Result<Folder, Failure> {
    let folder = Folder::new("verify").and_then(|folder| {
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)?;
        }
        Ok(folder)
    });
    folder.map_err(node::temporary)
}

struct Ready<'m> {
    host: &'m Host,
    module: &'m [u8],
    imports: Vec<Import>,
    exports: BTreeMap<String, FuncType>,
    pages: u64,
    confinement: Confinement,
    /// A process that has the module and no instance in use.
    idle: RefCell<Option<Process>>,
}

#[derive(Serialize)]
struct Load<'l> {
    imports: Vec<LoadImport<'l>>,
    exports: BTreeMap<&'l str, Signature>,
    pages: u64,
}

#[derive(Serialize)]
struct LoadImport<'l> {
    module: &'l str,
    name: &'l str,
    #[serde(flatten)]
    signature: Signature,
}

/// One letter a type.
#[derive(Serialize)]
struct Signature {
    params: String,
    results: String,
}

impl Signature {
    fn of(signature: &FuncType) -> Self {
        let letters = |types: &[WasmType]| types.iter().map(letter).collect();
        Signature { params: letters(&signature.params), results: letters(&signature.results) }
    }
}

fn letter(wasm: &WasmType) -> char {
    match wasm {
        WasmType::I32 => 'i',
        WasmType::I64 => 'I',
        WasmType::F32 => 'f',
        WasmType::F64 => 'F',
        WasmType::V128 | WasmType::Ref => '?',
    }
}

impl Ready<'_> {
    fn start(&self, watch: Watch) -> Result<Process, Stop> {
        let mut process = Process::start(self.host, self.pages, self.confinement, watch)?;
        let imports = self.imports.iter().map(|import| LoadImport {
            module: &import.module,
            name: &import.name,
            signature: Signature::of(&import.signature),
        });
        let exports = self.exports.iter();
        let load = Load {
            imports: imports.collect(),
            exports: exports.map(|(name, of)| (name.as_str(), Signature::of(of))).collect(),
            pages: self.pages,
        };
        let load = serde_json::to_vec(&load).map_err(|error| Stop::Trap(error.to_string()))?;
        process.send(&[b"L", &load])?;
        process.send(&[self.module])?;
        process.done()?;
        Ok(process)
    }
}

impl Loaded for Ready<'_> {
    fn instantiate(&self, state: State) -> Result<Box<dyn Guest + '_>, Stop> {
        let until = sooner(Instant::now().checked_add(self.host.timeout), state.watch().deadline);
        let watch = Watch { deadline: until, ..state.watch().clone() };
        let mut process = match self.idle.take() {
            Some(process) => process,
            None => self.start(watch.clone())?,
        };
        process.watch(watch);
        process.send(&[b"i"])?;
        process.done()?;
        Ok(Box::new(Instance { ready: self, process: Some(process), state, until }))
    }
}

struct Instance<'r> {
    ready: &'r Ready<'r>,
    /// Gone once something went wrong in it.
    process: Option<Process>,
    state: State,
    until: Option<Instant>,
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            self.ready.idle.replace(Some(process));
        }
    }
}

impl Instance<'_> {
    /// Asks the process for something that it answers at once.
    fn ask(&mut self, parts: &[&[u8]]) -> Result<(u8, Vec<u8>), Stop> {
        let Some(process) = &mut self.process else { return Err(gone()) };
        let answer = process.send(parts).and_then(|()| process.receive());
        if answer.is_err() {
            self.process = None;
        }
        answer
    }

    /// Serves the module's calls of the host until the call that was begun ends.
    fn serve(&mut self, mut frame: (u8, Vec<u8>), results: &[WasmType]) -> Result<Vec<Val>, Stop> {
        // Why the process was told to end the call.
        let mut ending = None;
        loop {
            match frame {
                (b'r', body) => return Ok(values(&body, results)),
                (kind @ (b't' | b'e'), text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let own = if kind == b't' { Stop::Trap(text) } else { Stop::Engine(text) };
                    return Err(ending.unwrap_or(own));
                }
                (b'h', body) => match self.host_call(&body) {
                    Ok(result) => {
                        let bytes = result.map(|value| value.bits().to_le_bytes());
                        let bytes = bytes.as_ref().map(<[u8; 8]>::as_slice).unwrap_or_default();
                        frame = self.ask(&[b"r", bytes])?;
                    }
                    Err(stop) => {
                        frame = self.ask(&[b"u"])?;
                        ending = Some(stop);
                    }
                },
                (kind, _) => {
                    self.process = None;
                    return Err(Stop::Engine(format!("it sent {:?}", char::from(kind))));
                }
            }
        }
    }

    fn host_call(&mut self, body: &[u8]) -> Result<Option<Val>, Stop> {
        let ready = self.ready;
        let number = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize);
        let import = number.and_then(|number| ready.imports.get(number));
        let import = import.ok_or_else(|| Stop::Engine("it named no import".to_owned()))?;
        let args = values(&body[4..], &import.signature.params);
        import.call(self, &args)
    }
}

fn values(bytes: &[u8], types: &[WasmType]) -> Vec<Val> {
    let (bits, _) = bytes.as_chunks::<8>();
    let values = bits.iter().zip(types);
    values.filter_map(|(bits, &wasm)| Val::of_bits(wasm, u64::from_le_bytes(*bits))).collect()
}

fn gone() -> Stop {
    Stop::Engine("its process has ended".to_owned())
}

impl Guest for Instance<'_> {
    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn memory_bytes(&mut self) -> u64 {
        match self.ask(&[b"s"]) {
            Ok((b'r', body)) => body.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)),
            _ => 0,
        }
    }

    fn bytes(&mut self, address: u32, length: u32) -> Option<Vec<u8>> {
        match self.ask(&[b"m", &address.to_le_bytes(), &length.to_le_bytes()]) {
            Ok((b'r', bytes)) if bytes.len() == length as usize => Some(bytes),
            _ => None,
        }
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        match self.ask(&[b"w", &address.to_le_bytes(), bytes]) {
            Ok((b'r', _)) => Some(()),
            _ => None,
        }
    }

    fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop> {
        let signature = self.ready.exports.get(export);
        let signature = signature.ok_or_else(|| crate::guest::no_function(export))?;
        let count = u16::try_from(args.len()).unwrap_or(u16::MAX).to_le_bytes();
        let bits: Vec<u8> = args.iter().flat_map(|arg| arg.bits().to_le_bytes()).collect();
        let frame = self.ask(&[b"c", &count, &bits, export.as_bytes()])?;
        self.serve(frame, &signature.results)
    }

    fn charge(&mut self, _steps: u64) -> Result<(), Stop> {
        Watch { deadline: self.until, ..self.state.watch().clone() }.look()
    }

    /// The time of the step begins.
    fn allow(&mut self, _steps: u64) {
        let deadline = self.state.watch().deadline;
        self.until = match self.state.timed {
            true => deadline,
            false => sooner(Instant::now().checked_add(self.ready.host.timeout), deadline),
        };
        let watch = Watch { deadline: self.until, ..self.state.watch().clone() };
        if let Some(process) = &self.process {
            process.watch(watch);
        }
    }

    fn steps_left(&mut self) -> Option<u64> {
        None
    }
}

struct Process {
    input: ChildStdin,
    output: io::BufReader<ChildStdout>,
    watched: Arc<Mutex<Watched>>,
}

/// What the watching thread shares.
struct Watched {
    child: Child,
    group: Group,
    watch: Watch,
    /// Why the process was ended.
    fired: Option<Stop>,
    over: bool,
}

impl Watched {
    /// It may have ended by itself, which is as good.
    fn end(&mut self) -> io::Result<ExitStatus> {
        self.group.kill();
        self.group.wait(&mut self.child)
    }
}

fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    fn start(
        host: &Host,
        pages: u64,
        confinement: Confinement,
        watch: Watch,
    ) -> Result<Self, Stop> {
        let failed = |error: io::Error| Stop::Engine(format!("it cannot be started: {error}"));
        let mut command = Command::new(&host.program);
        if host.is_node {
            node::clean(&mut command).arg(format!("--wasm-max-mem-pages={pages}"));
        }
        command
            .args(&host.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        confinement.apply(&mut command).map_err(failed)?;
        let (mut child, group) = gowasm_process::spawn(&mut command).map_err(failed)?;
        let streams = (child.stdin.take(), child.stdout.take());
        let watched = Watched { child, group, watch, fired: None, over: false };
        let watched = Arc::new(Mutex::new(watched));
        let of_thread = watched.clone();
        let thread = std::thread::Builder::new().spawn(move || keep_watch(&of_thread));
        if let Err(error) = thread {
            let _ = lock(&watched).end();
            return Err(failed(error));
        }
        let (Some(input), Some(output)) = streams else {
            let _ = lock(&watched).end();
            return Err(gone());
        };
        Ok(Process { input, output: io::BufReader::new(output), watched })
    }

    fn watch(&self, watch: Watch) {
        lock(&self.watched).watch = watch;
    }

    fn send(&mut self, parts: &[&[u8]]) -> Result<(), Stop> {
        send(&mut self.input, parts).map_err(|_| self.why())
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>), Stop> {
        receive(&mut self.output).map_err(|_| self.why())
    }

    /// An answer that says nothing but that all went well.
    fn done(&mut self) -> Result<(), Stop> {
        match self.receive()? {
            (b'r', _) => Ok(()),
            (_, text) => Err(Stop::Trap(String::from_utf8_lossy(&text).into_owned())),
        }
    }

    /// Why it does not answer any more.
    fn why(&mut self) -> Stop {
        let mut watched = lock(&self.watched);
        if let Some(stop) = watched.fired.clone() {
            return stop;
        }
        let mut said = Vec::new();
        watched.group.kill();
        if let Some(stderr) = watched.child.stderr.take() {
            let _ = stderr.take(2000).read_to_end(&mut said);
        }
        let said = String::from_utf8_lossy(&said);
        let ended = watched.end().map(|status| status.to_string()).unwrap_or_default();
        let said = said.trim();
        let why = if node::refused_memory(said) { "for want of memory: " } else { "" };
        Stop::Engine(format!("its process ended: {why}{ended} {said}").trim().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut watched = lock(&self.watched);
        watched.over = true;
        let _ = watched.end();
    }
}

fn keep_watch(watched: &Mutex<Watched>) {
    loop {
        std::thread::sleep(WATCH);
        let mut watched = lock(watched);
        if watched.over {
            return;
        }
        if let Err(stop) = watched.watch.look() {
            watched.fired = Some(stop);
            watched.group.kill();
            return;
        }
    }
}
