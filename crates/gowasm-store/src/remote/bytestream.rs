//! Single blobs as streams, in both directions, compressed when the server offers it.

use super::client::{Client, uuid};
use super::error::{Kind, RemoteError};
use super::retry::{Retry, cut_short, wrong};
use crate::digest::Hasher;
use crate::{Blob, Digest};
use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient as Service;
use bazel_remote_apis::google::bytestream::{QueryWriteStatusRequest, ReadRequest, WriteRequest};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// What one message carries.
const CHUNK: usize = 256 * 1024;
/// Below this compression costs more than it saves.
const WORTH_COMPRESSING: u64 = 4 * 1024;
const ZSTD_LEVEL: i32 = 1;
/// No frame of ours or of anybody's level 19 needs a larger window; one that asks for more is refused.
const ZSTD_WINDOW_LOG: u32 = 24;
/// Bytes a second. A server that is slower than this for as long as the timeout gets no further.
const SLOWEST: f64 = 1024.0;

impl Client {
    fn stream(&self) -> Service<Channel> {
        Service::new(self.channel.clone()).max_decoding_message_size(super::client::MESSAGE_LIMIT)
    }

    fn name(&self, parts: &[&str]) -> String {
        let instance = [self.instance.as_str()].into_iter().filter(|name| !name.is_empty());
        instance.chain(parts.iter().copied()).collect::<Vec<_>>().join("/")
    }

    fn compresses(&self, digest: &Digest) -> bool {
        self.offers.zstd && digest.size >= WORTH_COMPRESSING
    }

    /// Streams a blob into `sink`. What went into it counts only when this succeeds.
    pub(crate) fn fetch(
        &self,
        digest: &Digest,
        sink: &mut dyn Write,
        what: &str,
    ) -> Result<(), RemoteError> {
        let doing = format!("fetch blob {digest}");
        let mut checked = Checked { sink, hasher: Hasher::new(), left: digest.size, refused: None };
        if digest.size > 0 {
            self.wait(self.read(digest, &mut checked, &doing, what))?;
        }
        if checked.hasher.finish() != *digest {
            return Err(wrong(self, &doing, "the bytes it sent do not have that digest"));
        }
        Ok(())
    }

    async fn read(
        &self,
        digest: &Digest,
        checked: &mut Checked<'_>,
        doing: &str,
        what: &str,
    ) -> Result<(), RemoteError> {
        let compressed = self.compresses(digest);
        let (hash, size) = (digest.hex(), digest.size.to_string());
        let name = match compressed {
            true => self.name(&["compressed-blobs/zstd", &hash, &size]),
            false => self.name(&["blobs", &hash, &size]),
        };
        let mut retry = Retry::new(self, doing);
        let due = ((self.timeout.as_secs_f64() * SLOWEST) as u64).max(1);
        let mut unpaid = 0;
        while checked.left > 0 {
            let offset = digest.size - checked.left;
            let question = ReadRequest {
                resource_name: name.clone(),
                // Of the blob itself, also when it is sent compressed.
                read_offset: offset as i64,
                read_limit: 0,
            };
            let mut decoder = Decoder::new(compressed)
                .map_err(|error| self.error(Kind::Local, doing, &error.to_string()))?;
            let mut service = self.stream();
            let opened = retry.step(service.read(self.request(question, what))).await;
            let mut stream = match opened {
                Ok(response) => response.into_inner(),
                Err(status) => {
                    retry.after(status).await?;
                    continue;
                }
            };
            let ended = loop {
                match retry.step(stream.message()).await {
                    Ok(Some(message)) => {
                        let before = checked.left;
                        if let Err(error) = decoder.write(&message.data, checked) {
                            return Err(self.unusable(checked, doing, &error));
                        }
                        unpaid += before - checked.left;
                        if unpaid >= due || checked.left == 0 {
                            unpaid = 0;
                            retry.progressed();
                        }
                    }
                    Ok(None) => break None,
                    Err(status) => break Some(status),
                }
            };
            if checked.left > 0 {
                retry.after(ended.unwrap_or_else(cut_short)).await?;
            }
        }
        Ok(())
    }

    fn unusable(&self, checked: &mut Checked<'_>, doing: &str, error: &io::Error) -> RemoteError {
        match checked.refused.take() {
            Some(error) => {
                self.error(Kind::Local, doing, &format!("the disk took no more of it: {error}"))
            }
            None => wrong(self, doing, &format!("what it sent is not that blob: {error}")),
        }
    }

