//! How small modules become, and in how much time, beside `go tool link` and `wasm-opt -Oz`.

use super::Findings;
use super::inputs::{self, Case};
use super::measure::{in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let scratch = tempfile::tempdir()?;
    let mut table = Table::new([
        "program",
        "names",
        "go tool link",
        "safe",
        "ratio",
        "gzip -9",
        "zstd -19",
        "small",
        "ratio",
        "gzip -9",
        "zstd -19",
        "link",
        "link, safe",
        "link, small",
        "wasm-opt -Oz",
        "its ratio",
        "its time",
    ]);
    for case in inputs::record(scratch.path())? {
        for (names, flags) in [("kept", &[][..]), ("-s", &["-s"])] {
            table.row(compare(&gowasm, &case, names, flags, scratch.path())?);
        }
        eprintln!("measured: {}", case.name);
    }
    let go = tools::NEWEST_GO;
    let peer = match Command::new(WASM_OPT).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => "no wasm-opt on the path".to_owned(),
    };
    let conditions = format!("Go {go}, medians; bytes of the module; {peer}");
    Ok(Findings { conditions, table })
}

fn compare(
    gowasm: &Path,
    case: &Case,
    names: &str,
    flags: &[&str],
    scratch: &Path,
) -> Result<[String; 17]> {
    let [whole, safe, small] =
        ["whole", "safe", "small"].map(|name| scratch.join(name).with_extension("wasm"));
    let link = |flags: &[&str], output: &Path| {
        let mut command = inputs::ours(gowasm);
        case.apply(&mut command, flags, output);
        measure(&mut command)
    };
    // Our linker's bytes without a level are those of Go's.
    let leveled = |level: &'static str, output| link(&[&[level], flags].concat(), output);
    let (plain, safe_time) = in_turn(9, || link(flags, &whole), || leveled("-size=safe", &safe))?;
    let (_, small_time) = in_turn(9, || link(flags, &whole), || leveled("-size=small", &small))?;
    let before = fs::metadata(&whole)?.len();
    let packed = [gzip(&whole)?, zstd(&whole)?];
    let sizes = |module: &Path| -> Result<[String; 4]> {
        let bytes = fs::metadata(module)?.len();
        let of = |ours: usize, theirs: usize| ratio(ours as f64 / theirs as f64);
        let [gzip, zstd] = [of(gzip(module)?, packed[0]), of(zstd(module)?, packed[1])];
        Ok([bytes.to_string(), ratio(bytes as f64 / before as f64), gzip, zstd])
    };
    let peer = wasm_opt(&whole, &scratch.join("peer.wasm"))?;
    let [peer_bytes, peer_ratio, peer_time] = match peer {
        Some((bytes, time)) => {
            [bytes.to_string(), ratio(bytes as f64 / before as f64), seconds(time)]
        }
        None => ["", "", ""].map(str::to_owned),
    };
    let times = [plain, safe_time, small_time].map(|samples| seconds(samples.wall()));
    let row = [vec![case.name.clone(), names.to_owned(), before.to_string()]]
        .into_iter()
        .chain([sizes(&safe)?.to_vec(), sizes(&small)?.to_vec(), times.to_vec()])
        .chain([vec![peer_bytes, peer_ratio, peer_time]]);
    let row: Vec<String> = row.flatten().collect();
    row.try_into().map_err(|_| anyhow::anyhow!("a row of another length"))
}

fn ratio(value: f64) -> String {
    format!("{value:.3}")
}

fn gzip(file: &Path) -> Result<usize> {
    let output = Command::new("gzip").args(["-9", "-c"]).arg(file).output();
    Ok(output.context("cannot start gzip")?.stdout.len())
}

fn zstd(file: &Path) -> Result<usize> {
    let output = Command::new("zstd").args(["-19", "-q", "-c"]).arg(file).output();
    Ok(output.context("cannot start zstd")?.stdout.len())
}

const WASM_OPT: &str = "wasm-opt";
/// What Go emits: with more, wasm-opt makes code that not every engine takes.
const FEATURES: [&str; 4] = [
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

/// Bytes and time of the peer, where it is on the path.
fn wasm_opt(module: &Path, output: &Path) -> Result<Option<(u64, f64)>> {
    if Command::new(WASM_OPT).arg("--version").output().is_err() {
        return Ok(None);
    }
    let mut command = Command::new(WASM_OPT);
    command.arg("-Oz").args(FEATURES).arg(module).arg("-o").arg(output);
    let sample = measure(&mut command)?;
    Ok(Some((fs::metadata(output)?.len(), sample.wall)))
}
