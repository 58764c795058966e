//! `gowasm store` as a user calls it.

#[cfg(unix)]
mod support;

use gowasm_store::Store;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn gowasm(dir: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_gowasm"))
        .arg("store")
        .args(arguments)
        .env("GOWASM_STORE", dir)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Three blobs, of which the paths are returned, and a note.
fn filled(dir: &Path) -> Vec<PathBuf> {
    let store = Store::open(Some(dir)).unwrap();
    store.put_note("inputs", &[1; 32], b"note").unwrap();
    let put = |length| store.put_bytes(&vec![7; length]).unwrap().hex();
    [1000, 2000, 3000].map(put).map(|hex| dir.join("cas").join(&hex[..2]).join(hex)).into()
}

#[test]
fn dir_prints_the_path_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let ran = gowasm(dir.path(), &["dir"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, format!("{}\n", dir.path().display()));
    // The flag wins over the environment.
    let ran = gowasm(Path::new("/elsewhere"), &["dir", "--store", dir.path().to_str().unwrap()]);
    assert_eq!(ran.stdout, format!("{}\n", dir.path().display()));
}

#[test]
fn without_flag_or_variable_the_store_is_below_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gowasm"));
    command.args(["store", "dir"]).env("HOME", home.path());
    let output = command.env_remove("GOWASM_STORE").env_remove("XDG_CACHE_HOME").output().unwrap();
    let path = String::from_utf8(output.stdout).unwrap();
    assert!(path.starts_with(home.path().to_str().unwrap()), "{path}");
    assert!(path.ends_with("gowasm\n"), "{path}");
}

#[cfg(unix)]
#[test]
fn a_store_that_is_nowhere_is_told_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gowasm"));
    command.args(["store", "stat"]).env("HOME", "rel").current_dir(home.path());
    let output = command.env_remove("GOWASM_STORE").env_remove("XDG_CACHE_HOME").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no absolute path") && said.contains("hint: set HOME"), "{said}");

    let link = home.path().join("link");
    std::os::unix::fs::symlink("gone", &link).unwrap();
    for arguments in [["stat", "-q"], ["verify", "-q"], ["clean", "-q"]] {
        let ran = gowasm(&link, &arguments);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("is a link to gone, which is not there"), "{}", ran.stderr);
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_body_that_is_no_base64_is_no_fault_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gowasm"));
    command.arg("cacheprog").env("GOWASM_STORE", dir.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let put = |id: u32, body: &str| {
        format!(
            "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"AAAA\",\"OutputID\":\"AAAA\",\"BodySize\":3}}\n\n\"{body}\"\n"
        )
    };
    let close = "{\"ID\":9,\"Command\":\"close\"}\n";
    let text = put(1, "A*==") + &put(2, "YWJj") + close;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].contains("the body is not base64: "), "{said}");
    // The next request begins behind the body.
    assert!(lines[2].contains("not what its OutputID"), "{said}");
    assert!(lines[3].contains("\"ID\":9") && output.status.success(), "{said}");
}

#[test]
fn stat_counts_for_people_and_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    fs::write(dir.path().join("mine.txt"), "").unwrap();
    let ran = gowasm(dir.path(), &["stat"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("blobs             3 files      5.9 KiB"), "{}", ran.stdout);
    assert!(ran.stdout.contains("mine.txt"), "{}", ran.stdout);

    let ran = gowasm(dir.path(), &["stat", "--message-format", "json"]);
    let stat: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&stat["schema_version"], &stat["status"]), (&1.into(), &"done".into()));
    assert_eq!((&stat["blobs"]["files"], &stat["blobs"]["bytes"]), (&3.into(), &6000.into()));
    assert_eq!(stat["notes"]["files"], 1);
    assert_eq!(stat["foreign"].as_array().unwrap().len(), 1);
}