    pub(super) async fn write(
        &self,
        digest: &Digest,
        source: &Blob,
        what: &str,
    ) -> Result<(), RemoteError> {
        let doing = format!("upload blob {digest}");
        let largest = self.offers.largest_blob;
        if largest > 0 && digest.size > largest {
            let why = format!("it takes no blobs of more than {largest} bytes");
            return Err(wrong(self, &doing, &why));
        }
        let compressed = self.compresses(digest);
        let mut retry = Retry::new(self, &doing);
        let mut offset = 0;
        let mut upload = self.upload_name(digest, compressed);
        loop {
            let failed = Arc::new(Mutex::new(None));
            let moved = Arc::new(AtomicU64::new(0));
            let mut pieces = Pieces::open(source, &upload, offset, compressed, failed.clone())
                .map_err(|error| self.error(Kind::Local, &doing, &error.to_string()))?;
            let counter = moved.clone();
            let counted = std::iter::from_fn(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                pieces.next()
            });
            let mut service = self.stream();
            let request = self.request(tokio_stream::iter(counted), what);
            let result = self.as_long_as_it_moves(service.write(request), &moved).await;
            if let Some(error) = failed.lock().ok().and_then(|mut failed| failed.take()) {
                let error: io::Error = error;
                return Err(self.error(Kind::Local, &doing, &error.to_string()));
            }
            let status = match result {
                Ok(response) => match response.into_inner().committed_size {
                    committed if compressed || committed == digest.size as i64 => return Ok(()),
                    _ => Status::unavailable("the server took only a part of the blob"),
                },
                // Somebody else was faster.
                Err(status) if status.code() == Code::AlreadyExists => return Ok(()),
                Err(status) => status,
            };
            retry.after(status).await?;
            match self.committed(&upload, what).await {
                Some(all) if all == digest.size && !compressed => return Ok(()),
                Some(part) if part > offset && part < digest.size && !compressed => {
                    offset = part;
                    retry.progressed();
                }
                _ => {
                    offset = 0;
                    upload = self.upload_name(digest, compressed);
                }
            }
        }
    }

    /// Waits for the end of an upload while pieces of it go out.
    async fn as_long_as_it_moves<T>(
        &self,
        upload: impl Future<Output = Result<T, Status>>,
        moved: &AtomicU64,
    ) -> Result<T, Status> {
        let mut upload = std::pin::pin!(upload);
        let mut before = moved.load(Ordering::Relaxed);
        loop {
            if let Ok(result) = tokio::time::timeout(self.timeout, &mut upload).await {
                return result;
            }
            let now = moved.load(Ordering::Relaxed);
            if now == before {
                let why = format!("nothing moved for {:?} (--remote-timeout)", self.timeout);
                return Err(Status::deadline_exceeded(why));
            }
            before = now;
        }
    }

    fn upload_name(&self, digest: &Digest, compressed: bool) -> String {
        let kind = if compressed { "compressed-blobs/zstd" } else { "blobs" };
        self.name(&["uploads", &uuid(), kind, &digest.hex(), &digest.size.to_string()])
    }

    /// How much of an upload the server has; it need not know.
    async fn committed(&self, upload: &str, what: &str) -> Option<u64> {
        let question = QueryWriteStatusRequest { resource_name: upload.to_owned() };
        let mut service = self.stream();
        let asked = service.query_write_status(self.request(question, what));
        let answer = tokio::time::timeout(self.timeout, asked).await.ok()?.ok()?;
        u64::try_from(answer.into_inner().committed_size).ok()
    }
}

/// Counts and hashes what goes by, and takes no more than is due.
struct Checked<'a> {
    sink: &'a mut dyn Write,
    hasher: Hasher,
    left: u64,
    /// The sink's own error.
    refused: Option<io::Error>,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        if length > self.left {
            return Err(io::Error::other("it is longer than its digest says"));
        }
        if let Err(error) = self.sink.write_all(bytes) {
            let kind = error.kind();
            self.refused = Some(error);
            return Err(kind.into());
        }
        self.hasher.update(bytes);
        self.left -= length;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    Plain,
    Zstd { decoder: zstd::stream::raw::Decoder<'static>, buffer: Vec<u8> },
}

impl Decoder {
    fn new(compressed: bool) -> io::Result<Self> {
        if !compressed {
            return Ok(Decoder::Plain);
        }
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        Ok(Decoder::Zstd { decoder, buffer: vec![0; CHUNK] })
    }

    fn write(&mut self, mut bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let Decoder::Zstd { decoder, buffer } = self else { return out.write_all(bytes) };
        loop {
            let status = zstd::stream::raw::Operation::run_on_buffers(decoder, bytes, buffer)?;
            bytes = &bytes[status.bytes_read..];
            out.write_all(&buffer[..status.bytes_written])?;
            // A full buffer may have more behind it.
            if bytes.is_empty() && status.bytes_written < buffer.len() {
                return Ok(());
            }
            if status.bytes_read == 0 && status.bytes_written == 0 {
                return Err(io::Error::other("its compressed form is damaged"));
            }
        }
    }
}

/// The messages of an upload, made as they are sent.
struct Pieces {
    reader: Box<dyn Read + Send + Sync>,
    name: Option<String>,
    offset: i64,
    next: Vec<u8>,
    done: bool,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Pieces {
    fn open(
        source: &Blob,
        name: &str,
        offset: u64,
        compressed: bool,
        failed: Arc<Mutex<Option<io::Error>>>,
    ) -> io::Result<Self> {
        let mut reader: Box<dyn Read + Send + Sync> = match source {
            Blob::Bytes(bytes) => {
                let mut cursor = Cursor::new(bytes.clone());
                cursor.set_position(offset);
                Box::new(cursor)
            }
            Blob::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
        };
        if compressed {
            let encoder = zstd::stream::read::Encoder::new(reader, ZSTD_LEVEL)?;
            reader = Box::new(encoder);
        }
        let name = Some(name.to_owned());
        let mut pieces =
            Pieces { reader, name, offset: offset as i64, next: Vec::new(), done: false, failed };
        pieces.next = pieces.read()?;
        Ok(pieces)
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(CHUNK);
        (&mut self.reader).take(CHUNK as u64).read_to_end(&mut piece)?;
        Ok(piece)
    }
}

impl Iterator for Pieces {
    type Item = WriteRequest;

    fn next(&mut self) -> Option<WriteRequest> {
        if self.done {
            return None;
        }
        // One ahead: the last message says that it is the last.
        let next = match self.read() {
            Ok(next) => next,
            Err(error) => {
                if let Ok(mut failed) = self.failed.lock() {
                    *failed = Some(error);
                }
                self.done = true;
                return None;
            }
        };
        let data = std::mem::replace(&mut self.next, next);
        self.done = self.next.is_empty();
        let offset = self.offset;
        self.offset += data.len() as i64;
        Some(WriteRequest {
            resource_name: self.name.take().unwrap_or_default(),
            write_offset: offset,
            finish_write: self.done,
            data,
        })
    }
}
