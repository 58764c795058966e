//! A Bazel with an output root, a copy of this checkout and a server of its own: what a developer's machine
//! is to a remote cache. It gets no network of Bazel's own registry: what rules need comes out of Debian's
//! packages, third-party Go modules through Go's own client.

use super::binaryen;
use super::forky;
use super::log::{self, Spawn};
use super::monorepo::Monorepo;
use super::protoc;
use super::room::Room;
use super::rules_go;
use crate::{project, tools};
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What every machine here has, beside `gowasm`.
pub(crate) struct Kit {
    root: PathBuf,
    machine: PathBuf,
    /// Roots of Go toolchains, by the name of the command that the PATH has for it.
    gos: Vec<(String, PathBuf)>,
    /// The Go modules of this user.
    modules: PathBuf,
    node: PathBuf,
    binaryen: Result<PathBuf>,
    rules_go: Result<PathBuf>,
    protoc: Result<PathBuf>,
    /// What machines keep for each other, where a case lets them.
    kept: TempDir,
}

impl Kit {
    /// An error says why this machine cannot run Bazel.
    pub(crate) fn set_up() -> Result<Self> {
        let root = forky::root()?;
        drop(Room::open::<&str>(&root, &[])?);
        if !project::root().join("test_workspace/MODULE.bazel").is_file() {
            bail!("this checkout has no test_workspace/");
        }
        let newest = tools::installed_go(tools::NEWEST_GO)?;
        let machine = tools::machine_go().unwrap_or_else(|| newest.clone());
        let modules = go_env(&machine, "GOMODCACHE")?;
        fs::create_dir_all(&modules)?;
        let gos = vec![
            ("go".to_owned(), go_env(&machine, "GOROOT")?),
            (format!("go{}", tools::NEWEST_GO), go_env(&newest, "GOROOT")?),
        ];
        let rules_go = rules_go::sources(&machine);
        let (node, binaryen, protoc) = (node()?, binaryen::folder(), protoc::program());
        let kept = tempfile::Builder::new().prefix("gowasm-bazel-kept-").tempdir()?;
        Ok(Kit { root, machine, gos, modules, node, binaryen, rules_go, protoc, kept })
    }

    /// The go command that rules use unless they are told another.
    pub(crate) fn go(&self) -> &Path {
        &self.machine
    }

    /// The root of the newest SDK.
    pub(crate) fn newest_go(&self) -> &Path {
        &self.gos[1].1
    }

    /// What rules_go is for Bazel; an error says why it is not there.
    pub(crate) fn rules_go(&self) -> Result<String, &anyhow::Error> {
        let name = |sources: &PathBuf| sources.strip_prefix(&self.modules).map(Path::to_path_buf);
        let seen =
            |sources| format!("/mnt/modules/{}", name(sources).unwrap_or_default().display());
        self.rules_go.as_ref().map(seen)
    }

    /// Whether `@protobuf//:protoc` is there; an error says why not.
    pub(crate) fn has_protoc(&self) -> Result<(), &anyhow::Error> {
        self.protoc.as_ref().map(drop)
    }

    /// The attributes of `go_wasm.wasm_opt`; an error says why there is no wasm-opt here.
    pub(crate) fn wasm_opt(&self) -> Result<String, &anyhow::Error> {
        let archive = binaryen::ARCHIVE;
        let attributes =
            format!("strip_prefix = \"usr\", urls = [\"file:///mnt/binaryen/{archive}\"]");
        self.binaryen.as_ref().map(|_| attributes)
    }
}

fn node() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|dir| dir.join("node")).find(|node| node.is_file());
    Ok(found.context("there is no node on the PATH")?.canonicalize()?)
}

fn go_env(go: &Path, variable: &str) -> Result<PathBuf> {
    let mut ask = Command::new(go);
    ask.args(["env", variable]).env("GOTOOLCHAIN", "local").current_dir("/");
    Ok(PathBuf::from(project::output(&mut ask)?.trim()))
}

