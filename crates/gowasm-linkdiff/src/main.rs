//! `gowasm-linkdiff GO [GO-ARGUMENTS..]`: runs the build, links each program again with ours, and
//! says the first difference. `gowasm-linkdiff --files A B` compares two modules. `gowasm-linkdiff
//! --record KEEP GO [GO-ARGUMENTS..]` keeps what the links read in the folder KEEP and prints them as
//! JSON, for measurements.
//!
//! Exit codes: 0 the same bytes; 1 a difference; 2 wrong usage; 3 something could not be run.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::{env, fs};

use anyhow::{Context, Result};
use gowasm_linkdiff::{CAPTURE_DIR, Linker, capture, compare, record_link};

/// Set where the binary runs itself as the linker under test.
const LINK: &str = "--link";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match (env::var_os(CAPTURE_DIR), arguments.first().map(String::as_str)) {
        (Some(records), _) => record_link(Path::new(&records), &arguments),
        (None, Some(LINK)) => link(&arguments[1..]),
        (None, Some("--files")) if arguments.len() == 3 => files(&arguments[1], &arguments[2]),
        (None, Some("--record")) if arguments.len() > 3 => record(&arguments[1..]),
        (None, Some(go)) if !go.starts_with('-') && arguments.len() > 1 => {
            build(go, &arguments[1..])
        }
        _ => {
            eprintln!(
                "usage: gowasm-linkdiff GO build|test ARGUMENTS..\n       gowasm-linkdiff --files A B\n       gowasm-linkdiff --record KEEP GO build|test ARGUMENTS.."
            );
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(3)
    })
}

fn files(a: &str, b: &str) -> Result<ExitCode> {
    let read = |path: &str| fs::read(path).with_context(|| format!("cannot read {path}"));
    match compare(&read(a)?, &read(b)?) {
        None => Ok(ExitCode::SUCCESS),
        Some(difference) => {
            println!("{difference}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn record(arguments: &[String]) -> Result<ExitCode> {
    let (keep, go) = (Path::new(&arguments[0]), Path::new(&arguments[1]));
    let program = env::current_exe().context("cannot find this program")?;
    let goos = env::var("GOOS").unwrap_or_else(|_| "wasip1".to_owned());
    let environment = [("GOOS", goos.as_str())];
    let cases = capture(go, Path::new("."), &arguments[2..], &environment, &program, keep)?;
    println!("{}", serde_json::to_string_pretty(&cases)?);
    Ok(ExitCode::SUCCESS)
}

fn build(go: &str, arguments: &[String]) -> Result<ExitCode> {
    let keep = tempfile::tempdir().context("no temporary folder")?;
    // The programs themselves are not wanted.
    let output = keep.path().join("out");
    fs::create_dir(&output).context("no folder for outputs")?;
    let mut arguments = arguments.to_vec();
    arguments.splice(1..1, ["-o".to_owned(), format!("{}/", output.display())]);
    let program = env::current_exe().context("cannot find this program")?;
    let goos = env::var("GOOS").unwrap_or_else(|_| "wasip1".to_owned());
    let environment = [("GOOS", goos.as_str())];
    let cases =
        capture(Path::new(go), Path::new("."), &arguments, &environment, &program, keep.path())?;
    let linker = Linker { program, verb: LINK.to_owned() };
    let mut differences = 0;
    for (number, case) in cases.iter().enumerate() {
        let ours = keep.path().join(format!("{number}.wasm"));
        match case.run(&linker, &ours)? {
            None => println!("{}: identical", case.name),
            Some(difference) => {
                println!("{}: {difference}", case.name);
                differences += 1;
            }
        }
    }
    println!("{} of {} identical", cases.len() - differences, cases.len());
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Links with the linker in this workspace, as `gowasm link` does.
fn link(arguments: &[String]) -> Result<ExitCode> {
    let options = gowasm_link::Options::parse(arguments.iter().map(Into::into))?;
    gowasm_link::link(&options, &AtomicBool::new(false))?;
    Ok(ExitCode::SUCCESS)
}
