//! The build information that Go puts into every program, which `go version -m` shows: the same text
//! that `go build -trimpath -buildvcs=false` writes for the same package.

use crate::flags;
use crate::packages::{GoModule, Listed, Packages};
use crate::request::Request;
use crate::toolchain::Toolchain;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The text, without the marks that Go puts around it.
pub(crate) fn build_info(request: &Request, toolchain: &Toolchain, packages: &Packages) -> String {
    let mut text = String::new();
    let main = packages.main();
    let _ = writeln!(text, "path\t{}", main.import_path);
    if let Some(module) = &main.module {
        module_lines(&mut text, "mod", module);
    }
    for module in dependencies(packages) {
        module_lines(&mut text, "dep", module);
    }
    for (key, value) in settings(request, toolchain, main) {
        let _ = writeln!(text, "build\t{}={}", key, quoted_if_needed(&value));
    }
    text
}

/// The text as the linker wants it in its import configuration: between two marks of sixteen bytes by
/// which `go version` finds it in a program, and quoted as a Go string.
pub(crate) fn importcfg_line(info: &str) -> String {
    const START: &str = r"0w\xaf\f\x92t\b\x02A\xe1\xc1\a\xe6\xd6\x18\xe6";
    const END: &str = r"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2";
    format!("modinfo \"{START}{}{END}\"\n", escape(info))
}

fn module_lines(text: &mut String, word: &str, module: &GoModule) {
    let version = module.version.as_deref().unwrap_or("(devel)");
    let _ = write!(text, "{word}\t{}\t{version}", module.path);
    match &module.replace {
        Some(replacement) => {
            text.push('\n');
            module_lines(text, "=>", replacement);
            // Go ends the line of the replaced module a second time.
            text.push('\n');
        }
        None => {
            // `go list` tells none for replaced and for vendored modules, and Go writes none.
            let _ = writeln!(text, "\t{}", module.sum.as_deref().unwrap_or_default());
        }
    }
}

/// The Go modules of all packages but that of the main package, by path.
fn dependencies(packages: &Packages) -> Vec<&GoModule> {
    let own = packages.main().module.as_ref().map(|module| &module.path);
    let found: BTreeMap<&str, &GoModule> = packages
        .all()
        .iter()
        .filter_map(|package| package.module.as_ref())
        .filter(|module| Some(&module.path) != own)
        .map(|module| (module.path.as_str(), module))
        .collect();
    // A build has one version of a Go module.
    found.into_values().collect()
}

fn settings(
    request: &Request,
    toolchain: &Toolchain,
    main: &Listed,
) -> Vec<(&'static str, String)> {
    let goflags = &toolchain.goflags;
    let from_goflags = |name| flags::of_goflags(goflags, name).filter(|value| !value.is_empty());
    let mut settings = Vec::new();
    let mut add = |key, value: &str| settings.push((key, value.to_owned()));
    if let Some(flags) = from_goflags("asmflags") {
        add("-asmflags", flags);
    }
    add("-buildmode", request.target.build_mode.as_str());
    add("-compiler", "gc");
    if let Some(flags) = from_goflags("gcflags") {
        add("-gcflags", flags);
    }
    if let Some(profile) = &main.profile {
        add("-pgo", profile);
    }
    let covers = |name| from_goflags(name).is_some_and(|value| value != "false");
    if ["cover", "covermode", "coverpkg"].into_iter().any(covers) {
        add("-cover", "true");
    }
    let tags = if request.tags.is_empty() {
        from_goflags("tags")
            .map(|tags| tags.split(',').map(str::to_owned).collect())
            .unwrap_or_default()
    } else {
        request.tags.clone()
    };
    if !tags.is_empty() {
        add("-tags", &tags.join(","));
    }
    add("-trimpath", "true");
    if let Some(godebug) = &main.default_godebug {
        add("DefaultGODEBUG", godebug);
    }
    add("CGO_ENABLED", "0");
    add("GOARCH", "wasm");
    if !toolchain.goexperiment.is_empty() {
        add("GOEXPERIMENT", &toolchain.goexperiment);
    }
    add("GOOS", request.target.goos.as_str());
    if !toolchain.gowasm.is_empty() {
        add("GOWASM", &toolchain.gowasm);
    }
    if main.profile.is_some() {
        // Go adds the profile last, and sorts again.
        settings.sort();
    }
    settings
}

fn quoted_if_needed(value: &str) -> String {
    let needs = value.contains([' ', '\t', '\r', '\n', '"', '`']);
    if needs { format!("\"{}\"", escape(value)) } else { value.to_owned() }
}

/// As Go writes a quoted string; paths, versions and flags have little that needs it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(escaped, "\\x{:02x}", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}
