//! The command line of Go's compiler, taken apart: which files it reads and writes, and what it records
//! of where they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What `go` gives the compiler. Everything else is left to a compiler here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The flags that name no file, as they are.
    pub(super) flags: Vec<String>,
    pub(super) import_path: String,
    pub(super) archive: PathBuf,
    pub(super) assembly_header: Option<PathBuf>,
    pub(super) importcfg: Option<PathBuf>,
    pub(super) embedcfg: Option<PathBuf>,
    pub(super) symabis: Option<PathBuf>,
    pub(super) profile: Option<PathBuf>,
    pub(super) folders: Vec<Folder>,
}

/// Sources whose names differ after the last slash only.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// As the command line has it, with the slash.
    pub(super) spelled: String,
    /// What the compiler records of it.
    pub(super) recorded: String,
    pub(super) files: Vec<String>,
}

/// Flags that stand alone or with `=VALUE` and mean the same on every machine.
const PASSED: [&str; 22] = [
    "std",
    "complete",
    "dwarf",
    "nolocalimports",
    "pack",
    "lang",
    "shared",
    "dynlink",
    "race",
    "N",
    "l",
    "m",
    "e",
    "B",
    "C",
    "L",
    "S",
    "live",
    "spectre",
    "wb",
    "d",
    "linkshared",
];

impl Invocation {
    /// An error says what an action cannot tell.
    pub(super) fn parse(arguments: &[OsString], started_in: &Path) -> Result<Self, String> {
        let mut parsed = Invocation::default();
        let mut trimpath = String::new();
        let mut words = Vec::with_capacity(arguments.len());
        for argument in arguments {
            words.push(argument.to_str().ok_or("an argument is not UTF-8")?);
        }
        let mut words = words.into_iter().peekable();
        while let Some(flag) = words.next_if(|word| word.starts_with('-')) {
            let (name, value) = match flag.trim_start_matches('-').split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag.trim_start_matches('-'), None),
            };
            let mut value_of = || {
                let value = value.or_else(|| words.next());
                value.ok_or_else(|| format!("-{name} has no value"))
            };
            match name {
                "o" => parsed.archive = value_of()?.into(),
                "asmhdr" => parsed.assembly_header = Some(value_of()?.into()),
                "importcfg" => parsed.importcfg = Some(value_of()?.into()),
                "embedcfg" => parsed.embedcfg = Some(value_of()?.into()),
                "symabis" => parsed.symabis = Some(value_of()?.into()),
                "pgoprofile" => parsed.profile = Some(value_of()?.into()),
                "trimpath" => trimpath = value_of()?.to_owned(),
                "p" => parsed.import_path = value_of()?.to_owned(),
                "buildid" | "goversion" => {
                    let value = value_of()?.to_owned();
                    parsed.flags.extend([format!("-{name}"), value]);
                }
                // How many threads it may use changes nothing that it makes.
                "c" => drop(value_of()?),
                _ if PASSED.contains(&name) => parsed.flags.push(flag.to_owned()),
                _ => return Err(format!("-{name} may name a file of this machine")),
            }
        }
        for source in words {
            parsed.add_source(source, started_in, &trimpath)?;
        }
        if parsed.archive.as_os_str().is_empty() || parsed.folders.is_empty() {
            return Err("it compiles nothing".to_owned());
        }
        Ok(parsed)
    }

    fn add_source(
        &mut self,
        source: &str,
        started_in: &Path,
        trimpath: &str,
    ) -> Result<(), String> {
        let (spelled, name) = source.split_at(source.rfind('/').map_or(0, |slash| slash + 1));
        let folder = match self.folders.iter_mut().find(|folder| folder.spelled == spelled) {
            Some(folder) => folder,
            None => {
                let recorded = recorded(&absolute(started_in, spelled), trimpath)
                    .ok_or_else(|| format!("-trimpath leaves {spelled} as it is"))?;
                let folder = Folder { spelled: spelled.to_owned(), recorded, files: Vec::new() };
                self.folders.push(folder);
                self.folders.last_mut().ok_or("a folder was added")?
            }
        };
        // Only an overlay gives a file another name than its folder does.
        let in_folder = match folder.recorded.as_str() {
            "" => name.to_owned(),
            recorded => format!("{recorded}/{name}"),
        };
        if recorded(&absolute(started_in, source), trimpath) != Some(in_folder) {
            return Err(format!("-trimpath renames {source}"));
        }
        folder.files.push(name.to_owned());
        Ok(())
    }
}

