//! `gowasm build`

use crate::context::Context;
use crate::deny::DenyArgs;
use crate::failure::Failure;
use crate::go_flags::GoFlags;
use crate::message::{self, BuildResult, MessageFormat};
use crate::parallel::{self, Job};
use crate::progress::Bar;
use crate::remote::RemoteArgs;
use gowasm_build::{CheckRequest, Limits, Linker, MissingImports, Outcome, Request, Size, Timing};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos};
use gowasm_guard::Guard;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  gowasm build                                  the package here, as a command
  gowasm build ./plugin --buildmode c-shared    as a reactor, whose exports a host may call
  gowasm build ./plugin -o dist/ --plan plugin.plan.toml
                                                publish only what does as the plan says
  gowasm build --ldflags '-s -w -X main.version=1.2' --tags production
  gowasm build ./... -o dist/                   every main package below, several at once
  gowasm build --message-format json | jq -r .module.path

A build writes NAME.wasm, NAME.manifest.json (its interface) and NAME.verdict.json (what the
verification saw) beside each other, and only after the verification passed. A failed build leaves
the files of the one before untouched.";

/// Build a Go package into a wasm module, verify it, and publish it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Main packages: folders such as ./plugin, import paths, or patterns such as ./...
    #[arg(default_value = ".", value_name = "PACKAGE")]
    packages: Vec<String>,
    /// Where the module goes: a file (NAME.wasm), or a folder; with several packages a folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// `exe` gives a command, `c-shared` a reactor [default: that of GOFLAGS, else exe]
    #[arg(long, value_name = "MODE")]
    buildmode: Option<BuildMode>,
    /// The operating system that Go builds for: wasip1 or js [default: GOOS, else wasip1]
    #[arg(long, value_name = "GOOS")]
    goos: Option<Goos>,
    /// Build tags, with commas between them
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    tags: Vec<String>,
    /// Flags for the linker, as for `go build`: -s, -w, -X path.name=value
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    ldflags: Option<String>,
    #[command(flatten)]
    go_flags: GoFlags,
    #[command(flatten)]
    deny: DenyArgs,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
    /// What the module must do, as TOML: calls, arguments, results (docs/plans.md)
    #[arg(long, value_name = "FILE", conflicts_with = "no_verify")]
    plan: Option<PathBuf>,
    /// Publish without running the module; no verdict is written, and an old one is removed
    #[arg(long)]
    no_verify: bool,
    /// How much memory the module may use while it is verified
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How many instructions each step of the verification may take
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().steps)]
    step_limit: u64,
    /// How long all of the verification may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    time_limit: u64,
    /// What becomes of imports that neither WASI nor the plan supplies: `trap` when they are called;
    /// `refuse` the module; or `stop` at the first call, so that what comes before it is what is verified
    /// [default: what the plan says, or trap]
    #[arg(long, value_name = "WHAT", conflicts_with = "no_verify")]
    missing_imports: Option<MissingImports>,
    /// Who links
    #[arg(long, value_name = "LINKER", default_value = "gowasm")]
    linker: LinkerName,
    /// How much is done to make the module small: none; safe, what cannot be observed; or small, without
    /// the name section, without files, lines, inlined calls and arguments in tracebacks, and without a body
    /// of its own for each function, but for what is kept: small+lines+inlined (docs/size.md). Go's own
    /// linker has no such thing
    #[arg(long, value_name = "LEVEL", default_value = "safe")]
    size: Size,
    #[command(flatten)]
    wasm_opt: super::wasm_opt::BuildArgs,
    /// Which calls at a wrong time the module's exports refuse: full, those before the initialisation,
    /// after a trap and after an exit; allow-exit, not those after an exit; or none (docs/guard.md)
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    guard: Guard,
    /// The same as --guard none: the module stays as the linker wrote it
    #[arg(long, conflicts_with = "guard")]
    no_guard: bool,
    /// Put the manifest into the module as well, so that `gowasm inspect` can print it
    #[arg(long)]
    embed_manifest: bool,
    /// Where the manifest goes, if not beside the module
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LinkerName {
    /// gowasm itself
    Gowasm,
    /// `go tool link`
    Go,
}

impl Args {
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.go_flags.folder.as_deref()
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let packages = args.packages.clone();
    let at_once = args.go_flags.at_once();
    let request = request(args, context)?;
    let names_one = packages.len() == 1 && !request.package.contains("...");
    if !names_one {
        return several(&packages, request, at_once, context);
    }
    one(&request, context)
}

