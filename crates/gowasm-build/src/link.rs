//! The link action: package archives in, a wasm module out, or the module out of the store.

use crate::build::Session;
use crate::packages::Packages;
use crate::toolchain::Toolchain;
use crate::{Failure, Linker, Progress, Request, flags, modinfo, process, remote};
use gowasm_diagnostic::{Diagnostic, Renderer};
use gowasm_directive::Goos;
use gowasm_guard::Guard;
use gowasm_scratch::Folder;
use gowasm_store::{Action, ActionResult, Blob, Blobs, Digest, EncodedAction, OutputFile};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const OUTPUT: &str = "module.wasm";
const IMPORTCFG: &str = "importcfg";

/// Everything that a link reads. Archives go by their logical names here, so that the same inputs are
/// the same on every machine and in every folder.
pub(crate) struct LinkInputs {
    archives: Vec<Archive>,
    /// The flags between the import configuration and the main archive.
    flags: Vec<String>,
    modinfo: String,
    build_id: String,
    linker: Linker,
    /// The linker, or the program that has it inside.
    tool: Digest,
    tool_path: PathBuf,
}

struct Archive {
    import_path: String,
    path: PathBuf,
    digest: Digest,
}

pub(crate) struct Linked {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
    pub(crate) from_store: bool,
}

/// What a module has to be that a server gives. Which bytes belong to which action is the server's word;
/// this is what can be told without linking.
pub(crate) struct Expected<'a> {
    session: &'a Session<'a>,
    /// Of what it is made, as its build ID has it.
    build_id: Option<&'a str>,
    /// Whether it has what the directives say.
    fits: &'a (dyn Fn(&[u8]) -> Result<(), Failure> + Sync),
}

impl<'a> Expected<'a> {
    /// Without `inputs`, a module that was made of a linked one.
    pub(crate) fn new(
        session: &'a Session<'a>,
        inputs: Option<&'a LinkInputs>,
        fits: &'a (dyn Fn(&[u8]) -> Result<(), Failure> + Sync),
    ) -> Self {
        Expected { session, build_id: inputs.map(|inputs| inputs.build_id.as_str()), fits }
    }

    /// The result with the module alone, or what is wrong with it.
    pub(crate) fn judge(&self, result: ActionResult) -> Result<ActionResult, String> {
        let output = result.output(OUTPUT).cloned().ok_or("it has no module")?;
        let bytes = self.session.store.get(&output.digest).ok_or("its module is gone")?;
        gowasm_verify::validate(&bytes, self.session.cancel)?;
        let made_of = |id: &str| memchr::memmem::find(&bytes, id.as_bytes()).is_some();
        if !self.build_id.is_none_or(made_of) {
            return Err("the module is made of other inputs".to_owned());
        }
        (self.fits)(&bytes).map_err(|failure| match failure.diagnostics() {
            [first, ..] => first.message.clone(),
            [] => "the module cannot be read".to_owned(),
        })?;
        let output = OutputFile { executable: true, ..output };
        Ok(ActionResult { outputs: vec![output], stderr: result.stderr, ..ActionResult::default() })
    }
}

impl Archive {
    /// Its place in the input tree. `..` and empty parts cannot be in an import path.
    fn logical(&self) -> String {
        format!("archives/{}.a", self.import_path)
    }
}

