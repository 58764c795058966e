//! A command with its inputs and outputs, and the key that covers all of it: the SHA-256 of the
//! Remote Execution API's `Action` message in its canonical encoding.
//!
//! Canonical means: fields in the order of their numbers (prost does so), and every list that the
//! specification calls a set sorted by the bytes of its names. The same action thus has one key on
//! every machine, and a remote cache knows it by that key as well.

use crate::digest::Digest;
use crate::error::StoreError;
use crate::reapi;
use prost::Message;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// What an action's result is kept under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionKey(pub Digest);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

#[derive(Debug, Clone, Default)]
pub struct Action {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    inputs: BTreeMap<String, Input>,
    outputs: BTreeSet<String>,
    platform: BTreeSet<(String, String)>,
}

#[derive(Debug, Clone)]
struct Input {
    content: Content,
    executable: bool,
}

#[derive(Debug, Clone)]
enum Content {
    File(PathBuf),
    Known(Digest),
}

/// Where the bytes of a blob come from that a server may need.
#[derive(Debug, Clone)]
pub enum Blob {
    Bytes(Vec<u8>),
    File(PathBuf),
}

pub type Blobs = BTreeMap<Digest, Blob>;

/// The messages of one action as a remote execution service wants to have them.
#[derive(Debug, Clone)]
pub struct EncodedAction {
    pub key: ActionKey,
    pub action: Vec<u8>,
    pub command: Vec<u8>,
    /// The input tree's `Directory` messages, the root last, none twice.
    pub directories: Vec<(Digest, Vec<u8>)>,
}

impl Action {
    pub fn new(arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Action { arguments: arguments.into_iter().map(Into::into).collect(), ..Action::default() }
    }

    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// The input `path` (relative, with `/`) has the bytes of the file `source`; they are read when
    /// the key is made.
    pub fn input_file(
        self,
        path: impl Into<String>,
        source: impl Into<PathBuf>,
        executable: bool,
    ) -> Self {
        self.input(path, Content::File(source.into()), executable)
    }

    pub fn input_bytes(self, path: impl Into<String>, bytes: &[u8], executable: bool) -> Self {
        self.input(path, Content::Known(Digest::of(bytes)), executable)
    }

    /// For a file whose digest is known already.
    pub fn input_digest(self, path: impl Into<String>, digest: Digest, executable: bool) -> Self {
        self.input(path, Content::Known(digest), executable)
    }

    fn input(mut self, path: impl Into<String>, content: Content, executable: bool) -> Self {
        self.inputs.insert(path.into(), Input { content, executable });
        self
    }

    pub fn output(mut self, path: impl Into<String>) -> Self {
        self.outputs.insert(path.into());
        self
    }

    /// What a worker must be like, or what else the result depends on.
    pub fn platform(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.platform.insert((name.into(), value.into()));
        self
    }

    pub fn key(&self) -> Result<ActionKey, StoreError> {
        Ok(self.encode()?.key)
    }

    pub fn encode(&self) -> Result<EncodedAction, StoreError> {
        let tree = self.input_tree()?;
        let mut directories = BTreeMap::new();
        let input_root = tree.encode(&mut directories);
        let command = self.command().encode_to_vec();
        let action = reapi::Action {
            command_digest: Some(Digest::of(&command).into()),
            input_root_digest: Some(input_root.into()),
            platform: self.platform_message(),
        }
        .encode_to_vec();

        let root = directories.remove_entry(&input_root);
        let directories = directories.into_iter().chain(root).collect();
        Ok(EncodedAction { key: ActionKey(Digest::of(&action)), action, command, directories })
    }

    fn command(&self) -> reapi::Command {
        reapi::Command {
            arguments: self.arguments.clone(),
            environment_variables: self.environment.iter().map(name_value).collect(),
            platform: self.platform_message(),
            output_paths: self.outputs.iter().cloned().collect(),
        }
    }

    fn platform_message(&self) -> Option<reapi::Platform> {
        let properties =
            self.platform.iter().map(|(name, value)| name_value((name, value))).collect();
        (!self.platform.is_empty()).then_some(reapi::Platform { properties })
    }

    /// Hashes the files, all at once, and puts everything where its path says.
    fn input_tree(&self) -> Result<Tree, StoreError> {
        let inputs: Vec<_> = self.inputs.iter().collect();
        // Gathered before the first error is chosen: the same one on every run.
        let digests: Vec<_> = inputs.par_iter().map(|(_, input)| input.digest()).collect();
        let mut root = Tree::default();
        for ((path, input), digest) in inputs.into_iter().zip(digests) {
            root.insert(path, digest?, input.executable)?;
        }
        Ok(root)
    }
}

fn name_value((name, value): (&String, &String)) -> reapi::NameValue {
    reapi::NameValue { name: name.clone(), value: value.clone() }
}

impl Input {
    fn digest(&self) -> Result<Digest, StoreError> {
        let of_file = |path: &Path| {
            Digest::of_file(path)
                .map_err(|source| StoreError::Source { path: path.to_owned(), source })
        };
        match &self.content {
            Content::File(path) => of_file(path),
            Content::Known(digest) => Ok(*digest),
        }
    }
}

