//! The action cache.

use super::client::{Client, MESSAGE_LIMIT, unwired, wire};
use super::error::{Kind, RemoteError};
use crate::{ActionKey, ActionResult, OutputFile};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::build::bazel::remote::execution::v2::action_cache_client::ActionCacheClient as Service;
use tonic::transport::Channel;

/// What is read of a command's words.
const SAID_LIMIT: u64 = 16 << 20;

impl Client {
    fn results(&self) -> Service<Channel> {
        Service::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// `None` is a miss. A result of a failed action is one as well.
    pub(crate) fn look_up(&self, key: &ActionKey) -> Result<Option<ActionResult>, RemoteError> {
        let doing = format!("look up action {key}");
        let question = api::GetActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(wire(&key.0)),
            ..api::GetActionResultRequest::default()
        };
        let id = key.to_string();
        let answer = self.wait(self.call(&doing, async || {
            self.results().get_action_result(self.request(question.clone(), &id)).await
        }));
        match answer {
            Ok(message) => {
                let result = self.complete(message, &doing)?;
                Ok((result.exit_code == 0).then_some(result))
            }
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The message as a result, with what the command said, which servers like to keep as blobs.
    pub(super) fn complete(
        &self,
        message: api::ActionResult,
        doing: &str,
    ) -> Result<ActionResult, RemoteError> {
        let said = [message.stdout_digest.clone(), message.stderr_digest.clone()];
        let Some(mut result) = result_of(message) else {
            let why = "its answer names blobs without a digest";
            return Err(self.error(Kind::Wrong, doing, why));
        };
        for (raw, digest) in [&mut result.stdout, &mut result.stderr].into_iter().zip(said) {
            let digest = unwired(digest.as_ref()).filter(|digest| digest.size <= SAID_LIMIT);
            if let Some(digest) = digest.filter(|_| raw.is_empty()) {
                self.fetch(&digest, raw, doing)?;
            }
        }
        Ok(result)
    }

    /// The result's blobs, and the action and its command, have to be there first.
    pub(crate) fn publish(
        &self,
        key: &ActionKey,
        result: &ActionResult,
    ) -> Result<(), RemoteError> {
        let doing = format!("publish the result of action {key}");
        let outputs = result.outputs.iter().map(|output| api::OutputFile {
            path: output.path.clone(),
            digest: Some(wire(&output.digest)),
            is_executable: output.executable,
            ..api::OutputFile::default()
        });
        let question = api::UpdateActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(wire(&key.0)),
            action_result: Some(api::ActionResult {
                output_files: outputs.collect(),
                exit_code: result.exit_code,
                stdout_raw: result.stdout.clone(),
                stderr_raw: result.stderr.clone(),
                ..api::ActionResult::default()
            }),
            ..api::UpdateActionResultRequest::default()
        };
        let id = key.to_string();
        let published = self.wait(self.call(&doing, async || {
            self.results().update_action_result(self.request(question.clone(), &id)).await
        }));
        published.map(drop)
    }
}

/// `None` if an output has no digest that can be one.
fn result_of(message: api::ActionResult) -> Option<ActionResult> {
    let outputs = message.output_files.into_iter().map(|file| {
        let digest = unwired(file.digest.as_ref())?;
        Some(OutputFile { path: file.path, digest, executable: file.is_executable })
    });
    Some(ActionResult {
        outputs: outputs.collect::<Option<_>>()?,
        exit_code: message.exit_code,
        stdout: message.stdout_raw,
        stderr: message.stderr_raw,
    })
}