impl LinkInputs {
    pub(crate) fn new(
        session: &mut Session<'_>,
        toolchain: &Toolchain,
        packages: &Packages,
    ) -> Result<Self, Failure> {
        let main = packages.main();
        let tool_path = match session.linker {
            Linker::Go => toolchain.linker(),
            Linker::Gowasm => std::env::current_exe()
                .map_err(|error| Failure::io("find the program", Path::new("gowasm"), &error))?,
        };
        let listed: Vec<(&str, &Path)> = packages.archives().collect();
        let mut paths: Vec<&Path> = listed.iter().map(|(_, path)| *path).collect();
        paths.push(&tool_path);
        let mut digests = session.digests(&paths)?;
        let tool = digests.pop().unwrap_or_else(|| Digest::of(b""));
        let archives = listed
            .iter()
            .zip(digests)
            .map(|((import_path, path), digest)| Archive {
                import_path: (*import_path).to_owned(),
                path: path.to_path_buf(),
                digest,
            })
            .collect();
        let mut flags = Vec::new();
        if let Some(godebug) = &main.default_godebug {
            flags.push(format!("-X=runtime.godebugDefault={godebug}"));
        }
        flags.push(format!("-buildmode={}", session.request.target.build_mode));
        let modinfo =
            modinfo::importcfg_line(&modinfo::build_info(session.request, toolchain, packages));
        let user = user_flags(session, toolchain, &main.import_path)?;
        let linker = session.linker;
        let mut inputs = LinkInputs {
            archives,
            flags,
            modinfo,
            build_id: String::new(),
            linker,
            tool,
            tool_path,
        };
        inputs.build_id = inputs.id(toolchain, &user);
        inputs.flags.push(format!("-buildid={}", inputs.build_id));
        if inputs.linker == Linker::Gowasm && session.request.size.shrinks() {
            inputs.flags.push(format!("-size={}", session.request.size));
        }
        inputs.flags.extend(user);
        Ok(inputs)
    }

    /// A name for what the module is made of: the same whoever links it.
    fn id(&self, toolchain: &Toolchain, user: &[String]) -> String {
        let importcfg = self.importcfg(Archive::logical);
        let inputs = Action::new(self.flags.iter().chain(user).cloned())
            .platform("go", toolchain.version.clone())
            .input_bytes(IMPORTCFG, importcfg.as_bytes(), false);
        let inputs = self.with_archives(inputs);
        // A tree that cannot be encoded is reported where the action's key is made.
        inputs.key().map(|key| key.0.hex()).unwrap_or_default()
    }

    fn with_archives(&self, action: Action) -> Action {
        self.archives.iter().fold(action, |action, archive| {
            action.input_digest(archive.logical(), archive.digest, false)
        })
    }

    fn importcfg(&self, place: impl Fn(&Archive) -> String) -> String {
        let mut text = String::new();
        for archive in &self.archives {
            let _ = writeln!(text, "packagefile {}={}", archive.import_path, place(archive));
        }
        text.push_str(&self.modinfo);
        text
    }

    fn arguments(&self, output: OsString, importcfg: OsString, main: OsString) -> Vec<OsString> {
        let mut arguments = vec!["-o".into(), output, "-importcfg".into(), importcfg];
        arguments.extend(self.flags.iter().map(OsString::from));
        arguments.push(main);
        arguments
    }

    fn main_archive(&self) -> &Archive {
        &self.archives[self.archives.len() - 1]
    }

    fn action(&self, session: &Session<'_>, toolchain: &Toolchain) -> Action {
        let main = self.main_archive().logical();
        let arguments = self.arguments(OUTPUT.into(), IMPORTCFG.into(), main.into());
        let arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        // As a worker runs it, in the folder of the inputs.
        let guard = guard_of(session.request);
        let by_link = guard.filter(|_| self.linker == Linker::Gowasm);
        let by_link = by_link.map(|guard| format!("-guard={guard}"));
        let command = self.tool_command().iter().map(|&word| word.to_owned());
        let command = command.chain(by_link).chain(arguments);
        let action = Action::new(command)
            .env("GOOS", session.request.target.goos.as_str())
            .env("GOARCH", "wasm")
            .env("GOWASM", toolchain.gowasm.clone())
            .env("GOEXPERIMENT", toolchain.goexperiment.clone())
            .env("GOROOT", "")
            // Go's linker knows of no guard: it is added afterwards, by what has this version.
            .env("GOWASM_GUARD", guard.map_or(String::new(), guard_version))
            .input_digest(self.tool_command()[0], self.tool, true)
            .input_bytes(IMPORTCFG, self.importcfg(Archive::logical).as_bytes(), false)
            .output(OUTPUT);
        let properties = &session.request.servers.options().exec_properties;
        let action =
            properties.iter().fold(action, |action, (name, value)| action.platform(name, value));
        self.with_archives(action)
    }

