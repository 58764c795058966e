//! Flags as Go's tools read them: quoting, `GOFLAGS`, and flags for some packages only.

/// Splits as Go does: at white space, with `'..'` or `".."` around a whole element and no escapes.
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let mut fields = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let field = if first == '"' || first == '\'' {
            let inner = &rest[1..];
            let end = inner.find(first).ok_or_else(|| format!("unterminated {first} string"))?;
            rest = &inner[end + 1..];
            &inner[..end]
        } else {
            let end = rest.find(is_space).unwrap_or(rest.len());
            let field = &rest[..end];
            rest = &rest[end..];
            field
        };
        fields.push(field.to_owned());
        rest = rest.trim_start_matches(is_space);
    }
    Ok(fields)
}

/// The value that `GOFLAGS` gives a flag, if any: the last one counts. A flag without a value is true.
pub(crate) fn of_goflags<'a>(goflags: &'a [String], name: &str) -> Option<&'a str> {
    goflags.iter().rev().find_map(|flag| {
        let flag = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'))?;
        match flag.split_once('=') {
            Some((flag, value)) => (flag == name).then_some(value),
            None => (flag == name).then_some("true"),
        }
    })
}

/// A flag such as `-ldflags`: either `FLAGS` for the packages named on the command line, or
/// `PATTERN=FLAGS`.
pub(crate) fn for_main_package(value: &str, import_path: &str) -> Result<Vec<String>, String> {
    let value = value.trim();
    if value.is_empty() || value.starts_with('-') {
        return split(value);
    }
    if value.starts_with(['\'', '"']) {
        return Err("they may not start with a quote".to_owned());
    }
    let (pattern, flags) = value
        .split_once('=')
        .ok_or_else(|| format!("`{value}` must be `FLAGS` or `PATTERN=FLAGS`"))?;
    let pattern = pattern.trim();
    let is_local = pattern == "." || pattern.starts_with("./") || pattern.starts_with("../");
    if is_local {
        return Err(format!("the pattern `{pattern}` must be an import path, not a folder"));
    }
    if pattern == "all" || matches(pattern, import_path) { split(flags) } else { Ok(Vec::new()) }
}

/// Whether an import path matches a pattern with `...` for any text; `x/...` matches `x` as well.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix("/...")
        && !prefix.contains("...")
        && prefix == path
    {
        return true;
    }
    let mut parts = pattern.split("...");
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_go_does() {
        assert_eq!(split(" -s  -w\t-X main.a=b ").unwrap(), ["-s", "-w", "-X", "main.a=b"]);
        assert_eq!(
            split(r#""-X main.a=b c" 'd "e"' x'y"#).unwrap(),
            ["-X main.a=b c", "d \"e\"", "x'y"]
        );
        assert!(split("'open").is_err());
        assert!(split("").unwrap().is_empty());
    }

    #[test]
    fn the_last_goflag_counts() {
        let goflags = split("-tags=a -mod=vendor --tags=b -x").unwrap();
        assert_eq!(of_goflags(&goflags, "tags"), Some("b"));
        assert_eq!(of_goflags(&goflags, "mod"), Some("vendor"));
        assert_eq!(of_goflags(&goflags, "x"), Some("true"));
        assert_eq!(of_goflags(&goflags, "ldflags"), None);
    }

    #[test]
    fn patterns_choose_packages() {
        assert_eq!(for_main_package("-s -w", "example.com/p").unwrap(), ["-s", "-w"]);
        assert_eq!(for_main_package("all=-s", "example.com/p").unwrap(), ["-s"]);
        assert_eq!(for_main_package("example.com/...=-s", "example.com/p").unwrap(), ["-s"]);
        assert_eq!(for_main_package("example.com/p/...=-s", "example.com/p").unwrap(), ["-s"]);
        assert!(for_main_package("example.com/q=-s", "example.com/p").unwrap().is_empty());
        assert!(for_main_package("s", "example.com/p").is_err());
        assert!(for_main_package("'-X main.a=b c'", "example.com/p").is_err());
        assert!(for_main_package("./...=-s", "example.com/p").is_err());
    }
}