/// Variables of ours that Bazel's repository rules, and Go under them, see.
const PASSED: [&str; 10] = [
    "GOPROXY",
    "GOSUMDB",
    "GONOSUMDB",
    "GONOPROXY",
    "GOPRIVATE",
    "GOFLAGS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
];
const WORKSPACE: &str = "test_workspace";
/// No command takes as long.
const LONG: Duration = Duration::from_secs(3600);
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) struct Machine {
    // Dropped in this order: what runs, then its files.
    room: Room,
    folder: TempDir,
    /// Where the checkout is for Bazel.
    checkout: String,
    environment: Vec<(&'static str, String)>,
}

/// What one command of Bazel's did.
pub(crate) struct Run {
    pub(crate) succeeded: bool,
    pub(crate) said: String,
    pub(crate) spawns: Vec<Spawn>,
    pub(crate) wall: Duration,
}

impl Run {
    /// Whether an action of this kind ran.
    pub(crate) fn has(&self, mnemonic: &str) -> bool {
        self.spawns.iter().any(|spawn| spawn.mnemonic == mnemonic)
    }
}

impl Machine {
    /// With a fresh copy of this checkout at `/mnt/PLACE`.
    pub(crate) fn start(kit: &Kit, place: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("gowasm-bazel-").tempdir()?;
        let part = |name: &str| -> Result<PathBuf> {
            let path = folder.path().join(name);
            fs::create_dir(&path)?;
            Ok(path)
        };
        let (home, bin, out, checkout) =
            (part("home")?, part("bin")?, part("out")?, part("checkout")?);
        copy_checkout(&checkout)?;
        write_bazelrc(&home)?;
        if let Ok(protoc) = &kit.protoc {
            let module = home.join("modules/protobuf");
            fs::copy(protoc, module.join("protoc"))?;
            fs::write(module.join("BUILD.bazel"), "exports_files([\"protoc\"])\n")?;
        }
        fs::copy(project::release("gowasm")?, bin.join("gowasm"))?;

        let mut folders: Vec<(String, &Path)> = vec![
            ("home".to_owned(), &home),
            ("bin".to_owned(), &bin),
            ("out".to_owned(), &out),
            (place.to_owned(), &checkout),
            ("modules".to_owned(), &kit.modules),
            ("kept".to_owned(), kit.kept.path()),
        ];
        let node = kit.node.parent().context("a program lies in a folder")?;
        folders.push(("node".to_owned(), node));
        symlink(
            Path::new("/mnt/node").join(kit.node.file_name().unwrap_or_default()),
            bin.join("node"),
        )?;
        if let Ok(binaryen) = &kit.binaryen {
            folders.push(("binaryen".to_owned(), binaryen));
        }
        for (name, root) in &kit.gos {
            symlink(format!("/mnt/sdk/{name}/bin/go"), bin.join(name))?;
            folders.push((format!("sdk/{name}"), root));
        }
        let mut environment = environment();
        if let Some(certificates) = Path::new(CERTIFICATES).parent().filter(|dir| dir.is_dir()) {
            folders.push(("certificates".to_owned(), certificates));
            let file = "/mnt/certificates/ca-certificates.crt";
            environment.push(("SSL_CERT_FILE", file.to_owned()));
        }
        let room = Room::open(&kit.root, &folders)?;
        Ok(Machine { room, folder, checkout: format!("/mnt/{place}"), environment })
    }

    /// A file of its copy of the checkout, to change it.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join("checkout").join(path)
    }

    /// Packs a file or folder for Bazel to fetch. Returns the attributes that say so.
    pub(crate) fn archive(&self, name: &str, content: &Path) -> Result<String> {
        let archive = self.home().join(name);
        let folder = content.parent().context("it lies in a folder")?;
        let mut pack = Command::new("tar");
        pack.arg("-cf").arg(&archive).arg("-C").arg(folder);
        project::run(pack.arg(content.file_name().unwrap_or_default()))?;
        let sum = project::output(Command::new("sha256sum").arg(&archive))?;
        let sum = sum.split(' ').next().unwrap_or_default();
        Ok(format!("sha256 = \"{sum}\", urls = [\"file:///mnt/home/{name}\"]"))
    }

    /// Writes a program that Bazel can start. Returns where it is for Bazel.
    pub(crate) fn script(&self, name: &str, text: &str) -> Result<String> {
        let file = self.folder.path().join("bin").join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(format!("/mnt/bin/{name}"))
    }

    /// The user's folder, which Bazel sees as `/mnt/home`.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Removes a folder of Go modules at `/mnt/out/NAME`, which Go makes read-only.
    pub(crate) fn forget(&self, name: &str) -> Result<()> {
        let folder = self.folder.path().join("out").join(name);
        if folder.is_dir() {
            project::run(Command::new("chmod").args(["-R", "u+w"]).arg(&folder))?;
            fs::remove_dir_all(folder)?;
        }
        Ok(())
    }

    /// Takes Go, gowasm and node off the PATH.
    pub(crate) fn forget_programs(&self) -> Result<()> {
        for entry in fs::read_dir(self.folder.path().join("bin"))? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// The gowasm program of this machine.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("bin/gowasm")
    }

    /// Runs `bazel COMMAND ARGUMENTS..` in `test_workspace/`.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Result<Run> {
        self.run_in(WORKSPACE, command, arguments)
    }

    /// The same in `test_workspace_rules_go/`.
    pub(crate) fn with_rules_go(
        &self,
        sources: &str,
        command: &str,
        arguments: &[&str],
    ) -> Result<Run> {
        let all = self.flags_for_rules_go(sources)?;
        let all: Vec<&str> =
            all.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        self.run_in("test_workspace_rules_go", command, &all)
    }

    /// What lets a workspace use rules_go without Bazel's registry.
    pub(crate) fn flags_for_rules_go(&self, sources: &str) -> Result<Vec<String>> {
        let modules = "modules_for_rules_go";
        let folder = self.home().join(modules);
        let mut all = rules_go::stand_ins(&folder, &format!("/mnt/home/{modules}"))?;
        all.push(format!("--override_module=rules_go={sources}"));
        Ok(all)
    }

    /// Writes a monorepo into a folder of this name in the checkout.
    pub(crate) fn write_monorepo(&self, name: &str, monorepo: &Monorepo) -> Result<()> {
        monorepo.write(&self.file(name), "..")
    }

    /// The same in another workspace of the checkout.
    pub(crate) fn run_in(&self, workspace: &str, command: &str, arguments: &[&str]) -> Result<Run> {
        self.run_for(LONG, workspace, command, arguments)
    }

    /// The same, ended when it takes longer.
    pub(crate) fn run_for(
        &self,
        limit: Duration,
        workspace: &str,
        command: &str,
        arguments: &[&str],
    ) -> Result<Run> {
        let log = self.folder.path().join("out/spawns.json");
        let _ = fs::remove_file(&log);
        let limit = limit.as_secs().to_string();
        let mut bazel = self.inside(workspace, &["timeout", "--kill-after=10", &limit]);
        bazel.args(["bazel", "--output_user_root=/mnt/out", command]);
        if ["build", "test"].contains(&command) {
            bazel.arg("--execution_log_json_file=/mnt/out/spawns.json");
        }
        bazel.args(arguments);
        let started = Instant::now();
        let output = bazel.output().context("cannot start nsenter")?;
        let wall = started.elapsed();
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let spawns = if log.is_file() { log::read(&log)? } else { Vec::new() };
        Ok(Run { succeeded: output.status.success(), said, spawns, wall })
    }

    /// A build or test that has to succeed.
    pub(crate) fn succeed(&self, command: &str, arguments: &[&str]) -> Result<Run> {
        let run = self.run(command, arguments)?;
        if !run.succeeded {
            bail!("bazel {command} {} failed:\n{}", arguments.join(" "), run.said);
        }
        Ok(run)
    }

    /// `gowasm ARGUMENTS..` in `test_workspace/`: whether it succeeded, and its stdout.
    pub(crate) fn gowasm(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let output = self.inside(WORKSPACE, &["gowasm"]).args(arguments).output()?;
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), String::from_utf8(output.stdout)?))
    }

    /// What a build left at this path below `test_workspace/`.
    pub(crate) fn output(&self, path: &str) -> Result<Vec<u8>> {
        Ok(self.inside(WORKSPACE, &["cat", path]).output()?.stdout)
    }

    fn inside(&self, workspace: &str, words: &[&str]) -> Command {
        let mut command = self.room.command();
        command.args(["-C", &format!("{}/{workspace}", self.checkout)]);
        for (name, value) in &self.environment {
            command.arg(format!("{name}={value}"));
        }
        command.args(words);
        command
    }
}