    /// The linker's place in the input tree, and what goes before the arguments of a link.
    fn tool_command(&self) -> &'static [&'static str] {
        match self.linker {
            Linker::Go => &["tool/link"],
            Linker::Gowasm => &["tool/gowasm", "link"],
        }
    }

    /// Where a worker gets the bytes of the inputs from.
    fn blobs(&self) -> Blobs {
        let importcfg = self.importcfg(Archive::logical).into_bytes();
        let files = self.archives.iter().map(|archive| (archive.digest, archive.path.clone()));
        let files = files.chain([(self.tool, self.tool_path.clone())]);
        let mut blobs: Blobs = files.map(|(digest, path)| (digest, Blob::File(path))).collect();
        blobs.insert(Digest::of(&importcfg), Blob::Bytes(importcfg));
        blobs
    }
}

/// The user's `-ldflags`, or those of `GOFLAGS`.
fn user_flags(
    session: &Session<'_>,
    toolchain: &Toolchain,
    import_path: &str,
) -> Result<Vec<String>, Failure> {
    let (value, source) = match &session.request.ldflags {
        Some(value) => (value.as_str(), "--ldflags"),
        None => (flags::of_goflags(&toolchain.goflags, "ldflags").unwrap_or_default(), "GOFLAGS"),
    };
    flags::for_main_package(value, import_path).map_err(|why| {
        Failure::Usage(Diagnostic::error(format!(
            "the linker flags in {source} cannot be read: {why}"
        )))
    })
}

/// Links, unless the same was linked before.
pub(crate) fn link(
    session: &Session<'_>,
    toolchain: &Toolchain,
    inputs: &LinkInputs,
    expected: &Expected<'_>,
) -> Result<Linked, Failure> {
    let action = inputs.action(session, toolchain);
    let action = action.encode().map_err(|error| session.store_failure(&error))?;
    let found = from_store(session, &action.key, expected);
    session.show_warnings();
    if let Some(linked) = found {
        return Ok(linked);
    }
    // No worker adds a guard to what Go's linker made.
    let is_whole = inputs.linker == Linker::Gowasm || guard_of(session.request).is_none();
    if is_whole
        && let Some(result) = remote::execute(session, &action, || Ok(inputs.blobs()), &|result| {
            expected.judge(result)
        })?
    {
        return executed(session, &result, &inputs.main_archive().import_path);
    }
    let folder = Folder::new("link").map_err(|error| {
        Failure::io("make a temporary folder in", &std::env::temp_dir(), &error)
    })?;
    let output = folder.path().join(OUTPUT);
    let importcfg = folder.path().join(IMPORTCFG);
    let text = inputs.importcfg(|archive| archive.path.display().to_string());
    std::fs::write(&importcfg, text).map_err(|error| Failure::io("write", &importcfg, &error))?;
    let main = inputs.main_archive();
    let arguments =
        inputs.arguments(output.clone().into(), importcfg.into(), main.path.clone().into());
    let warnings = match session.linker {
        Linker::Go => {
            with_go(session, toolchain, &arguments, &main.import_path)?;
            String::new()
        }
        Linker::Gowasm => with_gowasm(session, arguments)?,
    };
    session.show_tool_warnings(&warnings);
    let bytes = std::fs::read(&output).map_err(|error| Failure::io("read", &output, &error))?;
    let bytes = match guard_of(session.request) {
        Some(guard) => gowasm_guard::guard(&bytes, guard).map_err(|error| {
            Failure::input(Diagnostic::error(format!("the module cannot get its guard: {error}")))
        })?,
        None => bytes,
    };
    Ok(kept(session, &action, bytes, warnings))
}

/// The module that an action made, which the store has from now on, with what its tool said.
pub(crate) fn kept(
    session: &Session<'_>,
    action: &EncodedAction,
    bytes: Vec<u8>,
    said: String,
) -> Linked {
    let digest = Digest::of(&bytes);
    session.keep(|store| {
        store.put_bytes(&bytes)?;
        let output = OutputFile { path: OUTPUT.to_owned(), digest, executable: true };
        let (outputs, stderr) = (vec![output], said.into_bytes());
        store.keep_action(action, &ActionResult { outputs, stderr, ..ActionResult::default() })
    });
    Linked { bytes, digest, from_store: false }
}

