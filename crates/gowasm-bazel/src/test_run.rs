//! A test program as Bazel runs tests: what the test's environment says of its files, shards and time, as the
//! arguments of `gowasm run`. The program sees the test's runfiles, its temporary and its output folders, and
//! nothing else of the machine; variables that name these folders do so as the program sees them.

use crate::{Failure, files};
use gowasm_scratch::Folder;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use walkdir::WalkDir;

const RUNFILES: &str = "/runfiles";
const TEMPORARY: &str = "/tmp";
const OUTPUTS: &str = "/outputs";
const ANNOTATIONS: &str = "/outputs_annotations";
const COVERAGE: &str = "/coverage";
const PROFILE: &str = "profile";

/// Variables that name files which the program cannot have, or that are of no use without a variable that does.
const DROPPED: [&str; 14] = [
    "BUILD_EXECROOT",
    "COVERAGE_DIR",
    "COVERAGE_MANIFEST",
    "COVERAGE_OUTPUT_FILE",
    "JAVA_RUNFILES",
    "PYTHON_RUNFILES",
    "RUNFILES_MANIFEST_FILE",
    "RUNFILES_MANIFEST_ONLY",
    "TEST_INFRASTRUCTURE_FAILURE_FILE",
    "TEST_LOGSPLITTER_OUTPUT_FILE",
    "TEST_PREMATURE_EXIT_FILE",
    "TEST_SHARD_STATUS_FILE",
    "TEST_UNUSED_RUNFILES_LOG_FILE",
    "TEST_WARNINGS_OUTPUT_FILE",
];

/// The variables of a process.
pub type Environment = BTreeMap<String, String>;

pub struct TestRun {
    /// The test program.
    pub module: PathBuf,
    /// The folder of its package below the root of the runfiles: `_main/a/b`.
    pub package: String,
    /// Runfiles that are not the program's to see.
    pub hidden: Vec<PathBuf>,
    /// Whether the program can write a coverage profile.
    pub coverage: bool,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// Where the launcher started: the folder of the main repository among the runfiles.
    pub started_in: PathBuf,
}

/// A test program that can be started.
pub struct PreparedTest {
    /// Of `gowasm run`.
    pub arguments: Vec<OsString>,
    /// What the test is called in its report.
    pub name: String,
    /// Where Bazel wants the report.
    pub xml: Option<PathBuf>,
    /// The coverage profile that it writes, and where Bazel wants it as LCOV.
    pub coverage: Option<(PathBuf, PathBuf)>,
    /// How long it may run: a little less than Bazel lets it, so that there is time for the report.
    pub time: Option<Duration>,
    /// The program's folders; gone with this.
    _scratch: Folder,
}

/// Lays out what the program may see.
pub fn prepare(request: &TestRun, environment: &Environment) -> Result<PreparedTest, Failure> {
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    // 1. Sharding is the test program's to do; Bazel wants to know that it is done.
    if let Some(status) = get("TEST_SHARD_STATUS_FILE") {
        files::write(Path::new(status), b"")?;
    }
    // 2. Copies of the runfiles: they are links, and a program may not follow one out of its folders.
    let scratch = scratch(get("TEST_TMPDIR"))?;
    let (runfiles, temporary) = (scratch.path().join("runfiles"), scratch.path().join("tmp"));
    let root = match get("TEST_SRCDIR").or_else(|| get("RUNFILES_DIR")) {
        Some(folder) => request.started_in.join(folder),
        None => request.started_in.join(".."),
    };
    let hidden = request.hidden.iter().chain([&request.module]);
    let hidden: Vec<PathBuf> =
        hidden.filter_map(|file| request.started_in.join(file).canonicalize().ok()).collect();
    copy(&root, &runfiles, &hidden)?;
    for folder in [&runfiles.join(&request.package), &temporary] {
        std::fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
    }
    // 3. The folders, and the variables that name them.
    let mut dirs = vec![
        (runfiles.display().to_string(), RUNFILES),
        (temporary.display().to_string(), TEMPORARY),
    ];
    let mut variables: Environment = environment
        .iter()
        .filter(|(name, _)| !DROPPED.contains(&name.as_str()) && !name.is_empty())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut set =
        |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
    for name in ["RUNFILES_DIR", "TEST_SRCDIR"] {
        set(name, RUNFILES);
    }
    for name in ["TEST_TMPDIR", "TMPDIR"] {
        set(name, TEMPORARY);
    }
    set("PWD", &format!("{RUNFILES}/{}", request.package));
    for (name, guest) in [
        ("TEST_UNDECLARED_OUTPUTS_DIR", OUTPUTS),
        ("TEST_UNDECLARED_OUTPUTS_ANNOTATIONS_DIR", ANNOTATIONS),
    ] {
        let Some(folder) = get(name) else { continue };
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::io("create", Path::new(folder), &error))?;
        dirs.push((folder.clone(), guest));
        set(name, guest);
    }
    let coverage = match get("COVERAGE_OUTPUT_FILE").filter(|_| request.coverage) {
        Some(lcov) => {
            let folder = scratch.path().join("coverage");
            std::fs::create_dir_all(&folder)
                .map_err(|error| Failure::io("create", &folder, &error))?;
            dirs.push((folder.display().to_string(), COVERAGE));
            Some((folder.join(PROFILE), PathBuf::from(lcov)))
        }
        None => None,
    };
    if let Some(annotations) = get("TEST_UNDECLARED_OUTPUTS_ANNOTATIONS") {
        let name = Path::new(annotations).file_name().unwrap_or_default().to_string_lossy();
        set("TEST_UNDECLARED_OUTPUTS_ANNOTATIONS", &format!("{ANNOTATIONS}/{name}"));
    }
    // The report is this process's to write.
    for name in
        ["XML_OUTPUT_FILE", "TEST_UNDECLARED_OUTPUTS_MANIFEST", "TEST_UNDECLARED_OUTPUTS_ZIP"]
    {
        variables.remove(name);
    }
    // 4. The command line.
    let time = get("TEST_TIMEOUT").and_then(|text| text.parse().ok()).and_then(time);
    let mut arguments: Vec<OsString> = Vec::new();
    for (host, guest) in dirs {
        arguments.extend(["--dir".into(), format!("{host}::{guest}").into()]);
    }
    for (name, value) in variables {
        arguments.extend(["--env".into(), format!("{name}={value}").into()]);
    }
    arguments.push(request.module.clone().into());
    arguments.extend(flags(get, time).into_iter().map(OsString::from));
    if coverage.is_some() {
        arguments.push(format!("-test.coverprofile={COVERAGE}/{PROFILE}").into());
    }
    arguments.extend(own(&request.arguments).into_iter().map(OsString::from));
    Ok(PreparedTest {
        arguments,
        name: get("TEST_TARGET").cloned().unwrap_or_else(|| format!("//{}", request.package)),
        xml: get("XML_OUTPUT_FILE").map(PathBuf::from),
        coverage,
        // A program that never lets Go's own timer run is ended a little later.
        time: time.map(|(_, kill)| kill),
        _scratch: scratch,
    })
}

