//! The import configuration: which archive holds which package.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::error::Error;

#[derive(Debug, Default)]
pub(crate) struct ImportCfg {
    /// Packages and their archives, in file order.
    pub(crate) packages: Vec<(String, PathBuf)>,
    pub(crate) by_package: FxHashMap<String, usize>,
    /// The text that `runtime.modinfo` gets.
    pub(crate) modinfo: Option<Vec<u8>>,
}

impl ImportCfg {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|err| {
            Error::message(format!("cannot read -importcfg {}: {err}", path.display()))
        })?;
        let mut config = ImportCfg::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            config.line(line).map_err(|what| {
                let what = format!("{}:{}: {what}", path.display(), number + 1);
                Error::hinted(what, "each package has one line `packagefile path=filename`")
            })?;
        }
        Ok(config)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (verb, args) = line.split_once(' ').unwrap_or((line, ""));
        let args = args.trim();
        match verb {
            "packagefile" => {
                let (package, file) = args
                    .split_once('=')
                    .filter(|(package, file)| !package.is_empty() && !file.is_empty())
                    .ok_or("invalid packagefile: expected `packagefile path=filename`")?;
                let file = PathBuf::from(file);
                let known = self.by_package.get(package).map(|&at| &self.packages[at].1);
                match known {
                    // Go's linker takes the later line, which is the wrong one as often as not.
                    Some(known) if *known != file => Err(format!(
                        "the package {package} has two archives: {} and {}",
                        known.display(),
                        file.display()
                    )),
                    Some(_) => Ok(()),
                    None => {
                        self.by_package.insert(package.to_owned(), self.packages.len());
                        self.packages.push((package.to_owned(), file));
                        Ok(())
                    }
                }
            }
            // Only links against shared Go libraries look at these, which wasm has none of.
            "packageshlib" => Ok(()),
            "modinfo" => {
                self.modinfo = Some(unquote(args).ok_or("invalid modinfo: not a quoted string")?);
                Ok(())
            }
            _ => Err(format!("unknown directive {verb:?}")),
        }
    }
}

/// The bytes of a Go string literal in double quotes.
fn unquote(literal: &str) -> Option<Vec<u8>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            if c == '"' {
                return None;
            }
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next()? {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' => bytes.push(b'\\'),
            '"' => bytes.push(b'"'),
            'x' => bytes.push(number(&mut chars, 2, 16)? as u8),
            'u' => push_char(&mut bytes, number(&mut chars, 4, 16)?)?,
            'U' => push_char(&mut bytes, number(&mut chars, 8, 16)?)?,
            first => {
                let high = first.to_digit(8)? * 64;
                bytes.push(u8::try_from(high + number(&mut chars, 2, 8)?).ok()?);
            }
        }
    }
    Some(bytes)
}

fn number(chars: &mut std::str::Chars, digits: usize, radix: u32) -> Option<u32> {
    let mut value = 0u32;
    for _ in 0..digits {
        value = value.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?)?;
    }
    Some(value)
}

fn push_char(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn unquotes_as_go_does() {
        assert_eq!(unquote(r#""a\n\x41\101""#).unwrap(), b"a\nAA");
        assert_eq!(unquote(r#""\xff""#).unwrap(), [0xff]);
        assert_eq!(unquote("no quotes"), None);
        assert_eq!(unquote(r#""bad \q""#), None);
    }
}
