//! A server of Go's GOCACHEPROG protocol: what the go command compiled is kept in the store, and
//! comes out of it.
//!
//! Go writes lines of JSON; a `put` has its body behind it as one base64 string. Answers may come in
//! any order, so the slow part of each request is done beside the others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use gowasm_store::{Action, ActionResult, Digest, EncodedAction, OutputFile, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;

const OUTPUT: &str = "output";
/// What is under way at once: most of it waits for the network.
const WORKERS: usize = 16;
/// A request without its body.
const LONGEST_LINE: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    #[serde(rename = "ID")]
    id: i64,
    command: String,
    #[serde(rename = "ActionID", default)]
    action_id: Option<String>,
    #[serde(rename = "OutputID", default)]
    output_id: Option<String>,
    #[serde(default)]
    body_size: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    err: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_commands: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    miss: bool,
    #[serde(rename = "OutputID", skip_serializing_if = "Option::is_none")]
    output_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_path: Option<String>,
}

enum Job {
    Get { id: i64, action: EncodedAction },
    Share { action: EncodedAction, result: ActionResult },
}

/// Serves one go command, until it closes or goes away. `warn` is told once of each thing that went
/// wrong without stopping anything.
pub fn cacheprog(
    store: &Store,
    mut input: impl BufRead,
    output: impl Write + Send,
    warn: &(dyn Fn(&str) + Sync),
) -> io::Result<()> {
    let output = Mutex::new(output);
    let answer = |response: &Response| -> io::Result<()> {
        let mut line = serde_json::to_vec(response)?;
        line.push(b'\n');
        let mut output = output.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        output.write_all(&line)?;
        output.flush()
    };
    let pending = Pending::default();
    let (jobs, queue) = mpsc::sync_channel::<Job>(4 * WORKERS);
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recv();
                    let Ok(job) = job else { return };
                    match job {
                        // A go that no longer listens has its end noticed by whoever reads.
                        Job::Get { id, action } => drop(answer(&get(store, id, &action))),
                        Job::Share { action, result } => keep(store, &action, &result, warn),
                    }
                    store.take_warnings().iter().for_each(|warning| warn(&warning.to_string()));
                    pending.done();
                }
            });
        }
        // The workers end when nobody can give them anything any more.
        let jobs = jobs;
        let add = |job| {
            pending.add();
            jobs.send(job).map_err(|_| io::Error::other("the workers are gone"))
        };
        let known_commands = vec!["get", "put", "close"];
        answer(&Response { known_commands, ..Response::default() })?;
        while let Some(request) = read_request(&mut input)? {
            let id = request.id;
            match (request.command.as_str(), &request.action_id) {
                ("get", Some(action)) => match action_of(action) {
                    Ok(action) => add(Job::Get { id, action })?,
                    Err(err) => answer(&Response { id, err, ..Response::default() })?,
                },
                ("put", Some(action)) => {
                    let body = read_body(&mut input, request.body_size, store)?;
                    match put(&request, action, body) {
                        Ok((action, result, digest)) => {
                            let path = store.path_of(&digest);
                            let disk_path = path.map(|path| path.display().to_string());
                            answer(&Response { id, disk_path, ..Response::default() })?;
                            add(Job::Share { action, result })?;
                        }
                        Err(err) => answer(&Response { id, err, ..Response::default() })?,
                    }
                }
                ("close", _) => {
                    pending.wait();
                    answer(&Response { id, ..Response::default() })?;
                    return Ok(());
                }
                (other, _) => {
                    let err = format!("gowasm cacheprog does not know the command `{other}`");
                    answer(&Response { id, err, ..Response::default() })?;
                }
            }
        }
        Ok(())
    })
}

fn read_request(input: &mut impl BufRead) -> io::Result<Option<Request>> {
    loop {
        let mut line = Vec::new();
        input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(serde_json::from_slice(&line)?));
        }
    }
}

