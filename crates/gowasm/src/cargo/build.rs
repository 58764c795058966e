//! `cargo gowasm build`

use super::modules::Found;
use crate::commands::wasm_opt;
use crate::context::Context;
use crate::deny::DenyArgs;
use crate::failure::Failure;
use crate::parallel::{self, Job};
use crate::remote::RemoteArgs;
use gowasm_build::{Request, Servers, Settings, WasmOpt};
use gowasm_directive::Deny;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Args {
    /// How many modules are built at once [default: as many as there are processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Publish without running the modules
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    wasm_opt: wasm_opt::BuildArgs,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    deny: DenyArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

pub(super) fn run(args: Args, found: &Found, context: &Context) -> Result<ExitCode, Failure> {
    let common = Common {
        go: args.go.map(|go| resolved(&go, context)),
        store: args.store.map(|store| context.started_in.join(store)),
        verify: !args.no_verify,
        deny: args.deny.is_given().then(|| args.deny.deny()).transpose()?,
        wasm_opt: args.wasm_opt.wanted(&context.started_in),
        servers: args.remote.servers(context)?,
    };
    let jobs = found
        .modules
        .iter()
        .map(|module| Job { name: module.name.clone(), request: common.request(module, found) });
    parallel::build(&jobs.collect::<Vec<_>>(), args.jobs, context)
}

/// What holds for every module.
struct Common {
    go: Option<PathBuf>,
    store: Option<PathBuf>,
    verify: bool,
    /// Instead of what the modules' tables say, as is the next.
    deny: Option<Deny>,
    wasm_opt: Option<WasmOpt>,
    servers: Arc<Servers>,
}

impl Common {
    fn request(&self, module: &Settings, found: &Found) -> Request {
        let mut request = module.request(found.place(module));
        request.go = self.go.clone();
        request.store = self.store.clone();
        request.servers = self.servers.clone();
        request.gowasm = std::env::current_exe().ok();
        request.verify &= self.verify;
        if !request.verify {
            request.plan = None;
        }
        request.wasm_opt = self.wasm_opt.clone().or(request.wasm_opt);
        request.deny = self.deny.clone().unwrap_or(request.deny);
        request.offline = found.offline;
        request
    }
}

/// A path is seen from where the command was started; a bare name is looked up on the PATH.
fn resolved(go: &std::path::Path, context: &Context) -> PathBuf {
    if go.components().count() > 1 { context.started_in.join(go) } else { go.to_owned() }
}
