//! How hard to try.

use std::fmt;
use std::str::FromStr;

/// As `wasm-opt` names them: `O1` to `O4` for speed, `Os` and `Oz` for size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    O1,
    O2,
    O3,
    O4,
    Os,
    Oz,
}

const ALL: [Level; 6] = [Level::O1, Level::O2, Level::O3, Level::O4, Level::Os, Level::Oz];

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        ALL.into_iter()
            .find(|level| level.to_string() == name)
            .ok_or_else(|| format!("unknown level {name:?}: known are O1, O2, O3, O4, Os and Oz"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_as_it_is_written() {
        for level in ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert!("O0".parse::<Level>().is_err());
        assert!("-Oz".parse::<Level>().is_err());
    }
}
