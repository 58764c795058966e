//! What targets say of their own modules: options of a build, budgets, interfaces, judgements, another Go.

use super::e2e::{KEPT, LOCAL, MODULE, case, edit, refused};
use super::local::STRIPPED;
use super::{Kit, Machine};
use crate::test::Count;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

const VET: &str = "--aspects=@rules_go_wasm//rules:defs.bzl%go_wasm_vet";

/// In a workspace that is built.
pub(super) fn run(count: &mut Count, machine: &Machine) {
    // Where Bazel leaves the outputs of a target that is built alone.
    let build = |target: &str| machine.succeed("build", &[LOCAL, target]).map(drop);
    let plugin = || -> Result<Vec<u8>> {
        build("//plugin")?;
        machine.output("bazel-bin/plugin/plugin.wasm")
    };
    case(count, "options of gowasm build as attributes", || {
        build("//options")?;
        let (read, manifest) = machine.gowasm(&["inspect", "bazel-bin/options/options.wasm"])?;
        ensure!(
            read && manifest.contains("\"package\": \"example.com/test/plugin\""),
            "{manifest}"
        );
        let is_guarded = |module: &[u8]| {
            let refusal = b"gowasm: export called before _initialize";
            module.windows(refusal.len()).any(|bytes| bytes == refusal)
        };
        let module = machine.output("bazel-bin/options/options.wasm")?;
        ensure!(!is_guarded(&module) && is_guarded(&plugin()?), "the guard is not as asked");
        for (target, words) in REFUSED {
            refused(machine, &format!("//bad:{target}"), words)?;
        }
        Ok(())
    });
    case(count, "a module that is larger than its budget fails its test", || {
        let run = machine.run("test", &[LOCAL, "--test_output=errors", "//bad:size_test"])?;
        let said = "more than its budget of 1000";
        ensure!(!run.succeeded && run.said.contains(said), "{}", run.said);
        ensure!(run.said.contains("runtime"), "no package is named:\n{}", run.said);
        Ok(())
    });
    case(count, "another interface than the one that is checked in, and its update", || {
        let file = machine.file("test_workspace/plugin/plugin.interface.json");
        let before = fs::read_to_string(&file)?;
        edit(&file, "\"greeting_length\"", "\"length\"")?;
        let test = || machine.run("test", &[LOCAL, "--test_output=errors", INTERFACE]);
        let run = test()?;
        let said = "breaking: export `length` is gone";
        ensure!(!run.succeeded && run.said.contains(said), "{}", run.said);
        machine.succeed("run", &[LOCAL, &format!("{INTERFACE}.update")])?;
        ensure!(test()?.succeeded, "the update was none");
        let after = fs::read_to_string(&file)?;
        ensure!(after.contains("\"greeting_length\"") && !after.contains("\"length\""), "{after}");
        Ok(fs::write(&file, before)?)
    });
    case(count, "bindings for a Rust host, beside the module", || {
        build("//plugin:plugin_host")?;
        let text = machine.output("bazel-bin/plugin/plugin_host.rs")?;
        let text = String::from_utf8_lossy(&text);
        for part in ["include_bytes!(\"plugin_host.wasm\")", "fn scaled(", "wasmi::"] {
            ensure!(text.contains(part), "no {part} in {text}");
        }
        build("//plugin:plugin_host_module")?;
        let module = machine.output("bazel-bin/plugin/plugin_host.wasm")?;
        ensure!(!module.is_empty() && module == plugin()?, "another module");
        Ok(())
    });
    case(count, "an OCI image, whose layer is the module", || {
        build("//plugin:plugin_image")?;
        let read = |place: &str| -> Result<Value> {
            let text = machine.output(&format!("bazel-bin/plugin/plugin_image/{place}"))?;
            serde_json::from_slice(&text).with_context(|| place.to_owned())
        };
        let blob = |of: &Value| -> Result<String> {
            let digest = of["digest"].as_str().with_context(|| format!("no digest in {of}"))?;
            Ok(format!("blobs/{}", digest.replace(':', "/")))
        };
        ensure!(read("oci-layout")?["imageLayoutVersion"] == "1.0.0");
        let manifest = read(&blob(&read("index.json")?["manifests"][0])?)?;
        let config = read(&blob(&manifest["config"])?)?;
        let layer = &manifest["layers"][0];
        ensure!(
            config["layerDigests"][0] == layer["digest"] && config["os"] == "wasip1",
            "{config}"
        );
        let bytes = machine.output(&format!("bazel-bin/plugin/plugin_image/{}", blob(layer)?))?;
        ensure!(layer["size"] == bytes.len() && bytes == plugin()?, "{layer}");
        ensure!(layer["mediaType"] == "application/wasm", "{layer}");
        Ok(())
    });
    case(count, "an aspect judges directives, of packages and of modules", || {
        machine.succeed("build", &[LOCAL, VET, "//plugin", "//tool", "//shared/words"])?;
        for label in ["//bad:spaced", "//bad:allowed"] {
            let run = machine.run("build", &[LOCAL, VET, label])?;
            let said = "bad/spaced.go:4:1: error[GW018]";
            ensure!(!run.succeeded && run.said.contains(said), "{label}: {}", run.said);
        }
        let other = "--@rules_go_wasm//toolchains:deny=GW027";
        machine.succeed("build", &[LOCAL, VET, other, "//bad:spaced"]).map(drop)
    });
    case(count, "what the command line denies is denied everywhere", || {
        machine.succeed("build", &[LOCAL, "//bad:allowed"])?;
        let deny = "--@rules_go_wasm//toolchains:deny=warnings";
        let run = machine.run("build", &[LOCAL, deny, "//bad:allowed"])?;
        ensure!(!run.succeeded && run.said.contains("error[GW018]"), "{}", run.said);
        Ok(())
    });
}

