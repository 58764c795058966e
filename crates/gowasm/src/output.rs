//! Results, on stdout. A reader that went away is no reason to fail; a disk that is full is one.

use crate::failure::Failure;
use gowasm_diagnostic::printable;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Text for people, whatever names are in it.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    exact(printable::lines(text).as_bytes())
}

/// JSON for programs, which is shown on terminals too.
pub(crate) fn json(text: &str) -> Result<(), Failure> {
    exact(printable::json(text).as_bytes())
}

/// Just these bytes.
pub(crate) fn exact(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::io("write the result to", Path::new("stdout"), &error))
        }
        _ => Ok(()),
    }
}
