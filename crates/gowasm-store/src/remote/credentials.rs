//! Headers that say who we are: those of the user, and those of a credential helper. None of their
//! values is ever shown.

use super::error::{Kind, RemoteError};
use crate::RemoteOptions;
use gowasm_process::Group;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};

/// No credentials are longer.
const LONGEST_ANSWER: u64 = 1 << 20;
/// How soon an interruption, or the end of a helper, is seen.
const WATCH: Duration = Duration::from_millis(20);

pub(super) struct Credentials {
    server: String,
    /// How long the helper may take.
    timeout: Duration,
    stop: Arc<AtomicBool>,
    /// What the helper is asked for.
    uri: String,
    helper: Option<PathBuf>,
    fixed: Vec<(String, String)>,
    /// From the helper.
    fresh: Mutex<Vec<(String, String)>>,
}

/// The helper's answer.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
}

impl Credentials {
    pub(super) fn new(
        options: &RemoteOptions,
        server: &str,
        host: &str,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, RemoteError> {
        let credentials = Credentials {
            server: server.to_owned(),
            timeout: options.timeout,
            stop: stop.clone(),
            uri: format!("https://{host}/"),
            helper: helper_for(&options.credential_helpers, host),
            fixed: options.headers.clone(),
            fresh: Mutex::default(),
        };
        for (name, value) in &credentials.fixed {
            if !is_header(name, value) {
                // The value stays out of it.
                let why = format!("`{name}` is no header that gRPC can send");
                return Err(credentials.error(Kind::Usage, &why));
            }
        }
        credentials.renew()?;
        Ok(credentials)
    }

    /// Asks the helper; `false` if there is none.
    pub(super) fn renew(&self) -> Result<bool, RemoteError> {
        let Some(helper) = &self.helper else { return Ok(false) };
        let fresh = self.ask(helper).map_err(|why| match self.stop.load(Ordering::SeqCst) {
            true => self.error(Kind::Interrupted, "interrupted"),
            false => {
                let why = format!("the credential helper {} {why}", helper.display());
                self.error(Kind::Denied, &why)
            }
        })?;
        *self.fresh.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = fresh;
        Ok(true)
    }

    fn ask(&self, helper: &Path) -> Result<Vec<(String, String)>, String> {
        let (status, output) = self.run(helper)?;
        if !status.success() {
            return Err(format!("failed ({status}); run it by hand to see why"));
        }
        let answer: Answer = serde_json::from_slice(&output)
            .map_err(|_| "did not answer with a JSON object that has `headers`".to_owned())?;
        let headers: Vec<_> = answer
            .headers
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
            .collect();
        match headers.iter().find(|(name, value)| !is_header(name, value)) {
            Some((name, _)) => Err(format!("gave a header `{name}` that gRPC cannot send")),
            None => Ok(headers),
        }
    }

    /// What the helper prints, within bounds of time and length.
    fn run(&self, helper: &Path) -> Result<(ExitStatus, Vec<u8>), String> {
        let mut command = Command::new(helper);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let started = gowasm_process::spawn(&mut command);
        let (child, group) = started.map_err(|error| format!("cannot be started: {error}"))?;
        let mut helper = Helper(child, group);
        let question = serde_json::json!({ "uri": self.uri }).to_string();
        if let Some(mut input) = helper.0.stdin.take() {
            // A helper that does not read its question has one answer for all.
            let _ = input.write_all(question.as_bytes());
        }
        let (sender, answered) = mpsc::channel();
        let output = helper.0.stdout.take();
        // It ends with the helper, which ends with this function.
        thread::spawn(move || {
            let mut answer = Vec::new();
            let read =
                output.map(|output| output.take(LONGEST_ANSWER + 1).read_to_end(&mut answer));
            let _ = sender.send(read.transpose().map(|_| answer));
        });
        let deadline = Instant::now() + self.timeout;
        let in_time = || match (self.stop.load(Ordering::SeqCst), Instant::now() < deadline) {
            (true, _) => Err("was interrupted".to_owned()),
            (false, true) => Ok(()),
            (false, false) => {
                Err(format!("gave no answer within {:?} (--remote-timeout)", self.timeout))
            }
        };
        let answer = loop {
            match answered.recv_timeout(WATCH) {
                Ok(answer) => break answer.map_err(|error| error.to_string())?,
                Err(RecvTimeoutError::Timeout) => in_time()?,
                Err(RecvTimeoutError::Disconnected) => return Err("cannot be read".to_owned()),
            }
        };
        if answer.len() as u64 > LONGEST_ANSWER {
            return Err(format!("answered with more than {LONGEST_ANSWER} bytes"));
        }
        loop {
            match helper.1.try_wait(&mut helper.0).map_err(|error| error.to_string())? {
                Some(status) => return Ok((status, answer)),
                None => in_time()?,
            }
            thread::sleep(WATCH);
        }
    }

    pub(super) fn add_to(&self, metadata: &mut MetadataMap) {
        let fresh = self.fresh.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (name, value) in self.fixed.iter().chain(fresh.iter()) {
            let key = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes());
            if let (Ok(key), Ok(value)) = (key, MetadataValue::try_from(value.as_str())) {
                metadata.append(key, value);
            }
        }
    }

    /// Takes out of a server's words what it may have repeated of ours.
    pub(super) fn redact(&self, text: &str) -> String {
        let fresh = self.fresh.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut text = text.to_owned();
        for (_, value) in self.fixed.iter().chain(fresh.iter()) {
            for part in [value.as_str()].into_iter().chain(value.split_whitespace()) {
                if part.len() >= 4 {
                    text = text.replace(part, "[secret]");
                }
            }
        }
        text
    }

    fn error(&self, kind: Kind, why: &str) -> RemoteError {
        let doing = "identify ourselves".to_owned();
        RemoteError { kind, server: self.server.clone(), doing, why: why.to_owned() }
    }
}

/// A helper that is running, and ended with this, with all that it started.
struct Helper(Child, Group);

impl Drop for Helper {
    fn drop(&mut self) {
        let Helper(child, group) = self;
        if !matches!(group.try_wait(child), Ok(Some(_))) {
            group.kill();
            let _ = group.wait(child);
        }
    }
}

fn is_header(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let key = MetadataKey::<tonic::metadata::Ascii>::from_bytes(lower.as_bytes());
    key.is_ok() && MetadataValue::<tonic::metadata::Ascii>::try_from(value).is_ok()
}

fn helper_for(helpers: &[String], host: &str) -> Option<PathBuf> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let fits = |pattern: &str| match pattern.strip_prefix("*.") {
        Some(domain) => name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => pattern == name,
    };
    let found = helpers.iter().rev().find_map(|helper| match helper.split_once('=') {
        Some((pattern, path)) => fits(pattern).then_some(path),
        None => Some(helper.as_str()),
    })?;
    Some(PathBuf::from(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_helper_that_fits_counts() {
        let helpers = ["all", "*.example.com=wild", "cache.example.com=exact"].map(str::to_owned);
        let for_host = |host| helper_for(&helpers, host).unwrap();
        assert_eq!(for_host("cache.example.com:443"), PathBuf::from("exact"));
        assert_eq!(for_host("other.example.com:443"), PathBuf::from("wild"));
        assert_eq!(for_host("example.com:443"), PathBuf::from("all"));
        assert_eq!(for_host("badexample.com"), PathBuf::from("all"));
    }
}
