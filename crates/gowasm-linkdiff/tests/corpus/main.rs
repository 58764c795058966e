//! The identity corpus: real programs, linked with `go tool link` and with ours, must be the same
//! bytes, and what was linked must run, also when made small.
//!
//! `GOWASM_TEST_GOS` names the `go` programs to test with, `:` between them; without it, `go` from
//! the path. `GOWASM_CORPUS=full` adds the large programs of the Go distribution, for Go 1.26 and later, and
//! more test binaries, for Go 1.27 and later. `GOWASM_CORPUS_ONLY` keeps the builds whose label contains it.

mod builds;
mod runs;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use gowasm_linkdiff::{Case, Linker, capture};

use builds::Build;

/// What came of the links of one toolchain.
#[derive(Default)]
struct Tally {
    linked: usize,
    identical: usize,
    run: usize,
    /// Run once more, at a level of size.
    shrunk: usize,
    faults: Vec<String>,
}

#[test]
fn our_modules_are_the_same_bytes_as_gos_and_run() {
    let mut faults = Vec::new();
    let gos = toolchains();
    // Bodies of two Gos differ little: one shows what small does, the others what safe does.
    let levels = match gos.len() {
        1 => vec![&["safe", "small"][..]],
        more => [&["small"][..]]
            .into_iter()
            .chain(std::iter::repeat(&["safe"][..]))
            .take(more)
            .collect(),
    };
    for (go, levels) in gos.into_iter().zip(levels) {
        let start = Instant::now();
        let version = builds::version(&go);
        let tally = check_toolchain(&go, levels);
        println!(
            "{version}: {} of {} identical, {} run, {} runs made small, in {:.0} s",
            tally.identical,
            tally.linked,
            tally.run,
            tally.shrunk,
            start.elapsed().as_secs_f32()
        );
        faults.extend(tally.faults.into_iter().map(|fault| format!("{version}: {fault}")));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

fn toolchains() -> Vec<PathBuf> {
    let listed = std::env::var("GOWASM_TEST_GOS").unwrap_or_default();
    let mut gos: Vec<_> =
        listed.split(':').filter(|go| !go.is_empty()).map(PathBuf::from).collect();
    if gos.is_empty() {
        gos.push(PathBuf::from("go"));
    }
    gos
}

fn check_toolchain(go: &Path, levels: &[&str]) -> Tally {
    let tally = Mutex::new(Tally::default());
    let keep = tempfile::tempdir().expect("a temporary folder");
    let builds = builds::all(go, keep.path());
    assert!(!builds.is_empty(), "no build is left to test");
    // Two at a time: go itself uses what cores there are, the modules that run use one.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(build) = builds.get(at) else { return };
                    let folder = keep.path().join(format!("build{at}"));
                    check_build(go, build, levels, &folder, &tally);
                }
            });
        }
    });
    tally.into_inner().expect("no thread panicked")
}

fn check_build(go: &Path, build: &Build, levels: &[&str], keep: &Path, tally: &Mutex<Tally>) {
    let recorder = Path::new(env!("CARGO_BIN_EXE_gowasm-linkdiff"));
    let output = keep.join("out");
    std::fs::create_dir_all(&output).expect("a folder for outputs");
    let mut arguments: Vec<String> = build.arguments.clone();
    arguments.splice(1..1, ["-o".to_owned(), format!("{}/", output.display())]);
    let environment = [("GOOS", build.goos)];
    let cases = match capture(go, &build.folder, &arguments, &environment, recorder, keep) {
        Ok(cases) => cases,
        Err(error) => return fault(tally, format!("{}: {error:#}", build.label)),
    };
    for case in &cases {
        check_case(go, build, case, levels, keep, tally);
    }
    // Some gigabytes would pile up otherwise.
    let _ = std::fs::remove_dir_all(keep);
}

fn check_case(
    go: &Path,
    build: &Build,
    case: &Case,
    levels: &[&str],
    keep: &Path,
    tally: &Mutex<Tally>,
) {
    let linker =
        Linker { program: env!("CARGO_BIN_EXE_gowasm-linkdiff").into(), verb: "--link".to_owned() };
    let label = format!("{} {}", build.label, case.name);
    let ours = keep.join("ours.wasm");
    let compared = case.run(&linker, &ours);
    tally.lock().expect("no thread panicked").linked += 1;
    match compared {
        Err(error) => return fault(tally, format!("{label}: {error:#}")),
        Ok(Some(difference)) => return fault(tally, format!("{label}: {difference}")),
        Ok(None) => tally.lock().expect("no thread panicked").identical += 1,
    }
    match runs::run(go, build, case, &ours) {
        Ok(true) => tally.lock().expect("no thread panicked").run += 1,
        Ok(false) => return,
        Err(error) => return fault(tally, format!("{label}: linked identically, but: {error:#}")),
    }
    // Made small it is another module, which does the same.
    let mut last = std::fs::metadata(&ours).map_or(0, |metadata| metadata.len());
    for level in levels {
        let mut small = case.clone();
        small.arguments.insert(0, format!("-size={level}"));
        let shrunk = small.link_ours(&linker, &ours).and_then(|()| {
            let size = std::fs::metadata(&ours)?.len();
            anyhow::ensure!(size < last, "{size} bytes, not fewer than {last}");
            last = size;
            runs::run(go, build, case, &ours)
        });
        match shrunk {
            Ok(_) => tally.lock().expect("no thread panicked").shrunk += 1,
            Err(error) => fault(tally, format!("{label}: made {level}: {error:#}")),
        }
    }
}

fn fault(tally: &Mutex<Tally>, text: String) {
    println!("FAULT {text}");
    tally.lock().expect("no thread panicked").faults.push(text);
}
