//! How much is done to make a module small: the levels, and what a user keeps at the last of them.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// Nothing: the bytes are those of Go's linker.
    #[default]
    None,
    /// What cannot be observed: tracebacks, names and line numbers are the same.
    Safe,
    /// And what costs something that a deployed module seldom needs, but for what is kept.
    Small(Keep),
}

/// What [`Size::Small`] would give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The name section, from which engines name functions.
    pub names: bool,
    /// Files and lines of tracebacks, `runtime.Caller` and panics.
    pub lines: bool,
    /// Inlined calls as frames of their own in tracebacks and `runtime.Callers`.
    pub inlined: bool,
    /// The values of arguments in tracebacks.
    pub arguments: bool,
    /// A body for each function, so that tracebacks never name one function for another.
    pub bodies: bool,
}

/// The names of what can be kept, in the order in which they are shown.
const KEEPABLE: [&str; 5] = ["names", "lines", "inlined", "arguments", "bodies"];

impl Keep {
    fn of(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "names" => Some(&mut self.names),
            "lines" => Some(&mut self.lines),
            "inlined" => Some(&mut self.inlined),
            "arguments" => Some(&mut self.arguments),
            "bodies" => Some(&mut self.bodies),
            _ => None,
        }
    }
}

impl Size {
    /// Whether anything is to be smaller than with Go.
    pub fn shrinks(self) -> bool {
        self != Size::None
    }

    pub fn keeps_names(self) -> bool {
        self.keep().names
    }

    pub fn keeps_lines(self) -> bool {
        self.keep().lines
    }

    pub fn keeps_inlined(self) -> bool {
        self.keep().inlined
    }

    pub fn keeps_arguments(self) -> bool {
        self.keep().arguments
    }

    pub fn keeps_bodies(self) -> bool {
        self.keep().bodies
    }

    fn keep(self) -> Keep {
        match self {
            Size::None | Size::Safe => {
                Keep { names: true, lines: true, inlined: true, arguments: true, bodies: true }
            }
            Size::Small(keep) => keep,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::None => f.write_str("none"),
            Size::Safe => f.write_str("safe"),
            Size::Small(keep) => {
                let mut keep = *keep;
                f.write_str("small")?;
                let kept = KEEPABLE.iter().filter(|name| keep.of(name).is_some_and(|kept| *kept));
                kept.into_iter().try_for_each(|name| write!(f, "+{name}"))
            }
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('+');
        let level = parts.next().unwrap_or_default();
        let kept: Vec<&str> = parts.collect();
        match level {
            "none" | "safe" if !kept.is_empty() => {
                Err(format!("{level} keeps everything: only small takes `+{}`", kept.join("+")))
            }
            "none" => Ok(Size::None),
            "safe" => Ok(Size::Safe),
            "small" => {
                let mut keep = Keep::default();
                for name in kept {
                    *keep.of(name).ok_or_else(|| {
                        format!("small cannot keep {name:?}: known are {}", KEEPABLE.join(", "))
                    })? = true;
                }
                Ok(Size::Small(keep))
            }
            _ => Err(format!("unknown level {level:?}: known are none, safe and small")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_they_are_shown() {
        for text in ["none", "safe", "small", "small+names", "small+lines+inlined+bodies"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        let twice: Size = "small+lines+names+lines".parse().unwrap();
        assert_eq!(twice.to_string(), "small+names+lines");
        for (text, part) in [
            ("tiny", "known are none, safe and small"),
            ("safe+lines", "only small takes `+lines`"),
            (
                "small+colours",
                "small cannot keep \"colours\": known are names, lines, inlined, \
             arguments, bodies",
            ),
            ("small+", "cannot keep \"\""),
        ] {
            let why = text.parse::<Size>().unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
}
