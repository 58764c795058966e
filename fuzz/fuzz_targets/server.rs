//! A server of the Remote Execution API that knows one action, and answers each call as it is told to:
//! well, with other bytes, with fewer, with a refusal. One for the whole process.

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::bytestream::{ReadRequest, ReadResponse, WriteResponse};
use bazel_remote_apis::google::longrunning::{Operation, operation};
use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use prost::Message;
use std::sync::{Mutex, OnceLock};
use tokio::net::{TcpListener, TcpStream};

/// Small enough for a batch, and too large for one.
pub const SMALL: &[u8] = b"what the action made";
pub const LARGE: usize = 300_000;

pub fn large() -> &'static [u8] {
    static LARGE_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE_BYTES.get_or_init(|| (0..LARGE as u32).map(|n| (n.wrapping_mul(0x9e37) >> 7) as u8).collect())
}

/// What the next calls are answered with, and whether zstd is offered.
#[derive(Default)]
struct Script {
    bytes: Vec<u8>,
    at: usize,
    zstd: bool,
    executions: usize,
}

static SCRIPT: Mutex<Option<Script>> = Mutex::new(None);

/// Begins a conversation, and says where the server is.
pub fn told(bytes: &[u8], zstd: bool) -> String {
    static PORT: OnceLock<u16> = OnceLock::new();
    let port = PORT.get_or_init(start);
    let script = Script { bytes: bytes.to_vec(), at: 0, zstd, executions: 0 };
    *SCRIPT.lock().unwrap() = Some(script);
    format!("grpc://127.0.0.1:{port}")
}

fn start() -> u16 {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client));
            }
        });
    });
    told.recv().unwrap()
}

async fn serve(client: TcpStream) -> Option<()> {
    let mut connection = h2::server::handshake(client).await.ok()?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted.ok()?;
        tokio::spawn(answer(request, respond));
    }
    Some(())
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let method = head.uri.path().rsplit('/').next()?.to_owned();
    let mut question = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        body.flow_control().release_capacity(data.len()).ok()?;
        question.extend_from_slice(&data);
    }
    let (status, messages) = {
        let mut script = SCRIPT.lock().unwrap();
        let script = script.as_mut()?;
        let good = good(&method, question.get(5..).unwrap_or_default(), script);
        script.treat(good)
    };
    let response = Response::builder().header("content-type", "application/grpc").body(()).ok()?;
    let mut stream = respond.send_response(response, false).ok()?;
    for message in messages {
        let mut frame = BytesMut::with_capacity(5 + message.len());
        frame.put_u8(0);
        frame.put_u32(message.len() as u32);
        frame.put_slice(&message);
        stream.send_data(frame.freeze(), false).ok()?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", i32::from(status).into());
    stream.send_trailers(trailers).ok()
}

impl Script {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn number(&mut self) -> usize {
        let (low, high) = (self.next().unwrap_or(0), self.next().unwrap_or(0));
        usize::from(u16::from_le_bytes([low, high]))
    }

    /// What comes instead of the good answer. Where the script ends all is well.
    fn treat(&mut self, mut good: Vec<Vec<u8>>) -> (u8, Vec<Vec<u8>>) {
        match self.next().unwrap_or(0) % 7 {
            1 => {
                for _ in 0..self.next().unwrap_or(0) % 8 {
                    let (at, change) = (self.number(), self.next().unwrap_or(0));
                    let message = at % good.len().max(1);
                    if let Some(byte) = good.get_mut(message).and_then(|m| {
                        let length = m.len().max(1);
                        m.get_mut(at % length)
                    }) {
                        *byte ^= change;
                    }
                }
                (0, good)
            }
            2 => {
                let length = self.number();
                if let Some(last) = good.last_mut() {
                    last.truncate(length);
                }
                (0, good)
            }
            3 => {
                let length = self.number().min(self.bytes.len().saturating_sub(self.at));
                let bytes = self.bytes[self.at..][..length].to_vec();
                self.at += length;
                (0, vec![bytes])
            }
            4 => (self.next().unwrap_or(0) % 17, Vec::new()),
            5 => {
                let again = good.clone();
                good.extend(again);
                (0, good)
            }
            6 => {
                good.pop();
                (self.next().unwrap_or(0) % 17, good)
            }
            _ => (0, good),
        }
    }
}

