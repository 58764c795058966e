//! Constraints in file names: `name_GOOS.go`, `name_GOARCH.go`, `name_GOOS_GOARCH.go`, each with `_test`.

use super::Context;

const SYSTEMS: [&str; 18] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];
const MACHINES: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

pub(super) fn fits(context: &Context, name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    // A file called `linux.go` is for every system: what is before the first underscore does not count.
    let Some(first) = stem.find('_') else { return true };
    let mut words: Vec<&str> = stem[first + 1..].split('_').collect();
    if words.last() == Some(&"test") {
        words.pop();
    }
    let is_system = |word: &str| SYSTEMS.contains(&word);
    let is_machine = |word: &str| MACHINES.contains(&word);
    match words.as_slice() {
        [.., system, machine] if is_system(system) && is_machine(machine) => {
            context.has(system) && context.has(machine)
        }
        [.., word] if is_system(word) || is_machine(word) => context.has(word),
        _ => true,
    }
}
