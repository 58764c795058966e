//! Whether a call ended as the plan wants it.

use crate::guest::{Guest, Stop};
use crate::imports::MissingImports;
use crate::plan::{Bytes, Checked, Output, ReadyEnding, ReadyReturned, ReadyStart};
use crate::value::{self, Val};
use crate::verdict::{Step, StepKind};
use crate::wasi::Captured;

/// What can be seen of an instance after a call.
pub(crate) struct Seen<'a> {
    pub(crate) stdout: &'a Captured,
    pub(crate) stderr: &'a Captured,
    /// The module asked for more memory than its limit.
    pub(crate) memory_denied: bool,
    pub(crate) host_calls: &'a [String],
}

/// What a step must come to.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) ending: &'a ReadyEnding,
    pub(crate) output: &'a Output,
    /// A call of an import that nothing supplies may be the end of it.
    pub(crate) may_stop: bool,
    /// Of a program: no plan says how it must end.
    pub(crate) open: bool,
    /// Of a program that no plan speaks of: whatever exit code it chooses is its own affair.
    pub(crate) any_exit: bool,
}

impl<'a> Wanted<'a> {
    /// Of a command's `_start`, or of a program for js.
    pub(crate) fn of_start(plan: &'a Checked) -> Self {
        let ReadyStart { ending, output, must_end, line, .. } = &plan.start;
        let may_stop = plan.missing_imports == MissingImports::Stop && !must_end;
        Wanted { ending, output, may_stop, open: !must_end, any_exit: line.is_none() }
    }

