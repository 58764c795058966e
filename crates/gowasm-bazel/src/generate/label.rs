//! Bazel's labels, in whatever spelling.

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    /// Empty for this repository.
    repository: String,
    pub(crate) package: String,
    pub(crate) name: String,
}

impl Label {
    pub(crate) fn new(repository: &str, package: &str, name: &str) -> Self {
        Label { repository: repository.into(), package: package.into(), name: name.into() }
    }

    /// What `text` means in a file of `package`.
    pub(crate) fn parse(text: &str, package: &str) -> Self {
        let (repository, rest) = match text.split_once("//") {
            Some((repository, rest)) => (repository.trim_start_matches('@'), rest),
            None if text.starts_with('@') => {
                let repository = text.trim_start_matches('@');
                return Label::new(repository, "", repository);
            }
            None => {
                return Label::new("", package, text.strip_prefix(':').unwrap_or(text));
            }
        };
        match rest.split_once(':') {
            Some((package, name)) => Label::new(repository, package, name),
            None => Label::new(repository, rest, last(rest)),
        }
    }

    /// The shortest spelling in a file of `package`.
    pub(crate) fn spell(&self, package: &str) -> String {
        let Label { repository, package: own, name } = self;
        if repository.is_empty() && own == package {
            return format!(":{name}");
        }
        let at = if repository.is_empty() { String::new() } else { format!("@{repository}") };
        match last(own) == name {
            true => format!("{at}//{own}"),
            false => format!("{at}//{own}:{name}"),
        }
    }
}

/// The last element of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_label_are_equal() {
        let same = |a: &str, b: &str| assert_eq!(Label::parse(a, "x/y"), Label::parse(b, "x/y"));
        same("//x/y:z", ":z");
        same("z", ":z");
        same("//x/y", "//x/y:y");
        same("@r//a/b", "@r//a/b:b");
        same("@r", "@r//:r");
        assert_eq!(Label::parse("//x/y", "x/y").spell("x/y"), ":y");
        assert_eq!(Label::parse("//a/b:c", "x/y").spell(""), "//a/b:c");
        assert_eq!(Label::parse("@r//a/b:b", "x/y").spell(""), "@r//a/b");
        assert_eq!(Label::parse("//:b", "x/y").spell("a"), "//:b");
    }
}
