//! Appends assembled objects to a package archive: the `ar` format, with nothing of the machine in the
//! headers.

use crate::{Failure, files};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) fn append(archive: &Path, objects: &[PathBuf]) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", archive, &error);
    let mut file = OpenOptions::new().append(true).open(archive).map_err(failed)?;
    for object in objects {
        file.write_all(&member(object, &files::read(object)?)).map_err(failed)?;
    }
    Ok(())
}

fn member(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = name.chars().filter(char::is_ascii).take(16).collect();
    let mut member =
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, bytes.len()).into_bytes();
    member.extend_from_slice(bytes);
    if bytes.len() % 2 == 1 {
        // Members start at even offsets.
        member.push(0);
    }
    member
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_a_header_of_sixty_bytes_and_an_even_length() {
        let member = member(Path::new("/x/a_rather_long_name.o"), b"abc");
        assert_eq!(member.len(), 64);
        assert_eq!(&member[..16], b"a_rather_long_na");
        assert_eq!(&member[48..60], b"3         `\n");
    }
}