/// One directory of the input tree. A `BTreeMap` of strings is in the order that the encoding wants.
#[derive(Default)]
struct Tree {
    files: BTreeMap<String, (Digest, bool)>,
    directories: BTreeMap<String, Tree>,
}

impl Tree {
    fn insert(&mut self, path: &str, digest: Digest, executable: bool) -> Result<(), StoreError> {
        let refuse = |why| StoreError::InputPath { path: path.to_owned(), why };
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        if path.contains('\0') || path.contains('\\') {
            return Err(refuse("it has a character that not every system allows in a name"));
        }
        let mut tree = self;
        for parent in parents.split('/').filter(|_| path.contains('/')) {
            if !is_plain(parent) {
                return Err(refuse("it is not a plain relative path"));
            }
            if tree.files.contains_key(parent) {
                return Err(refuse("a folder in it is also given as a file"));
            }
            tree = tree.directories.entry(parent.to_owned()).or_default();
        }
        if !is_plain(name) {
            return Err(refuse("it is not a plain relative path"));
        }
        if tree.directories.contains_key(name) {
            return Err(refuse("it is also given as a folder"));
        }
        tree.files.insert(name.to_owned(), (digest, executable));
        Ok(())
    }

    /// Children first, since a parent names them by digest.
    fn encode(&self, messages: &mut BTreeMap<Digest, Vec<u8>>) -> Digest {
        let directories = self.directories.iter().map(|(name, tree)| reapi::DirectoryNode {
            name: name.clone(),
            digest: Some(tree.encode(messages).into()),
        });
        let directories = directories.collect();
        let files = self.files.iter().map(|(name, (digest, executable))| reapi::FileNode {
            name: name.clone(),
            digest: Some((*digest).into()),
            is_executable: *executable,
        });
        let message = reapi::Directory { files: files.collect(), directories }.encode_to_vec();
        let digest = Digest::of(&message);
        messages.insert(digest, message);
        digest
    }
}

fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Action {
        Action::new(["link", "-o", "out.wasm"]).input_bytes("b/main.a", b"archive", false)
    }

    #[test]
    fn the_order_in_which_things_were_said_does_not_matter() {
        let one = sample()
            .env("A", "1")
            .env("B", "2")
            .output("x")
            .output("a")
            .input_bytes("b/a", b"", false);
        let other = Action::new(["link", "-o", "out.wasm"])
            .input_bytes("b/a", b"", false)
            .output("a")
            .output("x")
            .env("B", "2")
            .env("A", "1")
            .input_bytes("b/main.a", b"archive", false);
        assert_eq!(one.key().unwrap(), other.key().unwrap());
    }

    #[test]
    fn everything_is_in_the_key() {
        let variants = [
            sample(),
            Action::new(["link", "-o", "out2.wasm"]).input_bytes("b/main.a", b"archive", false),
            Action::new(["link", "-o out.wasm"]).input_bytes("b/main.a", b"archive", false),
            sample().env("GOOS", "js"),
            sample().env("GOOS", ""),
            sample().output("out.wasm"),
            sample().platform("go", "1.26"),
            sample().platform("go", "1.26").platform("go", "1.27"),
            sample().input_bytes("b/main.a", b"archivf", false),
            sample().input_bytes("b/main.a", b"archive", true),
            sample().input_bytes("c/main.a", b"archive", false),
            sample().input_bytes("b/main/a", b"archive", false),
        ];
        let keys: BTreeSet<_> = variants.iter().map(|action| action.key().unwrap()).collect();
        assert_eq!(keys.len(), variants.len());
    }

    #[test]
    fn a_file_counts_by_its_bytes_and_not_by_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"archive").unwrap();
        let from_file =
            Action::new(["link", "-o", "out.wasm"]).input_file("b/main.a", file.path(), false);
        assert_eq!(from_file.key().unwrap(), sample().key().unwrap());
    }

    #[test]
    fn refuses_paths_that_are_no_paths_in_a_tree() {
        for path in ["", "/etc/passwd", "a//b", "../a", "a/..", "a/./b", "a/", "a\\b", "a\0"] {
            let refused = Action::new(["x"]).input_bytes(path, b"", false).key();
            assert!(matches!(refused, Err(StoreError::InputPath { .. })), "{path:?}");
        }
        for pair in [["a", "a/b"], ["a/b/c", "a/b"], ["a", "a.b/c"]] {
            let action =
                pair.iter().fold(Action::new(["x"]), |a, path| a.input_bytes(*path, b"", false));
            assert_eq!(action.key().is_err(), pair != ["a", "a.b/c"], "{pair:?}");
        }
    }

    #[test]
    fn names_the_missing_input() {
        let missing = Action::new(["x"]).input_file("a", "/nowhere/a.go", false).key().unwrap_err();
        assert!(missing.to_string().starts_with("cannot read /nowhere/a.go: "), "{missing}");
    }
}