fn scratch(temporary: Option<&String>) -> Result<Folder, Failure> {
    let Some(folder) = temporary.map(Path::new) else { return files::scratch() };
    let made = std::fs::create_dir_all(folder).and_then(|()| Folder::within(folder, "test"));
    made.map_err(|error| Failure::io("make a temporary folder in", folder, &error))
}

/// When Go ends the tests, with the stacks of all goroutines, and when the program is ended that does not
/// let it. Of a minute that Bazel gives, five and two and a half seconds are left.
fn time(seconds: u64) -> Option<(Duration, Duration)> {
    let all = Duration::from_secs(seconds);
    let rest = (all / 10).min(Duration::from_secs(5));
    (seconds > 0).then(|| (all - rest, all - rest / 2))
}

/// What Bazel's options mean to Go.
fn flags<'a>(
    get: impl Fn(&str) -> Option<&'a String>,
    time: Option<(Duration, Duration)>,
) -> Vec<String> {
    // The report is made of this output. A test that calls os.Exit(0) has not passed, says `go test` too.
    let mut flags = vec!["-test.v=test2json".to_owned(), "-test.paniconexit0".to_owned()];
    if let Some((of_go, _)) = time {
        flags.push(format!("-test.timeout={}ms", of_go.as_millis()));
    }
    if let Some(filter) = get("TESTBRIDGE_TEST_ONLY") {
        flags.push(format!("-test.run={filter}"));
    }
    if get("TESTBRIDGE_TEST_RUNNER_FAIL_FAST").is_some_and(|value| value == "1") {
        flags.push("-test.failfast".to_owned());
    }
    flags
}

/// The user's arguments but for `-test.v`, which is always on, in the form that the report needs.
fn own(arguments: &[String]) -> Vec<&String> {
    let end = arguments.iter().position(|it| it == "--").unwrap_or(arguments.len());
    let verbose = |argument: &str| {
        let flag = argument.trim_start_matches('-');
        argument.starts_with('-') && (flag == "test.v" || flag.starts_with("test.v="))
    };
    let numbered = arguments.iter().enumerate();
    numbered.filter(|(at, it)| *at > end || !verbose(it)).map(|(_, it)| it).collect()
}

fn copy(root: &Path, to: &Path, hidden: &[PathBuf]) -> Result<(), Failure> {
    for entry in WalkDir::new(root).min_depth(1).follow_links(true) {
        // A link to nothing is a file that is not there.
        let Ok(entry) = entry else { continue };
        if !entry.file_type().is_file() || is_hidden(&entry, hidden) {
            continue;
        }
        let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
        files::copy(entry.path(), &to.join(below))?;
    }
    Ok(())
}