/// As Go joins paths: without `.` and `..`, by the words alone.
fn absolute(started_in: &Path, path: &str) -> String {
    let joined = started_in.join(path);
    let mut clean = PathBuf::from("/");
    for part in joined.components() {
        match part {
            std::path::Component::Normal(name) => clean.push(name),
            std::path::Component::ParentDir => drop(clean.pop()),
            _ => {}
        }
    }
    clean.to_string_lossy().into_owned()
}

/// What the compiler records of a path: the first of the `PREFIX=>NAME` of `-trimpath` that fits
/// counts. `None`: none does, and the place on this machine is recorded.
fn recorded(path: &str, trimpath: &str) -> Option<String> {
    trimpath.split(';').find_map(|rule| {
        let (prefix, name) = rule.rsplit_once("=>").unwrap_or((rule, ""));
        let rest = path.strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
        match (rest, name) {
            ("", name) => Some(name.to_owned()),
            (rest, "") => rest.strip_prefix('/').map(str::to_owned),
            (rest, name) => rest.starts_with('/').then(|| format!("{name}{rest}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Invocation::parse(&arguments, Path::new("/home/me/calc"))
    }

    #[test]
    fn takes_apart_what_go_says() {
        let parsed = parse(
            "-o /w/b1/_pkg_.a -trimpath /home/me/calc=>example.com/calc;/w/b1=> -p main \
             -lang=go1.24 -complete -buildid a/b -dwarf=false -goversion go1.26.8 -c=2 \
             -nolocalimports -importcfg /w/b1/importcfg -pack ./main.go /home/me/calc/sub/x.go /w/b1/made.go",
        );
        let parsed = parsed.unwrap();
        let flags = [
            "-lang=go1.24",
            "-complete",
            "-buildid",
            "a/b",
            "-dwarf=false",
            "-goversion",
            "go1.26.8",
            "-nolocalimports",
            "-pack",
        ];
        assert_eq!(parsed.flags, flags);
        assert_eq!(
            (parsed.import_path.as_str(), &parsed.archive),
            ("main", &"/w/b1/_pkg_.a".into())
        );
        assert_eq!(parsed.importcfg, Some("/w/b1/importcfg".into()));
        let folders: Vec<_> = parsed
            .folders
            .iter()
            .map(|folder| (folder.spelled.as_str(), folder.recorded.as_str()))
            .collect();
        let expected = [
            ("./", "example.com/calc"),
            ("/home/me/calc/sub/", "example.com/calc/sub"),
            ("/w/b1/", ""),
        ];
        assert_eq!(folders, expected);
    }

    #[test]
    fn leaves_the_rest_to_a_compiler_here() {
        for (line, why) in [
            ("-o a -p main x.go", "-trimpath leaves"),
            ("-o a -trimpath /home/me/cal=>x x.go", "-trimpath leaves"),
            ("-o a -trimpath /home/me/calc/x.go=>y.go;/home/me/calc=>c x.go", "-trimpath renames"),
            ("-o a -trimpath /home/me/calc=>c -cpuprofile p x.go", "-cpuprofile may name a file"),
            ("-o a -trimpath /home/me/calc=>c", "it compiles nothing"),
            ("-o", "-o has no value"),
        ] {
            let said = parse(line).unwrap_err();
            assert!(said.starts_with(why), "{line}: {said}");
        }
    }
}