    /// What to do about a step that ended otherwise.
    fn hint(&self, step: &Step, stop: &Stop, seen: &Seen<'_>) -> Option<&'static str> {
        match stop {
            Stop::Missing(_) if step.kind == StepKind::Call => Some(SUPPLY),
            Stop::Missing(_) => Some(STOP),
            Stop::OutOfSteps => Some(STEPS),
            Stop::Exit(_) if of_js(seen) => Some(GLOBALS),
            Stop::Exit(_) if self.open && !died(seen) => Some(GIVE),
            _ => None,
        }
    }
}

/// Whether Go's runtime ended the program, after a panic or a fatal error, and said so.
fn died(seen: &Seen<'_>) -> bool {
    seen.stderr.contains("\ngoroutine ") || seen.stderr.contains("fatal error: ")
}

/// Whether a program for js did not find what it looked for.
fn of_js(seen: &Seen<'_>) -> bool {
    seen.stderr.contains("panic: syscall/js: call of ")
        || seen.stderr.contains("panic: JavaScript error: ")
}

const SUPPLY: &str = "supply it with a [[host]] of a plan, for js in its [js]";
const STOP: &str = "supply it with a [[host]] of a plan, for js in its [js], or verify only what comes before this call: \
                    `--missing-imports stop`, in a plan `missing_imports = \"stop\"`";
pub(crate) const GIVE: &str = "without a plan a program gets its name, no arguments, no files and no input: `[world]` and \
                    `[[dir]]` of a plan give it more, and `exits` in `[start]` says how it ends";
const GLOBALS: &str = "a program for a certain host finds what that host has in a plan: `[js]` with a `script` that \
                       sets `globalThis.NAME`";
const STEPS: &str =
    "raise it with `--step-limit COUNT`; a `step_limit` of the plan is a limit as well";

/// Fills in what came back, whose comparison with what was wanted is done, and, when it is not what was wanted, why the step failed.
pub(crate) fn judge(
    mut step: Step,
    wanted: &Wanted<'_>,
    result: Result<&[Val], &Stop>,
    compared: Result<Option<String>, String>,
    seen: &Seen<'_>,
) -> Step {
    step.returned = result.ok().and_then(value::show_all);
    match result {
        Err(Stop::Missing(import)) if wanted.may_stop => step.stopped_at = Some(import.clone()),
        Err(Stop::Exit(code)) => step.exit_code = Some(*code),
        Err(Stop::Waits) => step.waits = true,
        Ok(_) | Err(Stop::Engine(_)) => {}
        Err(stop) => step.trap = Some(stop.to_string()),
    }
    let reason = match (wanted.ending, result) {
        (_, Err(Stop::Missing(_))) if wanted.may_stop => None,
        (_, Err(Stop::Waits)) if wanted.open => None,
        // A program that is given nothing may well say how it wants to be called, and exit with 2.
        (_, Err(Stop::Exit(_))) if wanted.any_exit && !died(seen) => None,
        (_, Err(stop @ Stop::Waits)) => Some(format!("{stop}, and was to end")),
        // The module is not what ended, unless the plan names the very limit.
        (ReadyEnding::Traps(text), Err(Stop::Engine(why)))
            if !text.is_empty() && why.contains(text.as_str()) =>
        {
            step.trap = Some(why.clone());
            None
        }
        (
            _,
            Err(stop @ (Stop::Engine(_) | Stop::OutOfSteps | Stop::OutOfTime | Stop::Interrupted)),
        ) => Some(stop.to_string()),
        (ReadyEnding::Returns(_), Ok(_)) => match compared {
            Ok(shown) => {
                step.returned = shown.or(step.returned);
                None
            }
            Err(why) => Some(why),
        },
        (ReadyEnding::Traps(text), Err(stop @ (Stop::Trap(_) | Stop::Missing(_)))) => {
            let trap = stop.to_string();
            let found = trap.contains(text.as_str()) || seen.stderr.contains(text);
            (!found).then(|| {
                format!("trapped, but {text:?} is neither in its words nor in stderr: {trap}")
            })
        }
        (ReadyEnding::Exits(wanted), Err(Stop::Exit(code))) => {
            (wanted != code).then(|| format!("exited with {code}, {wanted} was wanted"))
        }
        (ReadyEnding::Traps(_), Ok(_)) => Some("returned, a trap was wanted".to_owned()),
        (ReadyEnding::Traps(_), Err(Stop::Exit(code))) => {
            Some(format!("exited with {code}, a trap was wanted"))
        }
        (ReadyEnding::Exits(wanted), Ok(_)) => {
            Some(format!("returned, an exit with {wanted} was wanted"))
        }
        (_, Err(Stop::Exit(code))) => Some(format!("exited with {code}")),
        (_, Err(stop @ (Stop::Trap(_) | Stop::Missing(_)))) => Some(format!("trapped: {stop}")),
    };
    let failed = result.err().filter(|_| reason.is_some());
    let hint = failed.and_then(|stop| wanted.hint(&step, stop, seen));
    step.hint = hint.map(str::to_owned);
    match reason.or_else(|| differs(wanted.output, seen)) {
        None => step,
        Some(reason) if seen.memory_denied && result.is_err() => {
            step.failed(format!("{reason} (the memory limit was reached)"))
        }
        Some(reason) => step.failed(reason),
    }
}

/// A command that returned from `_start` has ended well, as one that exited with 0.
pub(crate) fn as_exit(result: Result<Vec<Val>, Stop>) -> Result<Vec<Val>, Stop> {
    match result {
        Ok(_) => Err(Stop::Exit(0)),
        stop => stop,
    }
}

/// How what was written differs from what the plan wants.
fn differs(wanted: &Output, seen: &Seen<'_>) -> Option<String> {
    if let Some(text) = &wanted.stdout
        && !seen.stdout.is(text)
    {
        return Some(format!("stdout is not {text:?}"));
    }
    if let Some(text) = &wanted.stderr
        && !seen.stderr.is(text)
    {
        return Some(format!("stderr is not {text:?}"));
    }
    if let Some(reason) = calls_differ(wanted.host_calls.as_deref(), seen.host_calls) {
        return Some(reason);
    }
    let contains = [
        ("stdout", seen.stdout, &wanted.stdout_contains),
        ("stderr", seen.stderr, &wanted.stderr_contains),
    ];
    contains.into_iter().find_map(|(name, captured, text)| {
        let text = text.as_ref().filter(|text| !captured.contains(text))?;
        Some(format!("{text:?} is not in {name}"))
    })
}

fn calls_differ(wanted: Option<&[String]>, found: &[String]) -> Option<String> {
    let wanted = wanted?;
    let differ = wanted.iter().zip(found).position(|(wanted, found)| wanted != found);
    match differ.unwrap_or(wanted.len().min(found.len())) {
        at if at < wanted.len() && at < found.len() => {
            let (wanted, found) = (&wanted[at], &found[at]);
            Some(format!("host call {} was {found}, {wanted} was wanted", at + 1))
        }
        at if at < wanted.len() => Some(format!("the host call {} was not made", wanted[at])),
        at if at < found.len() => Some(format!("the host call {} was made as well", found[at])),
        _ => None,
    }
}

/// Compares a result with what was wanted: what it points at is returned as shown, a difference as
/// the end of a sentence.
pub(crate) fn compare(
    wanted: &ReadyReturned,
    found: Option<&Val>,
    guest: &mut dyn Guest,
) -> Result<Option<String>, String> {
    let Some(found) = found else { return Err("returned nothing".to_owned()) };
    let address = || found.i32().unwrap_or(0) as u32;
    match wanted {
        ReadyReturned::Value(value) if value::same(value, found) => Ok(None),
        ReadyReturned::Exact(value) if value == found => Ok(None),
        &ReadyReturned::Near { value, within } if value::near(found, value, within) => Ok(None),
        ReadyReturned::Near { value, within } => {
            Err(format!("returned {}, {value:?} within {within:?} was wanted", value::show(found)))
        }
        ReadyReturned::Exact(value) => {
            let bits = |value| value::show_bits(value);
            Err(format!("returned {}, {} was wanted", bits(found), bits(value)))
        }
        ReadyReturned::Value(value) => {
            Err(format!("returned {}, {} was wanted", value::show(found), value::show(value)))
        }
        ReadyReturned::At(bytes) => {
            same_bytes(bytes, &returned(guest, address(), bytes.bytes.len() as u32)?)
        }
        ReadyReturned::CString(bytes) => match c_string(guest, address()) {
            Some(found) => same_bytes(bytes, &found),
            None => Err(format!("returned {:#x}, where no zero byte follows", address())),
        },
        ReadyReturned::Packed(bytes) => {
            let packed = found.i64().unwrap_or(0) as u64;
            let (address, length) = ((packed >> 32) as u32, packed as u32);
            same_bytes(bytes, &returned(guest, address, length)?)
        }
    }
}

/// What stands before the next zero byte.
fn c_string(guest: &mut dyn Guest, address: u32) -> Option<Vec<u8>> {
    const PIECE: u64 = 4096;
    let (mut found, mut at) = (Vec::new(), address);
    loop {
        let left = guest.memory_bytes().checked_sub(at.into())?;
        let piece = guest.bytes(at, left.min(PIECE) as u32)?;
        if let Some(end) = memchr::memchr(0, &piece) {
            found.extend_from_slice(&piece[..end]);
            return Some(found);
        }
        if piece.is_empty() {
            return None;
        }
        at = at.checked_add(piece.len() as u32)?;
        found.extend(piece);
    }
}

/// Whether memory holds what the plan wants; the error is the end of a sentence.
pub(crate) fn holds(guest: &mut dyn Guest, address: u32, wanted: &Bytes) -> Result<(), String> {
    let length = wanted.bytes.len();
    let found = guest.bytes(address, length as u32).ok_or_else(|| outside(length, address))?;
    if found == wanted.bytes {
        return Ok(());
    }
    let (found, wanted) = (show(&found, wanted.text), show(&wanted.bytes, wanted.text));
    Err(format!("at {address:#x} there is {found}, {wanted} was wanted"))
}

pub(crate) fn outside(length: usize, address: u32) -> String {
    format!("{length} bytes at {address:#x} lie outside of the module's memory")
}

fn returned(guest: &mut dyn Guest, address: u32, length: u32) -> Result<Vec<u8>, String> {
    guest.bytes(address, length).ok_or_else(|| {
        format!("returned {length} bytes at {address:#x}, which lie outside of the module's memory")
    })
}

fn same_bytes(wanted: &Bytes, found: &[u8]) -> Result<Option<String>, String> {
    let shown = show(found, wanted.text);
    if wanted.bytes == found {
        return Ok(Some(shown));
    }
    Err(format!("returned {shown}, {} was wanted", show(&wanted.bytes, wanted.text)))
}

fn show(bytes: &[u8], text: bool) -> String {
    const SHOWN: usize = 200;
    let (head, rest) = bytes.split_at(bytes.len().min(SHOWN));
    let more =
        if rest.is_empty() { String::new() } else { format!(" and {} bytes more", rest.len()) };
    match text {
        true => format!("{:?}{more}", String::from_utf8_lossy(head)),
        false => {
            let hex: Vec<_> = head.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("bytes {}{more}", hex.join(" "))
        }
    }
}
