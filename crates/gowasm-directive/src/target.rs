//! What a module is built for.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The operating system that Go builds for; the architecture is always wasm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goos {
    Wasip1,
    Js,
}

impl Goos {
    pub fn as_str(self) -> &'static str {
        match self {
            Goos::Wasip1 => "wasip1",
            Goos::Js => "js",
        }
    }
}

/// `exe` gives a command, `c-shared` a reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildMode {
    Exe,
    CShared,
}

impl BuildMode {
    pub fn as_str(self) -> &'static str {
        match self {
            BuildMode::Exe => "exe",
            BuildMode::CShared => "c-shared",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    pub goos: Goos,
    pub build_mode: BuildMode,
}

impl Target {
    /// The functions that Go's linker exports by itself.
    pub fn own_functions(self) -> &'static [&'static str] {
        match (self.goos, self.build_mode) {
            (Goos::Wasip1, BuildMode::Exe) => &["_start"],
            (Goos::Wasip1, BuildMode::CShared) => &["_initialize"],
            (Goos::Js, _) => &["run", "resume", "getsp"],
        }
    }

    /// The name under which Go's linker exports the memory.
    pub fn own_memory(self) -> &'static str {
        match self.goos {
            Goos::Wasip1 => "memory",
            Goos::Js => "mem",
        }
    }

    /// The symbols of the runtime's start code that are no names of Go.
    pub(crate) fn start_symbols(self) -> &'static [&'static str] {
        match self.goos {
            Goos::Wasip1 => &[
                "_rt0_wasm_wasip1",
                "_rt0_wasm_wasip1_lib",
                "wasm_pc_f_loop",
                "wasm_pc_f_loop_export",
            ],
            Goos::Js => &[
                "_rt0_wasm_js",
                "wasm_export_run",
                "wasm_export_resume",
                "wasm_export_getsp",
                "wasm_pc_f_loop",
                "wasm_pc_f_loop_export",
            ],
        }
    }

    /// Whether Go's linker exports `name` by itself.
    pub fn owns_export(self, name: &str) -> bool {
        self.own_functions().contains(&name) || self.own_memory() == name
    }
}

/// A word that names no operating system or build mode that Go has for wasm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl FromStr for Goos {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "wasip1" => Ok(Goos::Wasip1),
            "js" => Ok(Goos::Js),
            _ => Err(UnknownWord { word: word.to_owned(), known: "wasip1, js" }),
        }
    }
}

impl FromStr for BuildMode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            // `default` is Go's own word for it.
            "exe" | "default" => Ok(BuildMode::Exe),
            "c-shared" => Ok(BuildMode::CShared),
            _ => Err(UnknownWord { word: word.to_owned(), known: "exe, c-shared" }),
        }
    }
}

impl fmt::Display for Goos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for BuildMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
