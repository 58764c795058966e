use std::process::ExitCode;

fn main() -> ExitCode {
    gowasm::cargo_gowasm()
}
