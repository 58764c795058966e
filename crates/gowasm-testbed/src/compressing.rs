//! zstd in front of a server that has none: blobs go compressed between client and proxy, and plain
//! between proxy and server.

use crate::interposer::{Frames, PREFIX, framed, reply};
use anyhow::{Context, Result, ensure};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::bytestream::{
    ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::server::SendResponse;
use http::Request;
use prost::Message;

const COMPRESSED: &str = "compressed-blobs/zstd/";
const CHUNK: usize = 100_000;

/// Answers a call of one of the three methods that compression is about.
pub(crate) async fn answer(
    method: &str,
    head: Request<()>,
    mut body: Frames,
    respond: &mut SendResponse<Bytes>,
    upstream: SendRequest<Bytes>,
) -> Result<()> {
    let mut questions = Vec::new();
    while let Some(frame) = body.next().await? {
        questions.push(frame);
    }
    match method {
        "GetCapabilities" => {
            let answers = ask(head, questions, upstream).await?;
            let answer = answers.first().context("no capabilities")?;
            let mut offers = api::ServerCapabilities::decode(&answer[PREFIX..])?;
            let cache = offers.cache_capabilities.as_mut().context("no cache")?;
            cache.supported_compressors.push(api::compressor::Value::Zstd as i32);
            reply(respond, [offers.encode_to_vec()])
        }
        "Read" => {
            let frame = questions.first().context("no question")?;
            let mut question = ReadRequest::decode(&frame[PREFIX..])?;
            ensure!(question.resource_name.contains(COMPRESSED), "a plain read");
            question.resource_name = question.resource_name.replace(COMPRESSED, "blobs/");
            let answers = ask(head, vec![framed(&question.encode_to_vec())?], upstream).await?;
            let mut plain = Vec::new();
            for frame in answers {
                plain.extend(ReadResponse::decode(&frame[PREFIX..])?.data);
            }
            let compressed = zstd::encode_all(plain.as_slice(), 3)?;
            let pieces = compressed.chunks(CHUNK).map(<[u8]>::to_vec);
            reply(respond, pieces.map(|data| ReadResponse { data }.encode_to_vec()))
        }
        _ => {
            let (mut name, mut compressed, mut finished) = (String::new(), Vec::new(), false);
            for frame in questions {
                let message = WriteRequest::decode(&frame[PREFIX..])?;
                // Offsets are those of the compressed form.
                ensure!(message.write_offset as usize == compressed.len(), "a gap");
                if name.is_empty() {
                    name = message.resource_name;
                }
                compressed.extend(message.data);
                finished = message.finish_write;
            }
            ensure!(name.contains(COMPRESSED) && finished, "no whole compressed upload");
            let plain = zstd::decode_all(compressed.as_slice())?;
            let message = WriteRequest {
                resource_name: name.replace(COMPRESSED, "blobs/"),
                write_offset: 0,
                finish_write: true,
                data: plain,
            };
            ask(head, vec![framed(&message.encode_to_vec())?], upstream).await?;
            let committed_size = compressed.len() as i64;
            reply(respond, [WriteResponse { committed_size }.encode_to_vec()])
        }
    }
}

/// The server's answers to a call with these messages, in their frames.
pub(crate) async fn ask(
    head: Request<()>,
    questions: Vec<Bytes>,
    upstream: SendRequest<Bytes>,
) -> Result<Vec<Bytes>> {
    let (response, mut stream) = upstream.ready().await?.send_request(head, false)?;
    for question in questions {
        stream.send_data(question, false)?;
    }
    stream.send_data(Bytes::new(), true)?;
    let response = response.await?;
    let mut body = Frames { body: response.into_body(), buffer: BytesMut::new() };
    let mut answers = Vec::new();
    while let Some(frame) = body.next().await? {
        answers.push(frame);
    }
    Ok(answers)
}
