//! How much a guard refuses.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guard {
    /// There is no guard.
    None,
    /// Calls before the initialisation and after a trap. After an exit the next call goes through, as
    /// without a guard: for hosts that keep an instance whose program exited.
    AllowExit,
    /// Calls after an exit as well: a program that exited left its locks held and its stack as it was.
    #[default]
    Full,
}

impl Guard {
    pub fn as_str(self) -> &'static str {
        match self {
            Guard::None => "none",
            Guard::AllowExit => "allow-exit",
            Guard::Full => "full",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Guard {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Guard::Full, Guard::AllowExit, Guard::None]
            .into_iter()
            .find(|level| level.as_str() == word)
            .ok_or_else(|| format!("a guard is full, allow-exit or none, not `{word}`"))
    }
}
