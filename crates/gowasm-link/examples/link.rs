//! Links as `go tool link` would: `cargo run --example link -- -o out.wasm -importcfg cfg main.a`.

use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

fn main() -> ExitCode {
    let linked = gowasm_link::Options::parse(std::env::args_os().skip(1))
        .and_then(|options| gowasm_link::link(&options, &AtomicBool::new(false)));
    match linked {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
    }
}
