//! Execution: an action run by the cluster, waited for across broken streams.

use super::client::{Client, wire};
use super::error::{Kind, RemoteError, is_worth_another_try};
use super::retry::{Retry, cut_short, wrong};
use crate::{ActionResult, Blobs, EncodedAction};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::build::bazel::remote::execution::v2::execution_client::ExecutionClient as Service;
use bazel_remote_apis::google::longrunning::{Operation, operation};
use prost::Message;
use std::time::{Duration, Instant};
use tonic::{Code, Status, Streaming};

/// How many times `--remote-timeout` an action may stay in one stage: queued, or executing. Without
/// an end, an executor that lost its worker would be waited for for ever.
const PATIENCE: u32 = 10;
/// After this long a stream counts as having worked.
const STEADY: Duration = Duration::from_secs(1);
/// How often an action may go from one stage to another. There are four, and some are seen again when
/// a worker is lost; an executor that goes to and fro without end gets no further.
const CHANGES: u32 = 16;
/// How often inputs that the server lost are sent again.
const UPLOADS: usize = 3;

/// One end of one attempt.
enum Ended {
    Done(Box<api::ExecuteResponse>),
    /// The stream broke; the operation of that name may go on.
    Broken(Status),
    /// Blobs that it needs are not there.
    Missing(Status),
}

impl Client {
    pub(crate) fn can_execute(&self) -> bool {
        self.offers.executes
    }

    /// Uploads what is missing of the inputs and has the action run. The result's blobs are in the
    /// server's store.
    pub(crate) fn execute(
        &self,
        cache: &Client,
        action: &EncodedAction,
        inputs: &Blobs,
        look_up_first: bool,
    ) -> Result<ActionResult, RemoteError> {
        let id = action.key.to_string();
        let doing = format!("execute action {id}");
        let mut lost = None;
        for _ in 0..UPLOADS {
            cache.upload(inputs, &id)?;
            match self.wait(self.run(action, &doing, look_up_first))? {
                Ended::Done(response) => return self.finished(cache, *response, &doing),
                Ended::Missing(status) => lost = Some(status),
                Ended::Broken(status) => return Err(self.broken(&status, &doing)),
            }
        }
        let why = lost.map(|status| status.message().to_owned()).unwrap_or_default();
        Err(self.error(Kind::Missing, &doing, &format!("it loses what was uploaded: {why}")))
    }

    /// Execute once; when the stream breaks, WaitExecution, or Execute again if it never began.
    async fn run(
        &self,
        action: &EncodedAction,
        doing: &str,
        look_up_first: bool,
    ) -> Result<Ended, RemoteError> {
        let id = action.key.to_string();
        let mut retry = Retry::new(self, doing);
        let mut seen = Seen { name: String::new(), stage: 0, changes: 0, since: Instant::now() };
        loop {
            let mut service = Service::new(self.channel.clone());
            let opened = if seen.name.is_empty() {
                let question = api::ExecuteRequest {
                    instance_name: self.instance.clone(),
                    skip_cache_lookup: !look_up_first,
                    action_digest: Some(wire(&action.key.0)),
                    ..api::ExecuteRequest::default()
                };
                retry.step(service.execute(self.request(question, &id))).await
            } else {
                let question = api::WaitExecutionRequest { name: seen.name.clone() };
                retry.step(service.wait_execution(self.request(question, &id))).await
            };
            let ended = match opened {
                Ok(response) => {
                    let began = Instant::now();
                    let ended = self.follow(response.into_inner(), &mut seen).await;
                    // A stream that held for a while was no failed attempt.
                    if began.elapsed() > STEADY {
                        retry.progressed();
                    }
                    ended
                }
                Err(status) if status.code() == Code::FailedPrecondition => Ended::Missing(status),
                Err(status) => Ended::Broken(status),
            };
            let Ended::Broken(status) = ended else { return Ok(ended) };
            if seen.is_overdue(self.timeout) {
                return Ok(Ended::Broken(self.overdue()));
            }
            // The server forgot the operation: ask for it anew.
            if status.code() == Code::NotFound && !seen.name.is_empty() {
                seen.name.clear();
                retry.after(Status::unavailable(status.message())).await?;
                continue;
            }
            retry.after(status).await?;
        }
    }

    async fn follow(&self, mut stream: Streaming<Operation>, seen: &mut Seen) -> Ended {
        loop {
            let left = seen.left(self.timeout);
            let operation = match tokio::time::timeout(left, stream.message()).await {
                Err(_) => return Ended::Broken(self.overdue()),
                Ok(Err(status)) => return Ended::Broken(status),
                Ok(Ok(None)) => return Ended::Broken(cut_short()),
                Ok(Ok(Some(operation))) => operation,
            };
            seen.note(&operation);
            if !operation.done {
                continue;
            }
            return match operation.result {
                Some(operation::Result::Response(any)) => {
                    match api::ExecuteResponse::decode(any.value.as_slice()) {
                        Ok(response) => of_response(response),
                        Err(_) => Ended::Broken(Status::data_loss("its answer cannot be read")),
                    }
                }
                Some(operation::Result::Error(error)) => of_status(error.code, &error.message),
                None => Ended::Broken(Status::data_loss("it is done without a result")),
            };
        }
    }

    fn overdue(&self) -> Status {
        let limit = self.timeout.saturating_mul(PATIENCE);
        // A code that is not tried again.
        Status::out_of_range(format!("the action got no further for {limit:?}"))
    }

    fn broken(&self, status: &Status, doing: &str) -> RemoteError {
        Retry::new(self, doing).failed(status)
    }

    fn finished(
        &self,
        cache: &Client,
        response: api::ExecuteResponse,
        doing: &str,
    ) -> Result<ActionResult, RemoteError> {
        let Some(message) = response.result else {
            return Err(wrong(self, doing, "it is done without a result"));
        };
        cache.complete(message, doing)
    }
}

fn of_response(response: api::ExecuteResponse) -> Ended {
    match &response.status {
        Some(status) if status.code != 0 => of_status(status.code, &status.message),
        _ => Ended::Done(Box::new(response)),
    }
}

fn of_status(code: i32, message: &str) -> Ended {
    let status = Status::new(Code::from_i32(code), message);
    match status.code() {
        Code::FailedPrecondition => Ended::Missing(status),
        // What the executor itself failed at is not mended by asking for its answer again.
        _ if is_worth_another_try(&status) => Ended::Broken(Status::out_of_range(message)),
        _ => Ended::Broken(status),
    }
}

/// What is known of the operation.
struct Seen {
    name: String,
    stage: i32,
    changes: u32,
    since: Instant,
}

impl Seen {
    fn note(&mut self, operation: &Operation) {
        self.name.clone_from(&operation.name);
        let metadata = operation
            .metadata
            .as_ref()
            .and_then(|any| api::ExecuteOperationMetadata::decode(any.value.as_slice()).ok());
        if let Some(metadata) = metadata
            && metadata.stage != self.stage
            && self.changes < CHANGES
        {
            self.stage = metadata.stage;
            self.changes += 1;
            self.since = Instant::now();
        }
    }

    fn left(&self, timeout: Duration) -> Duration {
        timeout.saturating_mul(PATIENCE).saturating_sub(self.since.elapsed())
    }

    fn is_overdue(&self, timeout: Duration) -> bool {
        self.left(timeout).is_zero()
    }
}
