//! A monorepo of any size, written for the purpose: Go packages in layers, each with a test and with imports of
//! the layer below and of fmt, and one module of them all. Two packages that import the same two make a diamond, so
//! the number of paths down the graph doubles with every layer.

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use std::fs;
use std::path::Path;

/// How large it is, and whose rules it uses.
#[derive(Args, Clone)]
#[group(skip)]
pub(crate) struct Monorepo {
    /// How many packages, each with a test
    #[arg(long, default_value_t = 500)]
    pub(crate) packages: usize,
    /// In how many layers they lie
    #[arg(long, default_value_t = 20)]
    pub(crate) layers: usize,
    /// How many packages of the layer below each one imports
    #[arg(long, default_value_t = 3)]
    pub(crate) imports: usize,
    #[arg(long, value_enum, default_value_t = Rules::Ours)]
    pub(crate) rules: Rules,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rules {
    /// go_wasm_package, go_wasm_test and go_wasm_library
    Ours,
    /// go_library, go_test and go_binary of rules_go, for the comparison
    #[value(name = "rules-go")]
    Theirs,
    /// go_library and go_test of rules_go, and a go_wasm_library of them through the bridge
    Bridge,
}

/// One package.
struct Package {
    layer: usize,
    number: usize,
    /// Those of the layer below that it imports, by their numbers.
    imports: Vec<usize>,
}

const MODULE: &str = "example.com/monorepo";
const BRIDGE: &str = r#"load("@rules_go//go:def.bzl", "GoInfo")
load("@rules_go_wasm//rules:rules_go.bzl", "bridge_aspect", "bridge_library")

go_wasm_aspect = bridge_aspect(GoInfo)
go_wasm_library = bridge_library(go_wasm_aspect, Label("@rules_go//go/toolchain:wasip1_wasm"))
"#;

impl Monorepo {
    /// Writes it into a folder; `checkout` is where the rules are, for Bazel.
    pub(crate) fn write(&self, folder: &Path, checkout: &str) -> Result<()> {
        ensure!(
            self.layers > 0 && self.layers <= self.packages,
            "a layer has at least one package"
        );
        let write = |path: &str, text: String| {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().context("a file has a folder")?)?;
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
        };
        let packages = self.list();
        write("go.mod", format!("module {MODULE}\n\ngo 1.24\n"))?;
        write("MODULE.bazel", self.module(checkout))?;
        write("BUILD.bazel", String::new())?;
        for package in &packages {
            let place = package.place();
            write(&format!("{place}/{}.go", package.name()), package.source())?;
            write(&format!("{place}/{}_test.go", package.name()), package.test())?;
            write(&format!("{place}/BUILD.bazel"), self.build(package))?;
        }
        let top: Vec<_> = packages.iter().filter(|it| it.layer + 1 == self.layers).collect();
        write("app/main.go", main(&top))?;
        if self.rules == Rules::Bridge {
            write("go_wasm.bzl", BRIDGE.to_owned())?;
        }
        write("app/BUILD.bazel", self.app(&top))
    }

    fn list(&self) -> Vec<Package> {
        let width = |layer: usize| {
            self.packages / self.layers + usize::from(layer < self.packages % self.layers)
        };
        let of_layer = |layer: usize| {
            let below = layer.checked_sub(1).map_or(0, width);
            (0..width(layer)).map(move |number| Package {
                layer,
                number,
                // Neighbours of the one that lies under it.
                imports: (0..self.imports.min(below)).map(|step| (number + step) % below).collect(),
            })
        };
        (0..self.layers).flat_map(of_layer).collect()
    }

    fn module(&self, checkout: &str) -> String {
        let ours = format!(
            "bazel_dep(name = \"rules_go_wasm\", version = \"0.1.0\")\n\
             local_path_override(\n    module_name = \"rules_go_wasm\",\n    path = \"{checkout}\",\n)\n\n\
             go_wasm = use_extension(\"@rules_go_wasm//rules:extensions.bzl\", \"go_wasm\")\n\
             go_wasm.sdk(program = \"go\")\ngo_wasm.gowasm(program = \"gowasm\")\n"
        );
        let theirs = "bazel_dep(name = \"rules_go\", version = \"0.65.0\")\n\n\
             go_sdk = use_extension(\"@rules_go//go:extensions.bzl\", \"go_sdk\")\ngo_sdk.host()\n";
        let all = match self.rules {
            Rules::Ours => ours,
            Rules::Theirs => theirs.to_owned(),
            Rules::Bridge => format!("{theirs}\n{ours}"),
        };
        format!("module(name = \"monorepo\")\n\n{all}")
    }

