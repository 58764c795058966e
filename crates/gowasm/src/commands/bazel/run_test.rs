//! `gowasm bazel run-test`

use crate::context::Context;
use crate::failure::Failure;
use gowasm_bazel::{End, Environment, Report, TestRun};
use gowasm_diagnostic::Diagnostic;
use gowasm_process::Group;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Run a test program as Bazel's environment of a test says, and report on its tests as XML
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The test program
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// The folder of its package below the root of the runfiles
    #[arg(long, value_name = "FOLDER")]
    package: String,
    /// A runfile that the program does not see
    #[arg(long, value_name = "FILE")]
    hide: Vec<PathBuf>,
    /// Have the program write a coverage profile, where Bazel asks for one
    #[arg(long)]
    coverage: bool,
    /// The program's arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
    arguments: Vec<String>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let request = TestRun {
        module: args.module,
        package: args.package,
        hidden: args.hide,
        coverage: args.coverage,
        arguments: args.arguments,
        started_in: context.started_in.clone(),
    };
    // What is not text cannot be told to a program whose strings are UTF-8.
    let variables = std::env::vars_os();
    let variables: Environment = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let test = gowasm_bazel::prepare(&request, &variables)?;
    // A process of its own: its stdout is the program's, and it can be ended whatever it does.
    let own = std::env::current_exe()
        .map_err(|error| Failure::io("find", Path::new("gowasm"), &error))?;
    let failed = |error| Failure::io("run", &own, &error);
    // One stream, as `go test` has it: a panic belongs to the test that it comes from.
    let (output, stdout) = std::io::pipe().map_err(failed)?;
    let stderr = stdout.try_clone().map_err(failed)?;
    let mut command = Command::new(&own);
    command.arg("run").args(&test.arguments).current_dir(&context.started_in);
    // Bazel gets a report of a test that it interrupts.
    let _report = gowasm_process::publishing();
    let (child, group) =
        gowasm_process::spawn(command.stdout(stdout).stderr(stderr)).map_err(failed)?;
    // It holds the ends for writing, without which the output never ends.
    drop(command);
    let mut report = Report::default();
    let end = thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        let watch = scope.spawn(|| watch((child, group), ended, test.time, &context.cancel));
        let read = follow(&mut report, output);
        drop(done);
        let end = watch.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        read.and(end).map_err(failed)
    })?;
    if let Some(xml) = &test.xml {
        report.write(&test.name, &end, xml)?;
    }
    if let (Some((profile, lcov)), End::Code(0)) = (&test.coverage, end) {
        gowasm_bazel::write_lcov(profile, lcov)?;
    }
    match end {
        End::Code(code) => Ok(ExitCode::from(code as u8)),
        End::Signal => Ok(ExitCode::from(1)),
        End::Time(after) => {
            let message = format!("the tests did not end within {:.1} s", after.as_secs_f64());
            let hint =
                "give the test a larger `timeout` or `size`, or `bazel test` a --test_timeout";
            Err(Failure::input(Diagnostic::error(message).hint(hint)))
        }
        End::Interrupt => Err(Failure::Interrupted),
    }
}

fn follow(report: &mut Report, output: impl std::io::Read) -> std::io::Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        // At once: whoever follows the log wants to see how far the tests are.
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(report.line(&line)).and_then(|()| stdout.flush()) {
            // A reader that went away wants no more; a log that is lost is a failure.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
        line.clear();
    }
    Ok(())
}

/// Waits for the program, until its output has ended, its time is over or somebody interrupts.
fn watch(
    (mut child, group): (Child, Group),
    ended: Receiver<()>,
    time: Option<Duration>,
    cancel: &AtomicBool,
) -> std::io::Result<End> {
    let started = Instant::now();
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Duration::from_millis(20)) {
        let over = time.filter(|time| started.elapsed() >= *time);
        let stop = match over {
            Some(time) => End::Time(time),
            None if cancel.load(Ordering::SeqCst) => End::Interrupt,
            None => continue,
        };
        group.kill();
        group.wait(&mut child)?;
        return Ok(stop);
    }
    Ok(group.wait(&mut child)?.code().map_or(End::Signal, End::Code))
}
