//! The flags of `go build`: which go on to Go, which are gowasm's as well, and which say something that
//! does not hold for a module. Nothing that a user asks for, on the command line or in `GOFLAGS`, is
//! passed over.

use crate::{Failure, flags};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos, Target};
use std::env;
use std::path::PathBuf;

/// Whose a flag of `go build` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoFlag {
    /// gowasm has it too.
    Ours { takes_value: bool },
    /// `go list`, which has the packages compiled, gets it.
    Passed { takes_value: bool },
    /// Only some values of it, or none, go with a module.
    Limited { takes_value: bool },
}

const OURS: &[(&str, bool)] = &[
    ("C", true),
    ("buildmode", true),
    ("ldflags", true),
    ("o", true),
    ("tags", true),
    ("v", false),
];

const PASSED: &[(&str, bool)] = &[
    ("a", false),
    ("asmflags", true),
    ("cover", false),
    ("covermode", true),
    ("coverpkg", true),
    ("gcflags", true),
    ("installsuffix", true),
    ("mod", true),
    ("modcacherw", false),
    ("modfile", true),
    ("overlay", true),
    ("p", true),
    ("pgo", true),
    ("toolexec", true),
    ("x", false),
];

struct Limited {
    name: &'static str,
    takes_value: bool,
    /// The value that changes nothing here.
    allowed: Option<&'static str>,
    why: &'static str,
    hint: &'static str,
}

const NO_SANITIZER: &str = "Go has it for no wasm module";
const NATIVE: &str = "use it with tests that run natively: go test";

const LIMITED: &[Limited] = &[
    Limited::switch("asan", NO_SANITIZER, NATIVE),
    Limited::switch(
        "buildvcs",
        "a module tells nothing of a repository, so that the same sources give the same bytes",
        "-ldflags '-X main.version=...' puts a version in",
    ),
    Limited::value("compiler", Some("gc"), "Go has one compiler for wasm, gc", "leave it out"),
    Limited::value(
        "gccgoflags",
        None,
        "gccgo does not build for wasm",
        "-gcflags has flags for Go's compiler",
    ),
    Limited::switch("json", "it is Go's report of its own steps", "use --message-format json"),
    Limited::switch("linkshared", "a wasm module is linked as a whole", "leave it out"),
    Limited::switch("msan", NO_SANITIZER, NATIVE),
    Limited::switch(
        "n",
        "commands that are not run make no module to verify",
        "-x prints the commands of Go that are run",
    ),
    Limited::value(
        "pkgdir",
        None,
        "packages come from Go's build cache",
        "set GOCACHE for another place",
    ),
    Limited::switch("race", NO_SANITIZER, NATIVE),
    Limited {
        allowed: Some("true"),
        ..Limited::switch(
            "trimpath",
            "a module tells no paths of this machine, so that it is the same on every one",
            "leave it out",
        )
    },
    Limited::switch(
        "work",
        "what is made on the way is never left behind",
        "-x prints the commands of Go that are run",
    ),
];

impl Limited {
    const fn switch(name: &'static str, why: &'static str, hint: &'static str) -> Self {
        Limited { name, takes_value: false, allowed: Some("false"), why, hint }
    }

    const fn value(
        name: &'static str,
        allowed: Option<&'static str>,
        why: &'static str,
        hint: &'static str,
    ) -> Self {
        Limited { name, takes_value: true, allowed, why, hint }
    }
}

impl GoFlag {
    /// By its name without dashes; `None` for what `go build` does not have.
    pub fn find(name: &str) -> Option<Self> {
        let of = |table: &[(&str, bool)]| {
            table.iter().find(|(known, _)| *known == name).map(|(_, takes_value)| *takes_value)
        };
        let ours = of(OURS).map(|takes_value| GoFlag::Ours { takes_value });
        let passed = || of(PASSED).map(|takes_value| GoFlag::Passed { takes_value });
        ours.or_else(passed).or_else(|| {
            let limited = LIMITED.iter().find(|limited| limited.name == name)?;
            Some(GoFlag::Limited { takes_value: limited.takes_value })
        })
    }

    pub fn takes_value(self) -> bool {
        match self {
            GoFlag::Ours { takes_value }
            | GoFlag::Passed { takes_value }
            | GoFlag::Limited { takes_value } => takes_value,
        }
    }
}

/// Refuses a flag whose value does not go with a module. `from` is where it stands, such as `GOFLAGS`.
pub fn check_go_flag(name: &str, value: &str, from: Option<&str>) -> Result<(), Failure> {
    let Some(limited) = LIMITED.iter().find(|limited| limited.name == name) else { return Ok(()) };
    if limited.allowed == Some(value) {
        return Ok(());
    }
    let at = from.map(|from| format!("{from}: ")).unwrap_or_default();
    let shown = if value == "true" { format!("-{name}") } else { format!("-{name}={value}") };
    let message = format!("{at}`{shown}` is not for gowasm: {}", limited.why);
    Err(Failure::Usage(Diagnostic::error(message).hint(limited.hint)))
}

/// What `GOFLAGS` asks of a build and no build does.
pub(crate) fn check_goflags(goflags: &[String]) -> Result<(), Failure> {
    for limited in LIMITED {
        if let Some(value) = flags::of_goflags(goflags, limited.name) {
            check_go_flag(limited.name, value, Some("GOFLAGS"))?;
        }
    }
    Ok(())
}

