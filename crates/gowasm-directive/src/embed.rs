//! A manifest inside of the module that it describes, in a custom section. It has no digest there,
//! because it is part of what the digest is of.

use crate::interface::Interface;
use crate::manifest::{Manifest, ModuleDigest};

pub(crate) const SECTION: &str = "gowasm.manifest";

impl Manifest {
    /// The module with this manifest in it, and the manifest of that module.
    pub fn embed(mut self, module: &[u8]) -> (Manifest, Vec<u8>) {
        self.module = ModuleDigest { sha256: String::new(), size: 0 };
        // Strings, numbers and lists of them: there is nothing in it that JSON cannot hold.
        let json = serde_json::to_vec(&self).unwrap_or_default();
        let mut contents = leb(SECTION.len());
        contents.extend_from_slice(SECTION.as_bytes());
        contents.extend_from_slice(&json);
        let mut bytes = module.to_vec();
        // Custom sections have the number 0 and may stand at the end.
        bytes.push(0);
        bytes.extend(leb(contents.len()));
        bytes.extend(contents);
        self.module = ModuleDigest::of(&bytes);
        (self, bytes)
    }

    /// The manifest in a module's section, if it tells of the imports and exports that the module has.
    /// One that does not was left behind by a tool that changed the module.
    pub(crate) fn embedded(
        section: &[u8],
        plain: &Manifest,
        interface: &Interface,
    ) -> Option<Manifest> {
        let mut manifest = Manifest::parse(section).ok()?;
        manifest.module = plain.module.clone();
        let same_exports = manifest.exports.len() == plain.exports.len()
            && manifest.exports.iter().zip(&plain.exports).all(|(told, is)| {
                (&told.name, told.kind, &told.params, &told.results)
                    == (&is.name, is.kind, &is.params, &is.results)
            });
        let same_imports = manifest.imports.len() == interface.imports.len()
            && manifest.imports.iter().zip(&plain.imports).all(|(told, is)| {
                (&told.module, &told.name, told.kind, &told.params, &told.results)
                    == (&is.module, &is.name, is.kind, &is.params, &is.results)
            });
        (same_exports && same_imports).then_some(manifest)
    }
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
