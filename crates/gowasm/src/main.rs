use std::process::ExitCode;

fn main() -> ExitCode {
    gowasm::gowasm()
}
