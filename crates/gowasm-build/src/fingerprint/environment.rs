//! The part of the environment that Go reads.

use gowasm_store::Digest;
use std::env;
use std::ffi::OsString;

/// Besides all that begin with `GO` or `CGO_`: where Go looks for its settings, its caches and other
/// toolchains, and for tools of its own.
const OTHERS: &[&str] = &[
    "PATH",
    "HOME",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "APPDATA",
    "LOCALAPPDATA",
    "CC",
    "CXX",
    "AR",
    "FC",
    "PKG_CONFIG",
];

/// A digest of it: values may be secrets, such as a proxy's password.
pub(crate) fn digest() -> [u8; 32] {
    digest_of(env::vars_os().collect())
}

fn digest_of(mut variables: Vec<(OsString, OsString)>) -> [u8; 32] {
    variables.retain(|(name, _)| name.to_str().is_some_and(is_read));
    variables.sort();
    let mut text = Vec::new();
    for (name, value) in &variables {
        for part in [name, value] {
            text.extend_from_slice(&part.as_encoded_bytes().len().to_le_bytes());
            text.extend_from_slice(part.as_encoded_bytes());
        }
    }
    Digest::of(&text).hash
}

/// gowasm's own variables have their effect through the request.
fn is_read(name: &str) -> bool {
    let go = name.starts_with("GO") && !name.starts_with("GOWASM_");
    go || name.starts_with("CGO_") || OTHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of_pairs(pairs: &[(&str, &str)]) -> [u8; 32] {
        digest_of(pairs.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    #[test]
    fn sees_what_go_reads_and_nothing_else() {
        let base = digest_of_pairs(&[("GOFLAGS", "-x"), ("TERM", "dumb"), ("GOWASM_STORE", "a")]);
        assert_eq!(
            base,
            digest_of_pairs(&[("TERM", "xterm"), ("GOFLAGS", "-x"), ("GOWASM_STORE", "b")])
        );
        assert_ne!(base, digest_of_pairs(&[("GOFLAGS", "-v")]));
        assert_ne!(base, digest_of_pairs(&[("GOFLAGS", "-x"), ("GOWASM", "satconv")]));
        assert_ne!(base, digest_of_pairs(&[("GOFLAGS", "-x"), ("GOEXPERIMENT", "")]));
        assert_ne!(digest_of_pairs(&[("GOA", "bc")]), digest_of_pairs(&[("GOAB", "c")]));
    }
}
