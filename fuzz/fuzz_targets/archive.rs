//! Reads any bytes as a package archive, and everything there is in it: no panic, no endless loop.
#![no_main]

use gowasm_goobj::{Archive, FuncInfo, Object, ObjectHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_object(bytes);
    let Ok(archive) = Archive::parse(bytes) else { return };
    for member in archive.members {
        if let Ok(Some(header)) = ObjectHeader::parse(member.bytes) {
            let _ = header.target();
            read_object(header.body);
        }
    }
});

fn read_object(bytes: &[u8]) {
    let Ok(object) = Object::parse(bytes) else { return };
    let mut seen = 0;
    object.autolibs().for_each(|autolib| seen += autolib.package.len());
    object.packages().for_each(|package| seen += package.len());
    (0..object.file_count()).for_each(|file| seen += object.file(file).unwrap_or_default().len());
    object.ref_flags().for_each(|flag| seen += flag.symbol().index as usize & 1);
    object.ref_names().for_each(|(_, name)| seen += name.len());
    object.hashes64().iter().for_each(|hash| seen += usize::from(hash[0]));
    object.hashes().iter().for_each(|hash| seen += usize::from(hash[0]));
    for symbol in 0..object.symbol_count() {
        seen += object.name(symbol).len() + object.data(symbol).len();
        object.relocs(symbol).for_each(|reloc| seen += usize::from(reloc.size()));
        object.auxs(symbol).for_each(|aux| seen += usize::from(aux.kind()));
        // Any content may be claimed to be function information.
        if let Ok(info) = FuncInfo::parse(object.data(symbol)) {
            info.files().for_each(|file| seen += file as usize & 1);
            info.inline_nodes().for_each(|node| seen += node.file as usize & 1);
        }
    }
    std::hint::black_box(seen);
}