/// What `--go-flag` and the key `go-flags` take: flags that go on to Go.
pub fn check_passed(flag: &str) -> Result<(), Failure> {
    let unspelled = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'));
    let (name, value) = unspelled.map_or((flag, None), |flag| match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, None),
    });
    let usage = |message: String, hint: &str| {
        Err(Failure::Usage(Diagnostic::error(message).hint(hint.to_owned())))
    };
    match unspelled.and_then(|_| GoFlag::find(name)) {
        Some(GoFlag::Passed { takes_value: true }) if value.is_none() => {
            usage(format!("`{flag}` has no value"), &format!("write `-{name}=VALUE`"))
        }
        Some(GoFlag::Passed { .. }) => Ok(()),
        Some(GoFlag::Limited { .. }) => check_go_flag(name, value.unwrap_or("true"), None),
        Some(GoFlag::Ours { .. }) => {
            usage(format!("`-{name}` is a setting of gowasm's own"), "give it there")
        }
        None => {
            let known: Vec<String> = PASSED.iter().map(|(name, _)| format!("-{name}")).collect();
            usage(
                format!("`{flag}` is no flag of go build"),
                &format!("these go on to Go: {}", known.join(" ")),
            )
        }
    }
}

/// What to build for where the command line says nothing: the environment, as for `go build`.
pub fn target(goos: Option<Goos>, build_mode: Option<BuildMode>) -> Result<Target, Failure> {
    let goos = match goos {
        Some(goos) => goos,
        None => goos_of_environment()?,
    };
    let build_mode = match build_mode {
        Some(mode) => mode,
        None => match goflags_setting("buildmode")? {
            Some(word) => word.parse().map_err(|error| {
                let message = format!("GOFLAGS has `-buildmode={word}`: {error}");
                Failure::Usage(Diagnostic::error(message).hint("give --buildmode"))
            })?,
            None => BuildMode::Exe,
        },
    };
    Ok(Target { goos, build_mode })
}

/// The value that `-o` has in `GOFLAGS`.
pub fn output_of_environment() -> Result<Option<PathBuf>, Failure> {
    Ok(goflags_setting("o")?.filter(|output| !output.is_empty()).map(PathBuf::from))
}

fn goos_of_environment() -> Result<Goos, Failure> {
    let other = |name: &str, value: &str, only: &str| {
        let message = format!("{name} is `{value}`, and gowasm builds for {only}");
        let hint = format!("unset {name}; GOOS=js and `gowasm build --goos js` build for js");
        Err(Failure::Usage(Diagnostic::error(message).hint(hint)))
    };
    if let Some(arch) = setting("GOARCH").filter(|arch| arch != "wasm") {
        return other("GOARCH", &arch, "wasm");
    }
    match setting("GOOS") {
        None => Ok(Goos::Wasip1),
        Some(word) => word.parse().or_else(|_| other("GOOS", &word, "wasip1 and js")),
    }
}

/// The value of a flag in `GOFLAGS`, if it has one.
pub fn goflags_setting(name: &str) -> Result<Option<String>, Failure> {
    let Some(goflags) = setting("GOFLAGS") else { return Ok(None) };
    let goflags = flags::split(&goflags).map_err(|why| {
        Failure::input(Diagnostic::error(format!("GOFLAGS cannot be read: {why}")))
    })?;
    Ok(flags::of_goflags(&goflags, name).map(str::to_owned))
}

/// A variable as the go command sees it: of the environment, else of the file that `go env -w` writes.
fn setting(name: &str) -> Option<String> {
    if let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) {
        return Some(value.to_string_lossy().into_owned());
    }
    let file = match env::var_os("GOENV").filter(|place| !place.is_empty()) {
        Some(off) if off == "off" => return None,
        Some(file) => PathBuf::from(file),
        None => config_folder()?.join("go").join("env"),
    };
    let text = std::fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let found = lines.rfind(|(key, _)| key.trim() == name)?;
    Some(found.1.to_owned()).filter(|value| !value.is_empty())
}

/// As Go's `os.UserConfigDir`.
fn config_folder() -> Option<PathBuf> {
    let of = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        of("AppData")
    } else if cfg!(target_os = "macos") {
        of("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_somebodys() {
        assert_eq!(GoFlag::find("o"), Some(GoFlag::Ours { takes_value: true }));
        assert_eq!(GoFlag::find("gcflags"), Some(GoFlag::Passed { takes_value: true }));
        assert_eq!(GoFlag::find("race"), Some(GoFlag::Limited { takes_value: false }));
        assert_eq!(GoFlag::find("plan"), None);
        let mut names: Vec<&str> = OURS.iter().chain(PASSED).map(|(name, _)| *name).collect();
        names.extend(LIMITED.iter().map(|limited| limited.name));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn only_what_changes_nothing_is_let_through() {
        let check = |name, value| check_go_flag(name, value, Some("GOFLAGS")).is_ok();
        assert!(check("trimpath", "true") && !check("trimpath", "false"));
        assert!(check("buildvcs", "false") && !check("buildvcs", "true"));
        assert!(check("race", "false") && !check("race", "true"));
        assert!(check("compiler", "gc") && !check("compiler", "gccgo"));
        assert!(check("count", "1"));
        let passed = |flag| check_passed(flag).is_ok();
        assert!(passed("-gcflags=all=-N") && passed("--mod=vendor") && passed("-x"));
        assert!(
            !passed("-gcflags") && !passed("-tags=a") && !passed("-race") && !passed("gcflags")
        );
    }
}
