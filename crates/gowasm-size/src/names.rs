//! The package that a Go symbol's name begins with.

/// `net/http` for `net/http.(*Conn).Close`; `None` for a name without a package.
pub(crate) fn package_of(symbol: &str) -> Option<String> {
    // Functions that compare and hash a type belong to the type.
    let symbol = symbol.strip_prefix("type:.eq.").unwrap_or(symbol);
    let symbol = symbol.strip_prefix("type:.hash.").unwrap_or(symbol);
    // Type arguments have packages of their own, receivers come after the package.
    let end = symbol.find(['[', '(', '{', ' ']).unwrap_or(symbol.len());
    let head = &symbol[..end];
    let last_part = head.rfind('/').map_or(0, |slash| slash + 1);
    let dot = last_part + head[last_part..].find('.')?;
    let path = &head[..dot];
    if path.is_empty() || path.contains(':') {
        return None;
    }
    Some(unescaped(path))
}

/// The linker writes some characters of the last path element as `%2e`.
fn unescaped(path: &str) -> String {
    let mut text = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                text.push(byte);
                rest = &after[2..];
            }
            _ => {
                text.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::package_of;

    #[test]
    fn knows_how_go_writes_symbols() {
        for (symbol, package) in [
            ("main.main", Some("main")),
            ("net/http.(*Conn).Close", Some("net/http")),
            ("slices.SortFunc[go.shape.[]net/http.Cookie,int]", Some("slices")),
            ("gopkg.in/yaml%2ev3.Unmarshal", Some("gopkg.in/yaml.v3")),
            ("example.com/a.b/c.F.func1", Some("example.com/a.b/c")),
            ("type:.eq.net/http.Cookie", Some("net/http")),
            ("type:.eq.[2]string", None),
            ("go:buildid", None),
            ("_rt0_wasm_wasip1", None),
            ("a%zz.b", Some("a%zz")),
        ] {
            assert_eq!(package_of(symbol).as_deref(), package, "{symbol}");
        }
    }
}