fn environment() -> Vec<(&'static str, String)> {
    let mut environment = vec![
        ("PATH", "/mnt/bin:/usr/bin:/usr/sbin:/bin".to_owned()),
        ("HOME", "/mnt/home".to_owned()),
        ("USER", "root".to_owned()),
        ("GOMODCACHE", "/mnt/modules".to_owned()),
        ("GOTOOLCHAIN", "local".to_owned()),
    ];
    for name in PASSED {
        environment.extend(env::var(name).ok().map(|value| (name, value)));
    }
    environment
}

/// The files that a commit of everything would have.
pub(crate) fn copy_checkout(to: &Path) -> Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = project::output(list.current_dir(project::root()))?;
    for path in listed.split_terminator('\0') {
        let (from, to) = (project::root().join(path), to.join(path));
        fs::create_dir_all(to.parent().context("a file has a folder")?)?;
        // A file that is deleted and not yet committed is listed as well.
        if from.is_file() {
            fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        }
    }
    Ok(())
}

/// Modules that Bazel's own tools name and Debian does not package; of all that is in them only protoc is used here, so
/// empty ones do.
const EMPTY: [&str; 4] = ["buildozer", "protobuf", "zlib", "apple_support"];
/// What later versions of Bazel do, of all that this one can do already. Left out is what it cannot keep itself:
/// `no_rule_outputs_param`, `disable_native_apple_binary_rule` and `stop_exporting_language_modules` break its own
/// rules; and what has to do with neither rules nor repositories.
const LATER: [&str; 21] = [
    "auto_exec_groups",
    "autoload_externally=",
    "check_testonly_for_output_files",
    "check_visibility_for_toolchains",
    "config_setting_private_default_visibility",
    "default_to_explicit_init_py",
    "disable_native_android_rules",
    "disable_native_repo_rules",
    "disable_starlark_host_transitions",
    "disable_target_provider_fields",
    "disallow_empty_glob",
    "disallow_struct_provider_syntax",
    "enable_proto_toolchain_resolution",
    "modify_execution_info_additive",
    "no_implicit_file_export",
    "no_implicit_watch_label",
    "python_disallow_native_rules",
    "strict_action_env",
    "struct_has_no_methods",
    "top_level_aspects_require_providers",
    "use_plus_in_repo_names",
];
const BUILDOZER: &str = r#"def _repository_impl(repository_ctx):
    repository_ctx.file("BUILD.bazel", "")

_repository = repository_rule(implementation = _repository_impl)

def _buildozer_binary_impl(_module_ctx):
    _repository(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
"#;

/// What lets Bazel do without its registry, as the user's own settings.
pub(super) fn write_bazelrc(home: &Path) -> Result<()> {
    let mut text = "common --noenable_workspace --lockfile_mode=off --color=no --curses=no\n\
                    build --nosandbox_debug --noshow_progress\n"
        .to_owned();
    text.extend(LATER.map(|flag| format!("common --incompatible_{flag}\n")));
    for name in EMPTY {
        let module = home.join("modules").join(name);
        fs::create_dir_all(&module)?;
        fs::write(module.join("BUILD.bazel"), "")?;
        let head = format!("module(name = \"{name}\", version = \"0.0.0\")\n");
        fs::write(module.join("MODULE.bazel"), head)?;
        text += &format!("common --override_module={name}=/mnt/home/modules/{name}\n");
    }
    fs::write(home.join("modules/buildozer/buildozer_binary.bzl"), BUILDOZER)?;
    Ok(fs::write(home.join(".bazelrc"), text)?)
}
