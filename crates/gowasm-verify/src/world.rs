//! What a module finds around itself: arguments, environment, directories, clock and streams.

use std::path::PathBuf;

/// The default is the world of a verification: nothing is there, and nothing differs from run to run.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The program's name first. In a verification `None` is what hosts give that were told nothing: its
    /// name to a command, and nothing to a reactor.
    pub args: Option<Vec<String>>,
    /// `NAME=value` each.
    pub env: Vec<String>,
    pub dirs: Vec<Preopened>,
    /// The machine's own clock, random numbers and standard streams.
    pub live: bool,
    /// Where the clock of a world that is not live starts, in seconds since 1970.
    pub time: Option<u64>,
    /// Of the random numbers of a world that is not live.
    pub seed: u64,
}

/// A directory that the module may use.
#[derive(Debug, Clone)]
pub struct Preopened {
    /// How the module names it.
    pub guest: String,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub enum Content {
    /// A directory of the machine, with all rights that this process has.
    Host(PathBuf),
    /// These files, by their paths below the directory; every instance gets them anew.
    Files(Vec<(String, Vec<u8>)>),
}