/// What the cluster made of it. `what` heads what the tool said, as `go build` does.
pub(crate) fn executed(
    session: &Session<'_>,
    result: &ActionResult,
    what: &str,
) -> Result<Linked, Failure> {
    if result.exit_code != 0 {
        let said = [&result.stdout, &result.stderr].map(|said| String::from_utf8_lossy(said));
        return Err(Failure::Tool(format!("# {what}\n{}{}", said[0], said[1])));
    }
    let digest = result.output(OUTPUT).map(|output| output.digest);
    let bytes = digest.and_then(|digest| Some((digest, session.store.get(&digest)?)));
    let (digest, bytes) = bytes.ok_or_else(|| {
        let message = format!("the remote executor gave no module back for {what}");
        Failure::Environment(Diagnostic::error(message))
    })?;
    session.show_tool_warnings(&String::from_utf8_lossy(&result.stderr));
    Ok(Linked { bytes, digest, from_store: false })
}

pub(crate) fn from_store(
    session: &Session<'_>,
    key: &gowasm_store::ActionKey,
    expected: &Expected<'_>,
) -> Option<Linked> {
    let result = session.store.get_action_if(key, &|result| expected.judge(result))?;
    let digest = result.output(OUTPUT)?.digest;
    let bytes = session.store.get(&digest)?;
    session.show_tool_warnings(&String::from_utf8_lossy(&result.stderr));
    Some(Linked { bytes, digest, from_store: true })
}

/// The linker to use: Go's, where ours does not know that Go.
pub(crate) fn choose(request: &Request, toolchain: &Toolchain, progress: &dyn Progress) -> Linker {
    if request.linker == Linker::Gowasm && gowasm_link::version::find(&toolchain.version).is_err() {
        let known = gowasm_link::version::known();
        let message = format!("gowasm's linker knows Go {known}, not {}", toolchain.version);
        progress.diagnostic(&Diagnostic::warning(message).hint("Go's own linker is used"));
        return Linker::Go;
    }
    request.linker
}

/// Which guard the module gets, if it gets one.
fn guard_of(request: &Request) -> Option<Guard> {
    let has_one = request.guard != Guard::None && request.target.goos == Goos::Wasip1;
    has_one.then_some(request.guard)
}

/// What a guard of this level is made of changes with this.
fn guard_version(guard: Guard) -> String {
    format!("{}/{guard}", gowasm_guard::VERSION)
}

/// What the linker has to say comes back.
fn with_gowasm(session: &Session<'_>, arguments: Vec<OsString>) -> Result<String, Failure> {
    let mut options = gowasm_link::Options::parse(arguments).map_err(|error| match error {
        // What is wrong with the user's flags was in --ldflags.
        gowasm_link::Error::Usage(_) => Failure::Input(error.into_diagnostics()),
        error => error.into(),
    })?;
    // As with `go build -trimpath`: the module is not to tell where Go was installed.
    options.goroot = String::new();
    let summary = gowasm_link::link(&options, session.cancel)?;
    Ok(summary.warnings.iter().map(|warning| Renderer::plain().diagnostic(warning)).collect())
}

fn with_go(
    session: &Session<'_>,
    toolchain: &Toolchain,
    arguments: &[OsString],
    import_path: &str,
) -> Result<(), Failure> {
    let mut command = Command::new(toolchain.linker());
    command.args(arguments);
    command.env("GOOS", session.request.target.goos.as_str()).env("GOARCH", "wasm");
    command.env("GOWASM", &toolchain.gowasm).env("GOEXPERIMENT", &toolchain.goexperiment);
    // As `go build -trimpath` does: the module is not to tell where Go was installed.
    command.env("GOROOT", "");
    let finished = process::run(command, session.cancel, &|_| false)?;
    if finished.status.success() {
        return Ok(());
    }
    // The heading that `go build` puts over a tool's output.
    let output = String::from_utf8_lossy(&finished.stdout);
    Err(Failure::tool(format!("# {import_path}\n{output}{}", finished.stderr)))
}
