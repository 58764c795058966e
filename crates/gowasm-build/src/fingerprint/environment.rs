//! The part of the environment that Go reads.

use gowasm_store::Digest;
use std::env;
use std::ffi::OsString;
use std::path::Path;

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

/// What programs set for themselves and terminals for each other; no Go is chosen by it.
const NEVER: &[&str] = &["_", "PWD", "OLDPWD", "SHLVL", "TERM", "COLUMNS", "LINES"];

/// A digest of it: values may be secrets, such as a proxy's password.
pub(crate) fn digest(go: &Path) -> [u8; 32] {
    digest_of(env::vars_os().collect(), is_launcher(go))
}

/// Whether the go command is no Go itself but a program that starts one, such as a version manager's:
/// any variable may tell it which.
pub(super) fn is_launcher(go: &Path) -> bool {
    let go = go.canonicalize();
    let goroot = go.as_deref().ok().and_then(|go| go.parent()?.parent());
    !goroot.is_some_and(|goroot| goroot.join("VERSION").is_file())
}

fn digest_of(mut variables: Vec<(OsString, OsString)>, all: bool) -> [u8; 32] {
    variables.retain(|(name, _)| match name.to_str() {
        Some(name) if all => !name.starts_with("GOWASM_") && !NEVER.contains(&name),
        Some(name) => is_read(name),
        None => all,
    });
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
        digest_of(pairs.iter().map(|(name, value)| (name.into(), value.into())).collect(), false)
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
        let all = |value: &str| {
            let variables = [("ASDF_GOLANG_VERSION", value), ("SHLVL", value)];
            let chosen: Vec<_> = variables.iter().map(|(n, v)| (n.into(), v.into())).collect();
            (digest_of(chosen.clone(), true), digest_of(chosen[1..].to_vec(), true))
        };
        assert_ne!(all("1.27.3").0, all("1.26.8").0);
        assert_eq!(all("1").1, all("2").1);
    }
}