/// Every main package that the arguments name becomes a module in one folder.
fn several(
    packages: &[String],
    common: Request,
    at_once: Option<NonZeroUsize>,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let usage = |message: &str, hint: &str| {
        Err(Failure::Usage(Diagnostic::error(message.to_owned()).hint(hint.to_owned())))
    };
    if packages.iter().any(|package| package.ends_with(".go")) {
        return usage("several arguments name packages, not files", "name the folder of the files");
    }
    let asked = CheckRequest {
        started_in: common.started_in.clone(),
        packages: packages.to_vec(),
        target: common.target,
        tags: common.tags.clone(),
        go_flags: common.go_flags.clone(),
        deny: common.deny.clone(),
        go: common.go.clone(),
        offline: common.offline,
        store: common.store.clone(),
    };
    let bar = Bar::new(context);
    let mains = gowasm_build::main_packages(&asked, &bar, &context.cancel);
    bar.finish();
    let mains = mains?;
    if let [main] = mains.as_slice() {
        return one(&Request { package: main.package.clone(), ..common }, context);
    }
    let Some(folder) = &common.output else {
        let message = format!("`{}` names {} main packages", packages.join(" "), mains.len());
        return usage(&message, "say where their modules go: -o FOLDER");
    };
    let place = common.started_in.join(folder);
    if place.is_file() || folder.extension().is_some_and(|extension| extension == "wasm") {
        let message = format!("{} modules cannot all be {}", mains.len(), folder.display());
        return usage(&message, "name a folder: -o FOLDER");
    }
    if common.plan.is_some() || common.manifest.is_some() {
        let message = format!("--plan and --manifest are for one module, not for {}", mains.len());
        return usage(&message, "build the package that it is for alone");
    }
    let jobs = mains.into_iter().map(|main| Job {
        request: Request {
            package: main.package,
            output: Some(folder.join(format!("{}.wasm", main.name))),
            ..common.clone()
        },
        name: main.name,
    });
    parallel::build(&jobs.collect::<Vec<_>>(), at_once, context)
}

fn request(args: Args, context: &Context) -> Result<Request, Failure> {
    let output = match args.output {
        Some(output) => Some(output),
        None => gowasm_build::output_of_environment()?,
    };
    Ok(Request {
        started_in: context.started_in.clone(),
        package: args.packages.into_iter().next().unwrap_or_default(),
        output,
        manifest: args.manifest,
        target: gowasm_build::target(args.goos, args.buildmode)?,
        tags: args.tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
        ldflags: args.ldflags,
        go_flags: args.go_flags.passed,
        deny: args.deny.deny()?,
        go: args.go,
        plan: args.plan,
        verify: !args.no_verify,
        limits: Limits {
            memory_bytes: args.memory_limit,
            steps: args.step_limit,
            seconds: args.time_limit,
        },
        missing_imports: args.missing_imports,
        linker: match args.linker {
            LinkerName::Gowasm => Linker::Gowasm,
            LinkerName::Go => Linker::Go,
        },
        size: args.size,
        wasm_opt: args.wasm_opt.wanted(&context.started_in),
        guard: if args.no_guard { Guard::None } else { args.guard },
        embed_manifest: args.embed_manifest,
        store: args.store,
        servers: args.remote.servers(context)?,
        gowasm: std::env::current_exe().ok(),
        offline: false,
    })
}

fn one(request: &Request, context: &Context) -> Result<ExitCode, Failure> {
    let bar = Bar::new(context);
    let result = gowasm_build::build(request, &bar, &context.cancel);
    bar.finish();
    let outcome = result?;
    match context.format {
        MessageFormat::Json => message::print(&BuildResult::built(&outcome))?,
        MessageFormat::Human => context.say(&summary(&outcome, context)),
    }
    Ok(ExitCode::SUCCESS)
}

/// One line: what came out, how large, how, how long it took and, where that was long, what did.
pub(crate) fn summary(outcome: &Outcome, context: &Context) -> String {
    let path = context.shown(&outcome.module.path);
    let how = if outcome.up_to_date {
        "nothing changed"
    } else if outcome.link_from_store {
        "from the store"
    } else {
        "linked"
    };
    let size = gowasm_store::show_size(outcome.module.size);
    let verified = match (&outcome.verdict, outcome.verify_from_store) {
        (None, _) => "NOT verified",
        (Some(_), true) => "verified before",
        (Some(_), false) => "verified",
    };
    format!("{path}: {size}, {how}, {verified}; took {}", took(&outcome.timing))
}

/// The verification stands last in the line and is seldom what took the time: a first build compiles
/// the standard library.
fn took(timing: &Timing) -> String {
    let show = |time: Duration| match time {
        time if time < Duration::from_secs(1) => format!("{} ms", time.as_millis()),
        time => format!("{:.1} s", time.as_secs_f64()),
    };
    let parts = [
        ("compiling", timing.compile),
        ("linking", timing.link),
        ("in wasm-opt", timing.wasm_opt),
        ("verifying", timing.verify),
    ];
    let longest = parts.into_iter().max_by_key(|(_, time)| *time);
    let longest = longest.filter(|(_, time)| *time >= Duration::from_secs(1));
    let longest = longest.map(|(what, time)| format!(", {} of it {what}", show(time)));
    format!("{}{}", show(timing.total), longest.unwrap_or_default())
}
