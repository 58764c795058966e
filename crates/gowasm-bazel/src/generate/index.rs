//! The import paths that rules of BUILD files say they have: of packages that Go does not find because a rule
//! makes their sources.

use super::comments::Comments;
use super::label::Label;
use super::rules::{BINARY, LIBRARY, PACKAGE, TEST};
use super::starlark::{Argument, Call, File};
use super::update::Names;
use super::workspace::Workspace;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Index {
    labels: BTreeMap<String, Label>,
}

impl Index {
    pub(super) fn of(
        files: &BTreeMap<String, File>,
        workspace: &Workspace,
        comments: &Comments,
    ) -> Self {
        let mut index = Index::default();
        // Rules that nobody knows here, macros above all, give way to ours.
        for ours in [true, false] {
            for (folder, file) in files {
                let names = Names::of(file, folder, workspace, comments);
                for call in &file.calls {
                    let (Some(import_path), Some(name)) =
                        (call.string("importpath"), call.string("name"))
                    else {
                        continue;
                    };
                    let importable = match names.kind(call) {
                        Some(PACKAGE) => ours,
                        Some(LIBRARY | BINARY | TEST) => false,
                        _ => !ours && !is_of_rules_go(call, file),
                    };
                    if importable {
                        let label = Label::new("", folder, name);
                        index.labels.entry(import_path.to_owned()).or_insert(label);
                    }
                }
            }
        }
        index
    }

    pub(super) fn get(&self, import_path: &str) -> Option<&Label> {
        self.labels.get(import_path)
    }

    /// Leaves out a rule that turns out to be that of a package which Go knows by another name.
    pub(super) fn forget(&mut self, import_path: &str, label: &Label) {
        if self.labels.get(import_path) == Some(label) {
            self.labels.remove(import_path);
        }
    }
}

/// What rules_go compiles is nothing that our rules can take.
fn is_of_rules_go(call: &Call, file: &File) -> bool {
    let loads = file.calls.iter().filter(|load| load.function == "load");
    let mut from = loads.filter(|load| {
        let mut names = load.arguments.iter().skip(1);
        names.any(|it| it.name.as_deref().or(it.string()) == Some(call.function.as_str()))
    });
    let repository = |load: &Call| {
        let text = load.arguments.first().and_then(Argument::string)?;
        Some(text.split("//").next()?.trim_start_matches('@').to_owned())
    };
    let known = ["rules_go", "io_bazel_rules_go", "gazelle", "bazel_gazelle"];
    from.any(|load| repository(load).is_some_and(|name| known.contains(&name.as_str())))
        || matches!(call.function.as_str(), "go_library" | "go_binary" | "go_test")
}