fn digest(bytes: &[u8]) -> api::Digest {
    let digest = gowasm_store::Digest::of(bytes);
    api::Digest { hash: digest.hex(), size_bytes: digest.size as i64 }
}

fn result() -> api::ActionResult {
    let output = |path: &str, bytes: &[u8]| api::OutputFile {
        path: path.to_owned(),
        digest: Some(digest(bytes)),
        ..api::OutputFile::default()
    };
    api::ActionResult {
        output_files: vec![output("small", SMALL), output("large", large())],
        stdout_digest: Some(digest(SMALL)),
        stderr_raw: b"said".to_vec(),
        ..api::ActionResult::default()
    }
}

fn good(method: &str, question: &[u8], script: &mut Script) -> Vec<Vec<u8>> {
    let one = |message: Vec<u8>| vec![message];
    match method {
        "GetCapabilities" => one(capabilities(script.zstd).encode_to_vec()),
        "GetActionResult" | "UpdateActionResult" => one(result().encode_to_vec()),
        "FindMissingBlobs" => {
            let asked = api::FindMissingBlobsRequest::decode(question).unwrap_or_default();
            let missing_blob_digests = asked.blob_digests;
            one(api::FindMissingBlobsResponse { missing_blob_digests }.encode_to_vec())
        }
        "BatchReadBlobs" => {
            let response = api::batch_read_blobs_response::Response {
                digest: Some(digest(SMALL)),
                data: SMALL.to_vec(),
                ..Default::default()
            };
            one(api::BatchReadBlobsResponse { responses: vec![response] }.encode_to_vec())
        }
        "BatchUpdateBlobs" => {
            let asked = api::BatchUpdateBlobsRequest::decode(question).unwrap_or_default();
            let responses = asked.requests.into_iter().map(|request| {
                let digest = request.digest;
                api::batch_update_blobs_response::Response { digest, ..Default::default() }
            });
            one(api::BatchUpdateBlobsResponse { responses: responses.collect() }.encode_to_vec())
        }
        "Read" => read(question),
        "Write" => one(WriteResponse { committed_size: LARGE as i64 }.encode_to_vec()),
        "Execute" | "WaitExecution" => execute(script),
        _ => Vec::new(),
    }
}

fn capabilities(zstd: bool) -> api::ServerCapabilities {
    let compressors = if zstd { vec![api::compressor::Value::Zstd as i32] } else { Vec::new() };
    api::ServerCapabilities {
        cache_capabilities: Some(api::CacheCapabilities {
            digest_functions: vec![api::digest_function::Value::Sha256 as i32],
            action_cache_update_capabilities: Some(api::ActionCacheUpdateCapabilities {
                update_enabled: true,
            }),
            supported_compressors: compressors,
            ..Default::default()
        }),
        execution_capabilities: Some(api::ExecutionCapabilities {
            exec_enabled: true,
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn read(question: &[u8]) -> Vec<Vec<u8>> {
    let asked = ReadRequest::decode(question).unwrap_or_default();
    let bytes = if asked.resource_name.ends_with(&LARGE.to_string()) { large() } else { SMALL };
    let rest = bytes.get(asked.read_offset as usize..).unwrap_or_default();
    let sent = match asked.resource_name.contains("compressed-blobs/zstd") {
        true => zstd::encode_all(rest, 1).unwrap_or_default(),
        false => rest.to_vec(),
    };
    let chunks = sent.chunks(100_000);
    chunks.map(|chunk| ReadResponse { data: chunk.to_vec() }.encode_to_vec()).collect()
}

/// The first call is told that the action waits; whoever asks again is told what it made.
fn execute(script: &mut Script) -> Vec<Vec<u8>> {
    script.executions += 1;
    let waiting = Operation { name: "one".to_owned(), ..Operation::default() };
    let response = api::ExecuteResponse { result: Some(result()), ..Default::default() };
    let mut done = Operation { done: true, ..waiting.clone() };
    let mut any = bazel_remote_apis::google::rpc::Status::default().details;
    any.resize_with(1, Default::default);
    any[0].value = response.encode_to_vec();
    done.result = any.pop().map(operation::Result::Response);
    let all = [waiting.encode_to_vec(), done.encode_to_vec()];
    if script.executions == 1 { all.into() } else { all[1..].to_vec() }
}
