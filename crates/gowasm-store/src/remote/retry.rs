//! Trying again: capped backoff with jitter, the server's own delay if it names one, attempts and time
//! counted from the last progress.

use super::client::Client;
use super::error::{Kind, RemoteError, explain, is_worth_another_try, kind_of};
use bazel_remote_apis::google::rpc;
use prost::Message;
use std::time::{Duration, Instant};
use tonic::{Code, Response, Status};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One operation's patience.
pub(super) struct Retry<'a> {
    client: &'a Client,
    doing: &'a str,
    failures: u32,
    since: Instant,
}

/// `google.rpc.RetryInfo`, of which the generated messages have no copy.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<ProtoDuration>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl<'a> Retry<'a> {
    pub(super) fn new(client: &'a Client, doing: &'a str) -> Self {
        Retry { client, doing, failures: 0, since: Instant::now() }
    }

    pub(super) fn progressed(&mut self) {
        self.failures = 0;
        self.since = Instant::now();
    }

    /// Waits for one step of the operation, at most as long as patience lasts.
    pub(super) async fn step<T>(
        &self,
        step: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let left = self.client.timeout.saturating_sub(self.since.elapsed());
        match tokio::time::timeout(left, step).await {
            Ok(result) => result,
            Err(_) => Err(Status::deadline_exceeded(format!(
                "no answer within {:?} (--remote-timeout)",
                self.client.timeout
            ))),
        }
    }

    /// Waits before the next attempt, or says why there is none.
    pub(super) async fn after(&mut self, status: Status) -> Result<(), RemoteError> {
        let spent = self.since.elapsed();
        if !is_worth_another_try(&status)
            || self.failures >= self.client.retries
            || spent >= self.client.timeout
        {
            return Err(self.failed(&status));
        }
        let left = self.client.timeout - spent;
        let backoff = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        let pause = match asked_for(&status) {
            // Before then there is no sense in asking, and after that nobody waits for the answer.
            Some(pause) if pause >= left => return Err(self.failed(&status)),
            Some(pause) => pause,
            None => backoff.mul_f64(0.5 + fastrand::f64()).min(left),
        };
        self.failures += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    pub(super) fn failed(&self, status: &Status) -> RemoteError {
        let tries = match self.failures {
            0 => String::new(),
            failures => format!(" (tried {} times)", failures + 1),
        };
        self.client.error(kind_of(status), self.doing, &format!("{}{tries}", explain(status)))
    }
}

impl Client {
    /// One call that is answered by one message.
    pub(super) async fn call<T>(
        &self,
        doing: &str,
        mut attempt: impl AsyncFnMut() -> Result<Response<T>, Status>,
    ) -> Result<T, RemoteError> {
        let mut retry = Retry::new(self, doing);
        let mut asked_again = false;
        loop {
            match retry.step(attempt()).await {
                Ok(response) => return Ok(response.into_inner()),
                // A token that ran out: the helper may have a new one.
                Err(status) if status.code() == Code::Unauthenticated && !asked_again => {
                    asked_again = true;
                    if !self.credentials.renew()? {
                        return Err(retry.failed(&status));
                    }
                }
                Err(status) => retry.after(status).await?,
            }
        }
    }
}

fn asked_for(status: &Status) -> Option<Duration> {
    let details = rpc::Status::decode(status.details()).ok()?.details;
    let info = details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.delay?;
    let seconds = u64::try_from(delay.seconds).ok()?;
    Some(Duration::new(seconds, u32::try_from(delay.nanos).ok()?.min(999_999_999)))
}

/// What a stream that ends without an error and too early is.
pub(super) fn cut_short() -> Status {
    Status::unavailable("the stream ended before the blob did")
}

pub(super) fn wrong(client: &Client, doing: &str, why: &str) -> RemoteError {
    client.error(Kind::Wrong, doing, why)
}
