//! What no good server does: other results than it was given, blobs byte by byte, actions that go to and
//! fro between stages.

use crate::compressing::ask;
use crate::interposer::{Frames, PREFIX, Refusal, framed, refuse, reply};
use anyhow::{Context, Result};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::bytestream::ReadResponse;
use bazel_remote_apis::google::longrunning::{Operation, operation};
use bytes::Bytes;
use h2::SendStream;
use h2::client::SendRequest;
use h2::server::SendResponse;
use http::{Request, Response};
use prost::Message;
use std::fmt;
use std::time::Duration;

/// What is done to the result of an action before a client gets it.
#[derive(Clone, Copy)]
pub struct Change(&'static (dyn Fn(&mut api::ActionResult) + Send + Sync));

impl Change {
    pub fn new(change: impl Fn(&mut api::ActionResult) + Send + Sync + 'static) -> Self {
        Change(Box::leak(Box::new(change)))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

const NOT_FOUND: Refusal = Refusal { code: 5, message: "no such result", pause: None };

async fn all(mut body: Frames) -> Result<Vec<Bytes>> {
    let mut messages = Vec::new();
    while let Some(frame) = body.next().await? {
        messages.push(frame);
    }
    Ok(messages)
}

pub(crate) async fn change(
    head: Request<()>,
    body: Frames,
    respond: &mut SendResponse<Bytes>,
    upstream: SendRequest<Bytes>,
    change: Change,
) -> Result<()> {
    let executes = head.uri().path().ends_with("/Execute");
    let answers = ask(head, all(body).await?, upstream).await?;
    if executes {
        let answers = answers.iter().map(|answer| executed(&answer[PREFIX..], change));
        return reply(respond, answers.collect::<Result<Vec<_>>>()?);
    }
    let Some(answer) = answers.first() else { return refuse(respond, NOT_FOUND) };
    let mut result = api::ActionResult::decode(&answer[PREFIX..])?;
    (change.0)(&mut result);
    reply(respond, [result.encode_to_vec()])
}

/// An operation, with another result if it is done.
fn executed(operation: &[u8], change: Change) -> Result<Vec<u8>> {
    let mut operation = Operation::decode(operation)?;
    if let Some(operation::Result::Response(any)) = &mut operation.result {
        let mut response = api::ExecuteResponse::decode(any.value.as_slice())?;
        response.result.as_mut().into_iter().for_each(change.0);
        any.value = response.encode_to_vec();
    }
    Ok(operation.encode_to_vec())
}

/// A blob, a byte a message.
pub(crate) async fn trickle(
    head: Request<()>,
    body: Frames,
    respond: &mut SendResponse<Bytes>,
    upstream: SendRequest<Bytes>,
    pause: Duration,
) -> Result<()> {
    let answers = ask(head, all(body).await?, upstream).await?;
    let mut stream = begin(respond)?;
    for frame in answers {
        for byte in ReadResponse::decode(&frame[PREFIX..])?.data {
            stream.send_data(framed(&ReadResponse { data: vec![byte] }.encode_to_vec())?, false)?;
            tokio::time::sleep(pause).await;
        }
    }
    Ok(())
}

/// An action that is queued, executed, queued again, for as long as the client listens.
pub(crate) async fn flap(respond: &mut SendResponse<Bytes>, pause: Duration) -> Result<()> {
    let mut stream = begin(respond)?;
    let stages = [api::execution_stage::Value::Queued, api::execution_stage::Value::Executing];
    for stage in stages.iter().cycle() {
        let metadata = api::ExecuteOperationMetadata {
            stage: *stage as i32,
            ..api::ExecuteOperationMetadata::default()
        };
        let mut operation = Operation { name: "to-and-fro".to_owned(), ..Operation::default() };
        operation.metadata = Some(Default::default());
        operation.metadata.as_mut().context("it was just made")?.value = metadata.encode_to_vec();
        stream.send_data(framed(&operation.encode_to_vec())?, false)?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

fn begin(respond: &mut SendResponse<Bytes>) -> Result<SendStream<Bytes>> {
    let response = Response::builder().header("content-type", "application/grpc").body(())?;
    Ok(respond.send_response(response, false)?)
}