#[test]
fn verify_names_and_removes_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = filled(dir.path());
    let ran = gowasm(dir.path(), &["verify"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("checked 4 files, "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with(": all sound\n"), "{}", ran.stdout);

    for format in ["human", "json"] {
        fs::write(&blobs[0], "damaged").unwrap();
        let ran = gowasm(dir.path(), &["verify", "--message-format", format]);
        assert_eq!(ran.code, 1);
        let line = format!(
            "error: {}: its bytes do not have its digest; it was removed",
            blobs[0].display()
        );
        assert!(ran.stderr.contains(&line), "{}", ran.stderr);
        assert!(!blobs[0].exists());
        if format == "json" {
            let verification: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
            assert_eq!(verification["status"], "failed");
            assert_eq!(verification["wrong"][0]["path"], blobs[0].to_str().unwrap());
        }
    }
}

#[test]
fn prune_keeps_to_its_size_and_clean_empties() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let ran = gowasm(dir.path(), &["prune", "--max-size", "4K", "--max-age", "30d"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let kept = Store::open(Some(dir.path())).unwrap().stat().unwrap().total;
    assert!(kept.bytes <= 4096 && kept.files > 0, "{kept:?}");

    fs::write(dir.path().join("mine.txt"), "").unwrap();
    let ran = gowasm(dir.path(), &["clean"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.starts_with("removed "), "{}", ran.stdout);
    assert!(ran.stderr.contains("mine.txt"), "{}", ran.stderr);
    assert!(dir.path().join("mine.txt").exists());
    assert!(gowasm(dir.path(), &["stat"]).stdout.contains("total             0 files"));
}

#[test]
fn wrong_usage_is_2_and_a_store_of_the_future_is_3() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(gowasm(dir.path(), &["prune"]).code, 2);
    let ran = gowasm(dir.path(), &["prune", "--max-size", "5 potatoes"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("such as 5G"), "{}", ran.stderr);

    fs::write(dir.path().join("version"), "gowasm-store 7\n").unwrap();
    let ran = gowasm(dir.path(), &["stat"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("version `7`") && ran.stderr.contains("hint: "), "{}", ran.stderr);
}

/// The interrupt arrives while another process holds the lock.
#[cfg(unix)]
#[test]
fn waiting_for_the_lock_is_said_and_ends_with_an_interrupt() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let lock = fs::File::create(dir.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gowasm"))
        .args(["store", "clean"])
        .env("GOWASM_STORE", dir.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(
        line,
        format!("Blocking waiting for file lock {}\n", dir.path().join("lock").display())
    );
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left = Store::open(Some(dir.path())).unwrap().stat().unwrap();
    assert_eq!(left.total.files, 4);
}

/// What a build leaves that is killed goes with the next one, and with `store prune`.
#[cfg(unix)]
#[test]
fn leftovers_of_killed_builds_go() {
    let project = support::Project::new(support::REACTOR);
    std::fs::create_dir(project.path("tmp")).unwrap();
    std::fs::create_dir(project.path("store")).unwrap();
    let go = support::go();
    let slow = |seconds: u32| {
        let body = "case \"$1\" in list) sleep SECONDS;; esac\nexec 'GO' \"$@\"";
        let body = body.replace("SECONDS", &seconds.to_string());
        project.script("go-counted", &body.replace("GO", &go.display().to_string()));
    };
    let command = |args: &[&str]| {
        let mut command = project.gowasm(args);
        command.env("TMPDIR", project.path("tmp")).env_remove("GOTMPDIR");
        command
    };
    let left = || project.names("tmp");
    let kill = || {
        slow(5);
        let mut build = command(&["build", "-q"]).spawn().unwrap();
        while !left().iter().any(|name| name.starts_with("gowasm-go-")) {
            assert!(build.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // SIGKILL.
        build.kill().unwrap();
        build.wait().unwrap();
        assert_eq!(left().len(), 1, "{:?}", left());
        let in_store = project.names("store");
        assert!(!in_store.iter().any(|name| name.starts_with(".tmp")), "{in_store:?}");
    };
    kill();
    let pruned = support::Run::of(&mut command(&["store", "prune", "--max-age", "1000d"]));
    assert_eq!((pruned.code, left()), (Some(0), Vec::new()), "{}", pruned.stderr);
    assert!(pruned.stdout.contains("removed 1 temporary folder"), "{}", pruned.stdout);
    kill();
    slow(0);
    project.write("work/.gowasm-abcdef.tmp", "half a module");
    let built = support::Run::of(&mut command(&["build", "-q", "--buildmode=c-shared"]));
    assert_eq!((built.code, left()), (Some(0), Vec::new()), "{}", built.stderr);
    assert!(!project.exists("work/.gowasm-abcdef.tmp"));
}
