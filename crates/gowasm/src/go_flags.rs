//! Flags as `go build` spells them, with one dash or two: `-buildmode=c-shared -o DIR -gcflags=all=-N`.
//! They become flags of clap's kind before clap sees them.

use crate::failure::Failure;
use gowasm_build::{GoFlag, check_go_flag};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Commands that take what `go build` takes.
const COMMANDS: [&str; 2] = ["build", "check"];

#[derive(clap::Args, Default)]
pub(crate) struct GoFlags {
    /// Change to this folder before anything else, as `go -C` does
    #[arg(short = 'C', value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// A further flag of `go build` as one word, with its dash. Each may also be given by itself: -gcflags
    /// -asmflags -mod -modfile -overlay -pgo -cover -toolexec -p -a -x ..
    #[arg(long = "go-flag", value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) passed: Vec<String>,
}

impl GoFlags {
    /// How many processes Go may run at once.
    pub(crate) fn at_once(&self) -> Option<std::num::NonZeroUsize> {
        let value = |flag: &String| flag.trim_start_matches('-').strip_prefix("p=")?.parse().ok();
        self.passed.iter().rev().find_map(value)
    }
}

/// The same arguments with Go's flags as clap knows them.
pub(crate) fn spelled_for_clap(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Some(command) = command_of(&arguments) else { return Ok(arguments) };
    let mut arguments = arguments.into_iter();
    let mut spelled: Vec<OsString> = arguments.by_ref().take(command + 1).collect();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            spelled.push(argument);
            break;
        }
        let Some((name, value, flag)) = go_flag(&argument) else {
            spelled.push(argument);
            continue;
        };
        let value = match value {
            None if flag.takes_value() => match arguments.next() {
                Some(value) => Some(value),
                // clap says that it lacks one.
                None => {
                    spelled.push(argument);
                    break;
                }
            },
            value => value.map(OsString::from),
        };
        match flag {
            GoFlag::Ours { takes_value: false } => {
                // A switch: `-v=false` is as if it were not there.
                if value.is_none_or(|value| value != "false") {
                    spelled.push(format!("-{name}").into());
                }
            }
            GoFlag::Ours { .. } => {
                let dashes = if name.len() == 1 { "-" } else { "--" };
                spelled.push(joined(format!("{dashes}{name}"), value));
            }
            GoFlag::Passed { .. } => {
                spelled.push("--go-flag".into());
                spelled.push(joined(format!("-{name}"), value));
            }
            GoFlag::Limited { .. } => {
                let value = value.map(|value| value.to_string_lossy().into_owned());
                check_go_flag(&name, value.as_deref().unwrap_or("true"), None)?;
            }
        }
    }
    spelled.extend(arguments);
    Ok(spelled)
}

/// Where the command is, if it is one that takes these flags: behind gowasm's own, two of which have a
/// value.
fn command_of(arguments: &[OsString]) -> Option<usize> {
    let mut index = 1;
    loop {
        match arguments.get(index)?.to_str()? {
            "--color" | "--message-format" => index += 2,
            flag if flag.starts_with('-') => index += 1,
            command => return COMMANDS.contains(&command).then_some(index),
        }
    }
}

/// A word that is one of Go's flags: its name, and what stands behind `=`.
fn go_flag(argument: &OsStr) -> Option<(String, Option<String>, GoFlag)> {
    let text = argument.to_str()?;
    let flag = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let (name, value) = match flag.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (flag, None),
    };
    Some((name.to_owned(), value, GoFlag::find(name)?))
}

fn joined(flag: String, value: Option<OsString>) -> OsString {
    let mut word = OsString::from(flag);
    if let Some(value) = value {
        word.push("=");
        word.push(value);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(arguments: &[&str]) -> Vec<String> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let spelled = spelled_for_clap(arguments).unwrap();
        spelled.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn go_s_spelling_is_clap_s() {
        assert_eq!(
            spelled(&[
                "gowasm",
                "-q",
                "build",
                "-buildmode",
                "c-shared",
                "-o=a.wasm",
                "-tags",
                "a,b",
                "-v",
                "."
            ]),
            ["gowasm", "-q", "build", "--buildmode=c-shared", "-o=a.wasm", "--tags=a,b", "-v", "."]
        );
        assert_eq!(
            spelled(&[
                "gowasm",
                "build",
                "-ldflags",
                "-s -w",
                "--gcflags=all=-N",
                "-x",
                "-trimpath",
                "--plan=p",
                "--",
                "-race"
            ]),
            [
                "gowasm",
                "build",
                "--ldflags=-s -w",
                "--go-flag",
                "-gcflags=all=-N",
                "--go-flag",
                "-x",
                "--plan=p",
                "--",
                "-race"
            ]
        );
        for others in
            [&["gowasm", "run", "-race"][..], &["gowasm", "test", "-run", "build", "-race"]]
        {
            assert_eq!(spelled(others), others);
        }
        assert_eq!(spelled(&["gowasm", "build", "-v=false", "-o"]), ["gowasm", "build", "-o"]);
    }

    #[test]
    fn what_no_module_has_is_refused_with_a_reason() {
        for flag in ["-race", "--race", "-trimpath=false", "-buildvcs", "-n", "-compiler=gccgo"] {
            let refused = spelled_for_clap(["gowasm", "build", flag].map(OsString::from).to_vec());
            let text = refused.unwrap_err().to_string();
            assert!(
                text.contains("is not for gowasm: ") && text.contains("hint: "),
                "{flag}: {text}"
            );
        }
    }
}
