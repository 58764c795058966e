//! Under which note a request finds what it made before: a digest of a list of all that was asked for.
//!
//! The list is explicit, and every struct is taken apart with all of its fields: one that is added does
//! not compile until its line stands here.

use crate::{CheckRequest, Request, WasmOpt};
use gowasm_directive::Target;
use gowasm_store::{Digest, RemoteOptions};
use gowasm_verify::{Limits, MissingImports};
use std::ffi::OsStr;
use std::path::Path;

/// Raised when a line changes its meaning.
const VERSION: &str = "1";

pub(crate) fn of_build(request: &Request) -> [u8; 32] {
    let Request {
        started_in,
        package,
        output,
        manifest,
        target,
        tags,
        ldflags,
        go_flags,
        go,
        plan,
        verify,
        linker,
        size,
        wasm_opt,
        guard,
        embed_manifest,
        deny,
        limits,
        missing_imports,
        offline,
        store,
        servers,
        gowasm,
    } = request;
    let mut list = List::new("build");
    list.add("started_in", [started_in]);
    list.add("package", [package]);
    list.add("output", output);
    list.add("manifest", manifest);
    list.target(*target);
    list.add("tags", tags);
    list.add("ldflags", ldflags);
    list.add("go_flags", go_flags);
    list.add("go", go);
    list.add("plan", plan);
    list.flag("verify", *verify);
    list.add("linker", [linker.as_str()]);
    list.add("size", [size.to_string()]);
    if let Some(WasmOpt { level, program, memory_bytes, time }) = wasm_opt {
        list.add("wasm_opt", [level.to_string()]);
        list.add("wasm_opt_program", program);
        list.number("wasm_opt_memory", *memory_bytes);
        list.add("wasm_opt_time", [format!("{time:?}")]);
    }
    list.add("guard", [guard.as_str(), gowasm_guard::VERSION]);
    list.flag("embed_manifest", *embed_manifest);
    list.add("deny", deny.words());
    list.limits(*limits);
    list.add("missing_imports", missing_imports.map(MissingImports::as_str));
    list.flag("offline", *offline);
    list.add("store", store);
    list.servers(servers.options());
    list.add("gowasm", gowasm);
    list.digest()
}

/// Those packages of a check that Go lists in one folder.
pub(crate) fn of_check(request: &CheckRequest, dir: &Path, in_dir: &[String]) -> [u8; 32] {
    let CheckRequest { started_in, packages, target, tags, go_flags, go, deny, offline, store } =
        request;
    let mut list = List::new("check");
    list.add("started_in", [started_in]);
    list.add("packages", packages);
    list.add("dir", [dir]);
    list.add("in_dir", in_dir);
    list.target(*target);
    list.add("tags", tags);
    list.add("go_flags", go_flags);
    list.add("go", go);
    list.add("deny", deny.words());
    list.flag("offline", *offline);
    list.add("store", store);
    list.digest()
}

/// Names with any number of values each, so written that no two lists have the same bytes.
struct List(Vec<u8>);

impl List {
    fn new(kind: &str) -> Self {
        let mut list = List(Vec::new());
        list.add(kind, [VERSION]);
        list
    }

    fn add<V: AsRef<OsStr>>(&mut self, name: &str, values: impl IntoIterator<Item = V>) {
        self.part(name.as_bytes());
        for value in values {
            self.0.push(1);
            self.part(value.as_ref().as_encoded_bytes());
        }
        self.0.push(0);
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.add(name, [if value { "yes" } else { "no" }]);
    }

    fn number(&mut self, name: &str, value: u64) {
        self.add(name, [value.to_string()]);
    }

    fn target(&mut self, target: Target) {
        let Target { goos, build_mode } = target;
        self.add("goos", [goos.as_str()]);
        self.add("build_mode", [build_mode.to_string()]);
    }

    fn limits(&mut self, limits: Limits) {
        let Limits { memory_bytes, steps, seconds } = limits;
        self.number("memory", memory_bytes);
        self.number("steps", steps);
        self.number("seconds", seconds);
    }

    /// Headers may be secrets: only a digest of the list is ever kept.
    fn servers(&mut self, options: &RemoteOptions) {
        let RemoteOptions {
            cache,
            executor,
            instance_name,
            headers,
            timeout,
            retries,
            exec_properties,
            accept_cached,
            upload_local_results,
            local_fallback,
            tls_certificate,
            tls_client_certificate,
            tls_client_key,
            credential_helpers,
        } = options;
        let pairs = |pairs: &[(String, String)]| -> Vec<String> {
            pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
        };
        self.add("remote_cache", cache);
        self.add("remote_executor", executor);
        self.add("remote_instance_name", [instance_name]);
        self.add("remote_header", pairs(headers));
        self.add("remote_timeout", [format!("{timeout:?}")]);
        self.number("remote_retries", u64::from(*retries));
        self.add("remote_default_exec_properties", pairs(exec_properties));
        self.flag("remote_accept_cached", *accept_cached);
        self.flag("remote_upload_local_results", *upload_local_results);
        self.flag("remote_local_fallback", *local_fallback);
        self.add("tls_certificate", tls_certificate);
        self.add("tls_client_certificate", tls_client_certificate);
        self.add("tls_client_key", tls_client_key);
        self.add("credential_helper", credential_helpers);
    }

    fn digest(&self) -> [u8; 32] {
        Digest::of(&self.0).hash
    }
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn no_two_lists_are_the_same() {
        let digest = |write: &dyn Fn(&mut List)| {
            let mut list = List::new("test");
            write(&mut list);
            list.digest()
        };
        let lists = [
            digest(&|list| list.add("a", ["b", "c"])),
            digest(&|list| list.add("a", ["bc"])),
            digest(&|list| list.add("a", ["b"])),
            digest(&|list| list.add("a", [""])),
            digest(&|list| list.add("a", None::<String>)),
            digest(&|list| {
                list.add("a", ["b"]);
                list.add("c", None::<String>);
            }),
            digest(&|list| list.flag("a", true)),
            digest(&|list| list.flag("a", false)),
        ];
        for (at, list) in lists.iter().enumerate() {
            assert!(!lists[..at].contains(list), "list {at}");
        }
    }
}