    fn build(&self, package: &Package) -> String {
        let (load, library, test) = match self.rules {
            Rules::Ours => ("@rules_go_wasm//rules:defs.bzl", "go_wasm_package", "go_wasm_test"),
            Rules::Theirs | Rules::Bridge => ("@rules_go//go:def.bzl", "go_library", "go_test"),
        };
        let (name, place) = (package.name(), package.place());
        let deps: Vec<String> = package.below().map(|below| below.label()).collect();
        let std = |imports: &str| match self.rules {
            Rules::Ours => format!("std = [{imports}],\n    "),
            Rules::Theirs | Rules::Bridge => String::new(),
        };
        let (std, std_of_test) = (std("\"fmt\""), std("\"testing\""));
        format!(
            "load(\"{load}\", \"{library}\", \"{test}\")\n\n\
             {library}(\n    name = \"{name}\",\n    srcs = [\"{name}.go\"],\n    \
             importpath = \"{MODULE}/{place}\",\n    {std}visibility = [\"//visibility:public\"],\n    \
             deps = {deps:?},\n)\n\n\
             {test}(\n    name = \"{name}_test\",\n    srcs = [\"{name}_test.go\"],\n    \
             {std_of_test}embed = [\":{name}\"],\n)\n"
        )
    }

    fn app(&self, top: &[&Package]) -> String {
        let deps: Vec<String> = top.iter().map(|package| package.label()).collect();
        let (load, rule, more, name) = match self.rules {
            Rules::Ours => {
                ("@rules_go_wasm//rules:defs.bzl", "go_wasm_library", "    std = [],\n", "app")
            }
            Rules::Theirs => (
                "@rules_go//go:def.bzl",
                "go_binary",
                "    goarch = \"wasm\",\n    goos = \"wasip1\",\n",
                "app",
            ),
            Rules::Bridge => ("@rules_go//go:def.bzl", "go_library", "", "app_lib"),
        };
        let package = format!(
            "load(\"{load}\", \"{rule}\")\n\n{rule}(\n    name = \"{name}\",\n    srcs = [\"main.go\"],\n{more}    \
             importpath = \"{MODULE}/app\",\n    deps = {deps:?},\n)\n"
        );
        if self.rules != Rules::Bridge {
            return package;
        }
        format!(
            "load(\"//:go_wasm.bzl\", \"go_wasm_library\")\n{package}\n\
             go_wasm_library(\n    name = \"app\",\n    embed = [\":app_lib\"],\n)\n"
        )
    }
}

impl Package {
    fn name(&self) -> String {
        format!("p{}", self.number)
    }

    fn place(&self) -> String {
        format!("layer{}/{}", self.layer, self.name())
    }

    fn label(&self) -> String {
        format!("//{}", self.place())
    }

    fn below(&self) -> impl Iterator<Item = Package> + '_ {
        let below = |number: &usize| Package {
            layer: self.layer - 1,
            number: *number,
            imports: Vec::new(),
        };
        self.imports.iter().map(below)
    }

    fn source(&self) -> String {
        let (name, layer) = (self.name(), self.layer);
        let below: Vec<Package> = self.below().collect();
        // All are called p, a number and nothing else, and one of them may be this one's namesake.
        let imports: String = below
            .iter()
            .map(|it| format!("\tbelow{} \"{MODULE}/{}\"\n", it.number, it.place()))
            .collect();
        let used: String =
            below.iter().map(|it| format!("\t_ = below{}.Layer\n", it.number)).collect();
        let number =
            below.first().map_or("0".to_owned(), |it| format!("1 + below{}.Number()", it.number));
        format!(
            "// Package {name} is one of many.\npackage {name}\n\nimport (\n\t\"fmt\"\n{imports})\n\n\
             // Layer is where the package lies.\nconst Layer = {layer}\n\nconst (\n{used})\n\n\
             // Number counts the packages below.\nfunc Number() int {{ return {number} }}\n\n\
             // Name says which package it is.\nfunc Name() string {{ return fmt.Sprintf(\"%d/%s\", Layer, \"{name}\") }}\n"
        )
    }

    fn test(&self) -> String {
        let (name, layer) = (self.name(), self.layer);
        format!(
            "package {name}\n\nimport \"testing\"\n\nfunc TestNumber(t *testing.T) {{\n\
             \tif n := Number(); n != {layer} {{\n\t\tt.Errorf(\"%d\", n)\n\t}}\n}}\n"
        )
    }
}

fn main(top: &[&Package]) -> String {
    let imports: String = top.iter().map(|it| format!("\t\"{MODULE}/{}\"\n", it.place())).collect();
    let sum: Vec<String> = top.iter().map(|it| format!("{}.Number()", it.name())).collect();
    format!(
        "package main\n\nimport (\n{imports})\n\n//go:wasmexport numbers\n\
         func numbers() int32 {{ return int32({}) }}\n\nfunc main() {{}}\n",
        sum.join(" + ")
    )
}