/// By name first: to ask the file system costs more.
fn is_hidden(entry: &walkdir::DirEntry, hidden: &[PathBuf]) -> bool {
    if entry.depth() == 1 && entry.file_name() == "MANIFEST" {
        return true;
    }
    let resolved = || entry.path().canonicalize().unwrap_or_default();
    !hidden.is_empty() && hidden.contains(&resolved())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn strings(arguments: &[OsString]) -> Vec<String> {
        arguments.iter().map(|it| it.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_program_sees_its_runfiles_and_what_bazel_tells_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["data.txt", "module.wasm", "tool"] {
            fs::write(path(name), name).unwrap();
        }
        for name in ["runfiles/_main/a", "runfiles/other+/b"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        #[cfg(unix)]
        for (file, link) in [
            ("data.txt", "runfiles/other+/b/data.txt"),
            ("module.wasm", "runfiles/_main/a/a.wasm"),
            ("tool", "runfiles/_main/tool"),
            ("gone", "runfiles/_main/gone"),
        ] {
            std::os::unix::fs::symlink(path(file), path(link)).unwrap();
        }
        let text = |name: &str| path(name).display().to_string();
        let request = TestRun {
            module: "a/a.wasm".into(),
            package: "_main/a".into(),
            hidden: vec!["tool".into()],
            coverage: false,
            arguments: ["-test.v", "--test.v=true", "-test.count=2", "--", "-test.v"]
                .map(Into::into)
                .into(),
            started_in: path("runfiles/_main"),
        };
        let prepared = prepare(
            &request,
            &environment(&[
                ("QUOTED", "it's \"$HOME\""),
                ("TESTBRIDGE_TEST_ONLY", "TestA"),
                ("TESTBRIDGE_TEST_RUNNER_FAIL_FAST", "1"),
                ("TEST_PREMATURE_EXIT_FILE", "/host/exit"),
                ("TEST_SHARD_STATUS_FILE", &text("status")),
                ("TEST_SRCDIR", &text("runfiles")),
                ("TEST_TARGET", "@@other+//b:b"),
                ("TEST_TIMEOUT", "60"),
                ("TEST_TMPDIR", &text("temporary")),
                ("TEST_UNDECLARED_OUTPUTS_DIR", &text("outputs")),
                ("XML_OUTPUT_FILE", "/host/test.xml"),
            ]),
        )
        .unwrap();
        let arguments = strings(&prepared.arguments);
        let at = arguments.iter().position(|it| it == "a/a.wasm").unwrap();
        let program = [
            "-test.v=test2json",
            "-test.paniconexit0",
            "-test.timeout=55000ms",
            "-test.run=TestA",
            "-test.failfast",
            "-test.count=2",
            "--",
            "-test.v",
        ];
        assert_eq!(arguments[at + 1..], program);
        let of = |flag: &str| -> Vec<&str> {
            let pairs = arguments[..at].chunks(2).filter(|pair| pair[0] == flag);
            pairs.map(|pair| pair[1].as_str()).collect()
        };
        let expected = [
            "PWD=/runfiles/_main/a",
            "QUOTED=it's \"$HOME\"",
            "RUNFILES_DIR=/runfiles",
            "TESTBRIDGE_TEST_ONLY=TestA",
            "TESTBRIDGE_TEST_RUNNER_FAIL_FAST=1",
            "TEST_SRCDIR=/runfiles",
            "TEST_TARGET=@@other+//b:b",
            "TEST_TIMEOUT=60",
            "TEST_TMPDIR=/tmp",
            "TEST_UNDECLARED_OUTPUTS_DIR=/outputs",
            "TMPDIR=/tmp",
        ];
        assert_eq!(of("--env"), expected);
        let (runfiles, _) = of("--dir")[0].split_once("::").unwrap();
        assert_eq!(
            fs::read_to_string(format!("{runfiles}/other+/b/data.txt")).unwrap(),
            "data.txt"
        );
        for gone in ["_main/tool", "_main/a/a.wasm", "_main/gone"] {
            assert!(!Path::new(runfiles).join(gone).exists(), "{gone}");
        }
        assert!(Path::new(runfiles).join("_main/a").is_dir());
        assert_eq!(of("--dir")[2], format!("{}::/outputs", text("outputs")));
        assert!(path("status").is_file() && path("outputs").is_dir());
        assert_eq!(prepared.name, "@@other+//b:b");
        assert_eq!(prepared.xml, Some("/host/test.xml".into()));
        assert_eq!(prepared.time, Some(Duration::from_millis(57_500)));
        let scratch = Path::new(runfiles).to_owned();
        drop(prepared);
        assert!(!scratch.exists());
    }

    #[test]
    fn go_has_its_say_before_bazel() {
        let milliseconds =
            |seconds| time(seconds).map(|(go, kill)| (go.as_millis(), kill.as_millis()));
        assert_eq!(milliseconds(0), None);
        assert_eq!(milliseconds(1), Some((900, 950)));
        assert_eq!(milliseconds(3600), Some((3_595_000, 3_597_500)));
    }
}
