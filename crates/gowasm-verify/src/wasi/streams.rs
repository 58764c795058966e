//! The standard streams: kept for a verdict, or the process's own.

use std::io::{self, Read, Write};

/// Each of stdout and stderr is kept up to this; what goes beyond is only counted.
const KEPT: usize = 1 << 20;

/// What a program wrote to one stream.
#[derive(Debug, Default, Clone)]
pub(crate) struct Captured {
    kept: Vec<u8>,
    dropped: u64,
}

impl Captured {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let room = bytes.len().min(KEPT - self.kept.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        memchr::memmem::find(&self.kept, text.as_bytes()).is_some()
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.dropped == 0 && self.kept == text.as_bytes()
    }

    /// As text; nothing when nothing was written.
    pub(crate) fn text(&self) -> Option<String> {
        if self.kept.is_empty() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.dropped > 0 {
            text.push_str(&format!("\n[{} bytes more were not kept]\n", self.dropped));
        }
        Some(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    In,
    Out,
    Err,
}

/// The three streams of one instance.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    /// Standard input is the process's own, and what is written goes where the process writes.
    pub(crate) live: bool,
}

impl Streams {
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        match (stream, self.live) {
            (Stream::In, _) => Err(io::ErrorKind::PermissionDenied.into()),
            (Stream::Out, false) => {
                self.stdout.write(bytes);
                Ok(())
            }
            (Stream::Err, false) => {
                self.stderr.write(bytes);
                Ok(())
            }
            (Stream::Out, true) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            (Stream::Err, true) => io::stderr().lock().write_all(bytes),
        }
    }

    /// Standard input of a verification is empty.
    pub(crate) fn read(&mut self, stream: Stream, into: &mut [u8]) -> io::Result<usize> {
        match (stream, self.live) {
            (Stream::In, true) => io::stdin().lock().read(into),
            (Stream::In, false) => Ok(0),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.stdout = Captured::default();
        self.stderr = Captured::default();
    }
}