const INTERFACE: &str = "//plugin:plugin_interface_test";

const REFUSED: [(&str, &[&str]); 4] = [
    ("unverified", &["//bad:unverified: memory_limit needs verify = True"]),
    ("steps", &["the step limit was reached"]),
    ("imports", &["proxy_log"]),
    ("deny", &["bad/spaced.go:4:1: error[GW018]"]),
];

/// Another Go, with an experiment of its own: what cmd/go does for packages and tests that import \"simd\".
pub(super) fn vectors(count: &mut Count, kit: &Kit, machine: &Machine) {
    case(count, "a second Go SDK, out of an archive, with vectors", || {
        let archive = machine.archive("sdk.tar", kit.newest_go())?;
        edit(&machine.file(MODULE), "program = \"go1.27.3\"", &archive)?;
        let targets = ["//vectors:vectors", "//vectors:sum_test"];
        let run =
            machine.run("test", &[&[LOCAL, "--test_output=errors"], &targets[..]].concat())?;
        ensure!(run.succeeded, "{}", run.said);
        let stds = run.spawns.iter().filter(|spawn| spawn.mnemonic == "GoWasmStd");
        let stds: Vec<_> = stds.map(|spawn| spawn.target_label.as_str()).collect();
        ensure!(!stds.is_empty() && stds.iter().all(|std| std.contains("go_1_27")), "{stds:?}");
        machine.succeed("build", &[LOCAL, "//vectors"])?;
        // The opcode of i8x16.add.
        let module = machine.output("bazel-bin/vectors/vectors.wasm")?;
        ensure!(module.windows(2).any(|bytes| bytes == [0xfd, 0x6e]), "it has no vectors");
        Ok(())
    });
    case(
        count,
        "flags choose the SDK, experiments and tags, targets their compiler's flags",
        || {
            let asked = |flag: &str, what: &str| -> Result<String> {
                Ok(machine.succeed("aquery", &[flag, what])?.said)
            };
            let std = "mnemonic(GoWasmStd, deps(//plugin))";
            let said = asked("--@rules_go_wasm//toolchains:go_sdk=go_1_27", std)?;
            ensure!(said.contains("go_wasm_sdk_go_1_27/std"), "{said}");
            let tags = "mnemonic(GoWasmTags, deps(//plugin))";
            let said = asked("--@rules_go_wasm//toolchains:goexperiment=jsonv2", tags)?;
            ensure!(said.contains("--goexperiment=jsonv2"), "{said}");
            let said = asked("--output=text", "mnemonic(GoWasmCompile, //vectors:sum)")?;
            ensure!(said.contains("--flag=-l"), "{said}");
            Ok(())
        },
    );
}

/// Messages, by Go's plugin of protoc as a wasm module.
pub(super) fn protobuf(count: &mut Count, kit: &Kit, machine: &Machine) {
    let name = "protobuf messages, whose code is written by a wasm module";
    if let Err(error) = kit.has_protoc() {
        return count.skip(&format!("Bazel: {name}"), error);
    }
    case(count, name, || {
        // The plugin and its standard library are built for the machine that runs actions.
        let flags = [LOCAL, KEPT, STRIPPED, "--test_output=errors"];
        let run = machine.succeed("test", &[&flags[..], &["//proto:greeting_test"]].concat())?;
        ensure!(run.has("Genrule") && run.has("TestRunner"), "nothing was written and tested");
        Ok(())
    });
}
