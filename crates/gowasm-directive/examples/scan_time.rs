//! How long a scan takes: `go list -deps -json PACKAGE | cargo run --release --example scan_time`, with
//! GOOS and GOARCH set.

use gowasm_directive::{GoPackage, scan};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    dir: PathBuf,
    #[serde(default)]
    standard: bool,
    #[serde(default)]
    go_files: Vec<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listed =
        serde_json::Deserializer::from_reader(std::io::stdin().lock()).into_iter::<Listed>();
    let mut packages = Vec::new();
    for listed in listed {
        let Listed { import_path, dir, standard, go_files } = listed?;
        packages.push(GoPackage { import_path, dir, go_files, module: None, standard });
    }
    let files: usize = packages.iter().map(|package| package.go_files.len()).sum();
    let mut times = Vec::new();
    let mut found = 0;
    for _ in 0..21 {
        let start = Instant::now();
        let directives = scan(&packages, &|path| path.display().to_string())
            .map_err(|errors| format!("{errors:?}"))?;
        times.push(start.elapsed());
        found = directives.exports.len() + directives.imports.len();
    }
    times.sort();
    println!(
        "{files} files, {found} directives: median {:?}, fastest {:?}",
        times[times.len() / 2],
        times[0]
    );
    Ok(())
}