/// The body goes straight to the disk, whatever its size.
fn read_body(
    input: &mut impl BufRead,
    size: u64,
    store: &Store,
) -> io::Result<Result<Digest, String>> {
    let words = |error: StoreError| error.to_string();
    if size == 0 {
        return Ok(store.put_bytes(b"").map_err(words));
    }
    let mut first = [0];
    loop {
        input.read_exact(&mut first)?;
        match first[0] {
            b'"' => break,
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return Err(io::Error::other("a body must be a JSON string")),
        }
    }
    let mut quoted = UntilQuote { input, ended: false };
    let decoded = DecoderReader::new(&mut quoted, &STANDARD).take(size + 1);
    let mut decoded = Noted { inner: decoded, fault: None };
    let put = store.put_stream(&mut decoded).map_err(words);
    let fault = decoded.fault.map(|fault| format!("the body is not base64: {fault}"));
    // Whatever became of it, the next request begins behind the body.
    io::copy(&mut quoted, &mut io::sink())?;
    Ok(put.map_err(|error| fault.unwrap_or(error)))
}

/// Remembers that reading failed: writing what was read may fail as well.
struct Noted<R> {
    inner: R,
    fault: Option<String>,
}

impl<R: Read> Read for Noted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| self.fault = Some(error.to_string()))
    }
}

/// What is before the closing quote. Base64 has no characters that JSON escapes.
struct UntilQuote<'a, R> {
    input: &'a mut R,
    ended: bool,
}

impl<R: BufRead> Read for UntilQuote<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let available = self.input.fill_buf()?;
        if available.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let quote = available.iter().position(|byte| *byte == b'"');
        let length = quote.unwrap_or(available.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.ended = quote == Some(length);
        self.input.consume(length + usize::from(self.ended));
        Ok(length)
    }
}

fn put(
    request: &Request,
    action: &str,
    body: Result<Digest, String>,
) -> Result<(EncodedAction, ActionResult, Digest), String> {
    let digest = body?;
    // Go's OutputID is the SHA-256 of the body: what is stored is what Go meant to store.
    let named = request.output_id.as_deref().and_then(|id| STANDARD.decode(id).ok());
    if digest.size != request.body_size || named.is_none_or(|id| id != digest.hash) {
        return Err("the body is not what its OutputID and BodySize say".to_owned());
    }
    let output = OutputFile { path: OUTPUT.to_owned(), digest, executable: false };
    let result = ActionResult { outputs: vec![output], ..ActionResult::default() };
    Ok((action_of(action)?, result, digest))
}

fn get(store: &Store, id: i64, action: &EncodedAction) -> Response {
    // What Go made can be anything; that there is such a file is all that can be told.
    let judge = |result: ActionResult| match result.outputs.as_slice() {
        [output] if output.path == OUTPUT => Ok(result),
        _ => Err("it is no result of Go's".to_owned()),
    };
    let found = store.get_action_if(&action.key, &judge).and_then(|result| {
        let digest = result.output(OUTPUT)?.digest;
        Some((digest, store.path_of(&digest)?))
    });
    match found {
        None => Response { id, miss: true, ..Response::default() },
        Some((digest, path)) => Response {
            id,
            output_id: Some(STANDARD.encode(digest.hash)),
            size: Some(digest.size),
            disk_path: Some(path.display().to_string()),
            ..Response::default()
        },
    }
}

fn keep(store: &Store, action: &EncodedAction, result: &ActionResult, warn: &dyn Fn(&str)) {
    if let Err(error) = store.keep_action(action, result) {
        warn(&format!("a result of Go's is not kept: {error}"));
    }
}

/// Go's action as one of ours. The ID covers all that Go's result depends on.
fn action_of(id: &str) -> Result<EncodedAction, String> {
    let bytes = STANDARD.decode(id).map_err(|_| "an ActionID must be base64".to_owned())?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let action = Action::new(["gocache", hex.as_str()]).output(OUTPUT);
    action.encode().map_err(|error| error.to_string())
}

/// How many jobs are not done yet.
#[derive(Default)]
struct Pending {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Pending {
    fn add(&self) {
        *self.count.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
    }

    fn done(&self) {
        *self.count.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) -= 1;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut count = self.count.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while *count > 0 {
            count = self.changed.wait(count).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }
}
