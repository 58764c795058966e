//! Whole links of a real program, one of whose archives has some bytes changed. An error is fine;
//! a panic, an endless loop or unbounded memory is not.
//!
//! The input is a list of changes: which archive (2 bytes), where (3 bytes), the new byte. A place
//! counts from the object's tables, and the small archives, and those of the program itself, are
//! chosen more often: that is where a change meets a check.
#![no_main]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use gowasm_link::Options;
use libfuzzer_sys::fuzz_target;

struct Inputs {
    archives: Vec<(File, Vec<u8>)>,
    arguments: Vec<String>,
}

/// The archives, in a copy of this process's own, smallest first.
fn inputs() -> &'static Inputs {
    static INPUTS: OnceLock<Inputs> = OnceLock::new();
    INPUTS.get_or_init(|| {
        let given = std::env::var_os("GOWASM_FUZZ_INPUTS").expect("run.sh names the inputs");
        let given = PathBuf::from(given);
        let own = std::env::temp_dir().join(format!("gowasm-fuzz-{}", std::process::id()));
        fs::create_dir_all(&own).expect("a folder for the copies");
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        for entry in fs::read_dir(&given).expect("prepare.sh makes the inputs") {
            let path = entry.expect("the inputs can be listed").path();
            if path.extension().is_some_and(|extension| extension == "a") {
                files.push((path.clone(), fs::read(&path).expect("an input can be read")));
            }
        }
        files.sort_by_key(|(path, bytes)| (!path.ends_with("main.a"), bytes.len()));
        let config = fs::read_to_string(given.join("importcfg")).expect("an importcfg");
        let config = config.replace(&given.display().to_string(), &own.display().to_string());
        fs::write(own.join("importcfg"), config).expect("its copy");
        let archives = files.into_iter().map(|(path, bytes)| {
            let copy = own.join(path.file_name().expect("an archive has a name"));
            fs::write(&copy, &bytes).expect("a copy of an archive");
            let file = File::options().write(true).open(copy).expect("the copy opens");
            (file, bytes)
        });
        let shown = |name: &str| own.join(name).display().to_string();
        let [config, output, main] = ["importcfg", "out.wasm", "main.a"].map(shown);
        let arguments = ["-o", &output, "-importcfg", &config, "-buildmode=c-shared", &main];
        Inputs {
            archives: archives.collect(),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
        }
    })
}

fuzz_target!(|bytes: &[u8]| {
    let inputs = inputs();
    let mut changed = Vec::new();
    for change in bytes.chunks_exact(6).take(64) {
        let which = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // Half of all changes are in the program's own archive.
        let which = if which % 2 == 0 { 0 } else { which / 2 % inputs.archives.len() };
        let (file, original) = &inputs.archives[which];
        let place = u32::from_le_bytes([change[2], change[3], change[4], 0]) as usize;
        let place = place % original.len();
        file.write_all_at(&change[5..], place as u64).expect("the copy can be changed");
        changed.push((which, place));
    }
    let arguments = inputs.arguments.iter().map(Into::into);
    if let Ok(options) = Options::parse(arguments) {
        let _ = gowasm_link::link(&options, &AtomicBool::new(false));
    }
    for (which, place) in changed {
        let (file, original) = &inputs.archives[which];
        file.write_all_at(&original[place..=place], place as u64).expect("and changed back");
    }
});
