//! A persistent worker: one process to which Bazel, or a remote worker, hands action after action, several at a
//! time. Messages are those of Bazel's worker_protocol.proto, each behind its length. Nothing is kept from one
//! action for the next, so the memory is that of the actions at work.

use prost::Message;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// An action to perform, or the wish to end one.
#[derive(Clone, PartialEq, Message)]
pub struct WorkRequest {
    #[prost(string, repeated, tag = "1")]
    pub arguments: Vec<String>,
    #[prost(int32, tag = "3")]
    request_id: i32,
    #[prost(bool, tag = "4")]
    cancel: bool,
    /// Where relative paths begin, seen from where the worker was started; empty for there itself.
    #[prost(string, tag = "6")]
    pub sandbox_dir: String,
}

#[derive(Clone, PartialEq, Message)]
struct WorkResponse {
    #[prost(int32, tag = "1")]
    exit_code: i32,
    #[prost(string, tag = "2")]
    output: String,
    #[prost(int32, tag = "3")]
    request_id: i32,
    #[prost(bool, tag = "4")]
    was_cancelled: bool,
}

/// What came of an action: its exit code, and what the user reads.
pub struct Performed {
    pub exit_code: u8,
    pub output: String,
}

/// No command line is as long.
const MAX_REQUEST: usize = 256 << 20;

/// Performs what comes in, each request in a thread of its own, until the input ends.
pub fn serve(
    mut input: impl Read,
    output: impl Write + Send,
    perform: impl Fn(&WorkRequest, &AtomicBool) -> Performed + Sync,
) -> io::Result<()> {
    let output = Mutex::new(output);
    let running: Mutex<HashMap<i32, Arc<AtomicBool>>> = Mutex::default();
    let running = || running.lock().unwrap_or_else(PoisonError::into_inner);
    let (perform, output, running) = (&perform, &output, &running);
    thread::scope(|scope| {
        while let Some(request) = read(&mut input)? {
            let id = request.request_id;
            if request.cancel {
                // One that has ended meanwhile was answered.
                if let Some(cancel) = running().get(&id) {
                    cancel.store(true, Ordering::SeqCst);
                }
                continue;
            }
            let cancel = Arc::new(AtomicBool::new(false));
            running().insert(id, cancel.clone());
            scope.spawn(move || {
                let performed = catch_unwind(AssertUnwindSafe(|| perform(&request, &cancel)));
                let performed = performed.unwrap_or_else(|_| Performed {
                    exit_code: 1,
                    output: "error: gowasm panicked; the worker's log says where\n".to_owned(),
                });
                running().remove(&id);
                let response = WorkResponse {
                    exit_code: performed.exit_code.into(),
                    output: performed.output,
                    request_id: id,
                    was_cancelled: cancel.load(Ordering::SeqCst),
                };
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                // Whoever no longer listens does not wait for it either.
                let _ = output
                    .write_all(&response.encode_length_delimited_to_vec())
                    .and_then(|()| output.flush());
            });
        }
        // Nobody waits for the rest.
        running().values().for_each(|cancel| cancel.store(true, Ordering::SeqCst));
        Ok(())
    })
}

fn read(input: &mut impl Read) -> io::Result<Option<WorkRequest>> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut head = Vec::new();
    loop {
        let mut byte = [0];
        match input.read_exact(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && head.is_empty() => {
                return Ok(None);
            }
            read => read?,
        }
        head.push(byte[0]);
        if byte[0] < 0x80 || head.len() == 10 {
            break;
        }
    }
    let length = prost::decode_length_delimiter(head.as_slice())
        .map_err(|error| invalid(error.to_string()))?;
    if length > MAX_REQUEST {
        return Err(invalid(format!("a request of {length} bytes")));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let request = WorkRequest::decode(body.as_slice());
    request.map(Some).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    fn request(id: i32, word: &str) -> Vec<u8> {
        let arguments = vec![word.to_owned()];
        WorkRequest { arguments, request_id: id, ..Default::default() }
            .encode_length_delimited_to_vec()
    }

    /// What comes in, and does not end before so many answers went out.
    struct Input<'a> {
        bytes: &'a [u8],
        answers: usize,
        flushed: &'a AtomicUsize,
    }

    impl Read for Input<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            while self.bytes.is_empty() && self.flushed.load(Ordering::SeqCst) < self.answers {
                thread::sleep(Duration::from_millis(1));
            }
            self.bytes.read(buffer)
        }
    }

    struct Output<'a> {
        bytes: &'a mut Vec<u8>,
        flushed: &'a AtomicUsize,
    }

    impl Write for Output<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushed.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    fn responses(requests: &[u8], answers: usize) -> io::Result<Vec<WorkResponse>> {
        let (mut written, flushed) = (Vec::new(), AtomicUsize::new(0));
        let input = Input { bytes: requests, answers, flushed: &flushed };
        let output = Output { bytes: &mut written, flushed: &flushed };
        serve(input, output, |request, cancel| {
            match request.arguments[0].as_str() {
                "panic" => panic!("as asked"),
                "wait" => {
                    while !cancel.load(Ordering::SeqCst) {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                _ => {}
            }
            Performed { exit_code: 0, output: request.arguments[0].clone() }
        })?;
        let mut rest = written.as_slice();
        let mut all = Vec::new();
        while !rest.is_empty() {
            all.push(WorkResponse::decode_length_delimited(&mut rest).unwrap());
        }
        all.sort_by_key(|response: &WorkResponse| response.request_id);
        Ok(all)
    }

    #[test]
    fn many_are_performed_at_once_and_each_is_answered() {
        // The first one ends when it is cancelled, after the others were read.
        let cancel = WorkRequest { request_id: 1, cancel: true, ..Default::default() };
        let late = WorkRequest { request_id: 9, cancel: true, ..Default::default() };
        let (cancel, late) =
            (cancel.encode_length_delimited_to_vec(), late.encode_length_delimited_to_vec());
        let long = "x".repeat(1000);
        let all = [request(1, "wait"), request(2, &long), request(3, "panic"), cancel, late];
        let answered = responses(&all.concat(), 3).unwrap();
        let ids: Vec<_> = answered.iter().map(|it| (it.request_id, it.was_cancelled)).collect();
        assert_eq!(ids, [(1, true), (2, false), (3, false)]);
        assert_eq!(answered[1].output, long);
        assert_eq!(answered[2].exit_code, 1);
    }

    #[test]
    fn what_is_no_request_ends_the_worker() {
        assert!(responses(&[0xff; 10], 0).is_err());
        assert!(responses(&[0x05, 0x00], 0).is_err());
        let mut long = Vec::new();
        prost::encode_length_delimiter(MAX_REQUEST + 1, &mut long).unwrap();
        assert!(responses(&long, 0).is_err());
    }
}
