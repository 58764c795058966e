//! A gRPC proxy between a client and a real server. What it does to a call is decided call by call:
//! pass it on, refuse it, or take the first part of an upload, break it off, and expect the client to
//! go on from there.

use crate::compressing;
use crate::wrong::{self, Change};
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bazel_remote_apis::google::bytestream::{
    QueryWriteStatusRequest, QueryWriteStatusResponse, WriteRequest,
};
use bazel_remote_apis::google::rpc;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub struct Interposer {
    port: u16,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub enum Treatment {
    Forward,
    Refuse(Refusal),
    /// Takes at least so many bytes of an upload and breaks it off. What was taken is kept: asked how
    /// much that is, the proxy tells, and an upload that goes on from there reaches the server whole.
    Interrupt(usize),
    /// Offers zstd, or speaks it, on behalf of the server: capabilities, and single blobs both ways.
    Compress,
    /// Gives another result of an action than the server has.
    Change(Change),
    /// Sends what is read a byte at a time, with such pauses.
    Trickle(Duration),
    /// Says in turns that an action is queued and that it is executed.
    Flap(Duration),
}

#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// As gRPC numbers them.
    pub code: i32,
    pub message: &'static str,
    /// How long a client is to wait before the next attempt.
    pub pause: Option<Duration>,
}

/// One call that came in.
#[derive(Debug, Clone)]
pub struct Call {
    /// Without its service.
    pub method: String,
    pub at: Instant,
    /// Where an upload began, if it was looked into.
    pub offset: Option<i64>,
}

type Treat = dyn Fn(&str, usize) -> Treatment + Send + Sync;

struct Shared {
    treat: Box<Treat>,
    calls: Mutex<Vec<Call>>,
    held: Mutex<HashMap<String, Held>>,
}

/// The first part of an upload that was broken off.
#[derive(Default)]
struct Held {
    frames: Vec<Bytes>,
    size: i64,
}

const UNAVAILABLE: i32 = 14;
const INVALID_ARGUMENT: i32 = 3;

impl Interposer {
    /// Between clients and the server on that port. `treat` is told the method and how many calls of
    /// it came before.
    pub fn start(
        to: u16,
        treat: impl Fn(&str, usize) -> Treatment + Send + Sync + 'static,
    ) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            treat: Box::new(treat),
            calls: Mutex::default(),
            held: Mutex::default(),
        });
        let serving = shared.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let serving = serving.clone();
                // A client that goes away ends its connection, and no other.
                tokio::spawn(async move { drop(serve(client, to, serving).await) });
            }
        });
        Ok(Interposer { port, shared, _runtime: runtime })
    }

    pub fn url(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// The calls of a method so far, in their order.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let calls = lock(&self.shared.calls);
        calls.iter().filter(|call| call.method == method).cloned().collect()
    }
}

async fn serve(client: TcpStream, to: u16, shared: Arc<Shared>) -> Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to)).await?;
    let (upstream, connection) = h2::client::handshake(server).await?;
    tokio::spawn(connection);
    let mut connection = h2::server::handshake(client).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        let (upstream, shared) = (upstream.clone(), shared.clone());
        // What fails here fails for the client as well, which is who looks.
        tokio::spawn(async move { drop(handle(request, respond, upstream, &shared).await) });
    }
    Ok(())
}

async fn handle(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    upstream: SendRequest<Bytes>,
    shared: &Shared,
) -> Result<()> {
    let (head, body) = request.into_parts();
    let method = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let (index, before) = {
        let mut calls = lock(&shared.calls);
        let before = calls.iter().filter(|call| call.method == method).count();
        calls.push(Call { method: method.clone(), at: Instant::now(), offset: None });
        (calls.len() - 1, before)
    };
    let mut body = Frames { body, buffer: BytesMut::new() };
    let mut first = Vec::new();
    match (shared.treat)(&method, before) {
        Treatment::Refuse(refusal) => return refuse(&mut respond, refusal),
        Treatment::Interrupt(limit) => {
            lock(&shared.calls)[index].offset = Some(0);
            hold(&mut body, limit, shared).await?;
            return refuse(&mut respond, UNAVAILABLE_NOW);
        }
        Treatment::Compress => {
            let head = Request::from_parts(head, ());
            return compressing::answer(&method, head, body, &mut respond, upstream).await;
        }
        Treatment::Change(change) => {
            let head = Request::from_parts(head, ());
            return wrong::change(head, body, &mut respond, upstream, change).await;
        }
        Treatment::Trickle(pause) => {
            let head = Request::from_parts(head, ());
            return wrong::trickle(head, body, &mut respond, upstream, pause).await;
        }
        Treatment::Flap(pause) => return wrong::flap(&mut respond, pause).await,
        Treatment::Forward if lock(&shared.held).is_empty() => {}
        Treatment::Forward if method == "QueryWriteStatus" => {
            let frame = body.next().await?.context("no question")?;
            let question = QueryWriteStatusRequest::decode(&frame[PREFIX..])?;
            let size = lock(&shared.held).get(&question.resource_name).map(|held| held.size);
            match size {
                Some(committed_size) => {
                    let answer = QueryWriteStatusResponse { committed_size, complete: false };
                    return reply(&mut respond, [answer.encode_to_vec()]);
                }
                None => first.push(frame),
            }
        }
        Treatment::Forward if method == "Write" => {
            let frame = body.next().await?.context("an empty upload")?;
            let message = WriteRequest::decode(&frame[PREFIX..])?;
            lock(&shared.calls)[index].offset = Some(message.write_offset);
            if let Some(held) = lock(&shared.held).remove(&message.resource_name) {
                if held.size != message.write_offset {
                    return refuse(&mut respond, WRONG_OFFSET);
                }
                first = held.frames;
            }
            first.push(frame);
        }
        Treatment::Forward => {}
    }
    if !body.buffer.is_empty() {
        first.push(body.buffer.freeze());
    }
    let head = Request::from_parts(head, ());
    forward(head, first, body.body, respond, upstream).await
}

