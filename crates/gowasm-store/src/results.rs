//! Action results, as the Remote Execution API's `ActionResult` messages.
//!
//! A blob's name proves its bytes; a result's name is its action's key and proves nothing. So a
//! result carries a checksum over its key and its other fields, in `execution_metadata`, which is
//! there for such additions and which other readers of the folder skip.

use crate::action::{ActionKey, EncodedAction};
use crate::digest::{Digest, Hasher};
use crate::error::StoreError;
use crate::reapi;
use crate::store::{Store, touch};
use prost::Message;
use std::io::Write;

const CHECKSUM_TYPE: &str = "type.googleapis.com/gowasm.store.Checksum";

/// What an action made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionResult {
    pub outputs: Vec<OutputFile>,
    pub exit_code: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// One of the action's output paths.
    pub path: String,
    pub digest: Digest,
    pub executable: bool,
}

impl ActionResult {
    pub fn output(&self, path: &str) -> Option<&OutputFile> {
        self.outputs.iter().find(|output| output.path == path)
    }
}

/// Looks at a result of a server's, whose blobs are on the disk, before it is kept. What comes back is
/// kept in its place; an error says what is wrong with it.
pub type Judge<'a> = dyn Fn(ActionResult) -> Result<ActionResult, String> + 'a;

impl Store {
    /// The result of an action, whatever a server says that it is.
    pub fn get_action(&self, key: &ActionKey) -> Option<ActionResult> {
        self.get_action_if(key, &|result| Ok(result))
    }

    /// The result of an action: the disk's, or else the server's, whose blobs are then on the disk. What
    /// the disk has was judged before it came there, or made here.
    pub fn get_action_if(&self, key: &ActionKey, judge: &Judge<'_>) -> Option<ActionResult> {
        self.action_on_disk(key).or_else(|| self.remote_action(key, judge))
    }

    /// Keeps what an action made here, on the disk and, if there is one, on the server.
    pub fn keep_action(
        &self,
        action: &EncodedAction,
        result: &ActionResult,
    ) -> Result<(), StoreError> {
        self.put_action(&action.key, result)?;
        self.share(action, result);
        Ok(())
    }

    /// The result of an action, only when all its blobs are here. Each of them may still be gone
    /// when it is read, since others prune: that is a miss like any other.
    fn action_on_disk(&self, key: &ActionKey) -> Option<ActionResult> {
        let path = self.layout.result(&key.0.hash);
        let bytes = self.read_entry(&path)?;
        match decode(&key.0.hash, &bytes) {
            Decoded::Ours(result) => {
                let complete = result.outputs.iter().all(|output| self.contains(&output.digest));
                if complete {
                    touch(&path);
                }
                complete.then_some(result)
            }
            Decoded::Unsigned => None,
            Decoded::Wrong => {
                self.discard(&path, "its checksum is not that of its contents".to_owned());
                None
            }
        }
    }

    /// Keeps a result whose blobs have all been put.
    pub fn put_action(&self, key: &ActionKey, result: &ActionResult) -> Result<(), StoreError> {
        if let Some(output) = result.outputs.iter().find(|output| !self.contains(&output.digest)) {
            return Err(StoreError::MissingBlob { digest: output.digest });
        }
        let target = self.layout.result(&key.0.hash);
        let mut file = self.temporary()?;
        file.write_all(&encode(&key.0.hash, result))
            .map_err(|source| StoreError::Write { path: target.clone(), source })?;
        self.commit(file, &target, true)
    }
}

fn encode(key: &[u8; 32], result: &ActionResult) -> Vec<u8> {
    let mut message = reapi::ActionResult {
        output_files: result.outputs.iter().map(output_message).collect(),
        exit_code: result.exit_code,
        stdout_raw: result.stdout.clone(),
        stderr_raw: result.stderr.clone(),
        execution_metadata: None,
    };
    let checksum = checksum(key, &message);
    let any = reapi::Any { type_url: CHECKSUM_TYPE.to_owned(), value: checksum.to_vec() };
    message.execution_metadata =
        Some(reapi::ExecutedActionMetadata { auxiliary_metadata: vec![any] });
    message.encode_to_vec()
}

fn output_message(output: &OutputFile) -> reapi::OutputFile {
    reapi::OutputFile {
        path: output.path.clone(),
        digest: Some(output.digest.into()),
        is_executable: output.executable,
    }
}

pub(crate) enum Decoded {
    Ours(ActionResult),
    /// A message in good form without our checksum: another program shares the folder. Not for us
    /// to use, nor to remove.
    Unsigned,
    Wrong,
}

pub(crate) fn decode(key: &[u8; 32], bytes: &[u8]) -> Decoded {
    let Ok(mut message) = reapi::ActionResult::decode(bytes) else { return Decoded::Wrong };
    let metadata = message.execution_metadata.take().unwrap_or_default();
    let carried = metadata.auxiliary_metadata.into_iter().find(|any| any.type_url == CHECKSUM_TYPE);
    let expected = checksum(key, &message);
    let Some(result) = result_of(message) else { return Decoded::Wrong };
    match carried {
        // No action of anybody's leaves neither a file nor a field behind: this file was cut off.
        None if bytes.is_empty() => Decoded::Wrong,
        None => Decoded::Unsigned,
        Some(any) if any.value == expected => Decoded::Ours(result),
        Some(_) => Decoded::Wrong,
    }
}

fn result_of(message: reapi::ActionResult) -> Option<ActionResult> {
    let outputs = message.output_files.into_iter().map(|file| {
        let digest = file.digest?.checked()?;
        Some(OutputFile { path: file.path, digest, executable: file.is_executable })
    });
    Some(ActionResult {
        outputs: outputs.collect::<Option<_>>()?,
        exit_code: message.exit_code,
        stdout: message.stdout_raw,
        stderr: message.stderr_raw,
    })
}

fn checksum(key: &[u8; 32], message: &reapi::ActionResult) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(key);
    hasher.update(&message.encode_to_vec());
    hasher.finish().hash
}