const UNAVAILABLE_NOW: Refusal =
    Refusal { code: UNAVAILABLE, message: "the upload was broken off", pause: None };
const WRONG_OFFSET: Refusal =
    Refusal { code: INVALID_ARGUMENT, message: "not where the upload was broken off", pause: None };

/// Takes the first messages of an upload.
async fn hold(body: &mut Frames, limit: usize, shared: &Shared) -> Result<()> {
    let (mut held, mut name) = (Held::default(), String::new());
    while let Some(frame) = body.next().await? {
        let message = WriteRequest::decode(&frame[PREFIX..])?;
        if name.is_empty() {
            name = message.resource_name;
        }
        held.size += message.data.len() as i64;
        held.frames.push(frame);
        if held.size as usize >= limit {
            break;
        }
    }
    lock(&shared.held).insert(name, held);
    Ok(())
}

async fn forward(
    head: Request<()>,
    first: Vec<Bytes>,
    body: RecvStream,
    mut respond: SendResponse<Bytes>,
    upstream: SendRequest<Bytes>,
) -> Result<()> {
    let (response, mut to_server) = upstream.ready().await?.send_request(head, false)?;
    for part in first {
        to_server.send_data(part, false)?;
    }
    tokio::spawn(async move { drop(pump(body, to_server).await) });
    let (head, body) = response.await?.into_parts();
    let end = body.is_end_stream();
    let to_client = respond.send_response(Response::from_parts(head, ()), end)?;
    if end { Ok(()) } else { pump(body, to_client).await }
}

async fn pump(mut from: RecvStream, mut to: SendStream<Bytes>) -> Result<()> {
    while let Some(data) = from.data().await {
        let data = data?;
        from.flow_control().release_capacity(data.len())?;
        to.send_data(data, false)?;
    }
    match from.trailers().await? {
        Some(trailers) => to.send_trailers(trailers)?,
        None => to.send_data(Bytes::new(), true)?,
    }
    Ok(())
}

pub(crate) fn refuse(respond: &mut SendResponse<Bytes>, refusal: Refusal) -> Result<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", refusal.code.into());
    headers.insert("grpc-message", HeaderValue::from_static(refusal.message));
    if let Some(pause) = refusal.pause {
        let status = STANDARD_NO_PAD.encode(with_pause(refusal, pause).encode_to_vec());
        headers.insert("grpc-status-details-bin", HeaderValue::try_from(status)?);
    }
    respond.send_response(response, true)?;
    Ok(())
}

/// `google.rpc.RetryInfo` and `google.protobuf.Duration`, of which there are no generated messages.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn with_pause(refusal: Refusal, pause: Duration) -> rpc::Status {
    let delay = Delay { seconds: pause.as_secs() as i64, nanos: pause.subsec_nanos() as i32 };
    let info = RetryInfo { delay: Some(delay) };
    let mut status = rpc::Status { code: refusal.code, ..rpc::Status::default() };
    status.details.resize_with(1, Default::default);
    status.details[0].type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    status.details[0].value = info.encode_to_vec();
    status
}

/// These messages, and that all is well.
pub(crate) fn reply(
    respond: &mut SendResponse<Bytes>,
    messages: impl IntoIterator<Item = Vec<u8>>,
) -> Result<()> {
    let response = Response::builder().header("content-type", "application/grpc").body(())?;
    let mut stream = respond.send_response(response, false)?;
    for message in messages {
        stream.send_data(framed(&message)?, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers)?;
    Ok(())
}

pub(crate) fn framed(message: &[u8]) -> Result<Bytes> {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len())?);
    frame.put_slice(message);
    Ok(frame.freeze())
}

/// What gRPC puts in front of a message: whether it is compressed, and its length.
pub(crate) const PREFIX: usize = 5;

/// A body, message by message.
pub(crate) struct Frames {
    pub(crate) body: RecvStream,
    pub(crate) buffer: BytesMut,
}

impl Frames {
    /// The next message with its prefix.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(mut prefix) = self.buffer.get(..PREFIX) {
                prefix.advance(1);
                let length = PREFIX + prefix.get_u32() as usize;
                if self.buffer.len() >= length {
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
            }
            let Some(data) = self.body.data().await else { return Ok(None) };
            let data = data?;
            self.body.flow_control().release_capacity(data.len())?;
            self.buffer.extend_from_slice(&data);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
