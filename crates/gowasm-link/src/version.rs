//! Every difference between the Go versions that are linked here, in one table.

use crate::error::Error;

/// What a Go minor version does its own way.
#[derive(Debug)]
pub struct Version {
    pub minor: u32,
    /// Relocation kind: the index of the function's host import.
    pub r_wasm_import: u16,
    /// Relocation kind: one package is initialised after another.
    pub r_init_order: u16,
    /// The bit of the second flag byte that marks an exported function.
    pub flag_wasm_export: u8,
    /// The bit of the second flag byte of a linkname that only the standard library may use.
    pub flag_linkname_std: Option<u8>,
    /// The experiments that are on without being asked for, as the object header lists them.
    pub experiments: &'static str,
    /// All experiments there are, in the order in which they are listed.
    pub all_experiments: &'static str,
    /// The functions that objects refer to by number.
    pub builtins: &'static str,
    /// Names that only the packages named after them may link to.
    pub linknames: &'static str,
    /// The runtime and what it depends on: their text comes first.
    pub runtime_packages: &'static [&'static str],
    /// Whether a definition that is no duplicate replaces one that allows duplicates.
    pub strong_overrides_dupok: bool,
    /// Text offsets in the function table are function indexes, not PC offsets.
    pub functab_by_index: bool,
    /// Whether the header of the function table holds the start of the text.
    pub pc_header_text_start: bool,
    /// Function data and the lookup table lie in the function table's section.
    pub funcdata_in_pclntab: bool,
    /// The module data has a section of its own and knows the end of the function table.
    pub moduledata_section: bool,
    /// How much a map's descriptor is larger than the part common to all types.
    pub map_type_extra: usize,
    /// The same for an interface.
    pub interface_type_extra: usize,
    /// Types lie in a section of their own, and no link tables list types and itabs.
    pub types_section: bool,
    /// The number of the vector type where the compiler describes parameters; booleans follow it.
    pub field_v128: Option<u8>,
    /// Symbols have a kind of their own for addresses in DWARF; the numbers of later kinds are higher by one.
    pub dwarf_addr_kind: bool,
    /// Response files are split at blanks and quoted as GCC does it, not an argument a line.
    pub response_words: bool,
}

const RUNTIME_1_24: &[&str] = &[
    "runtime",
    "sync/atomic",
    "internal/abi",
    "internal/asan",
    "internal/bytealg",
    "internal/byteorder",
    "internal/chacha8rand",
    "internal/coverage/rtcov",
    "internal/cpu",
    "internal/goarch",
    "internal/godebugs",
    "internal/goexperiment",
    "internal/goos",
    "internal/msan",
    "internal/profilerecord",
    "internal/race",
    "internal/stringslite",
    "unsafe",
];

const RUNTIME_1_25: &[&str] = &[
    "runtime",
    "internal/runtime/atomic",
    "internal/runtime/cgroup",
    "internal/runtime/exithook",
    "internal/runtime/gc",
    "internal/runtime/maps",
    "internal/runtime/math",
    "internal/runtime/strconv",
    "internal/runtime/sys",
    "internal/runtime/syscall",
    "internal/abi",
    "internal/bytealg",
    "internal/byteorder",
    "internal/chacha8rand",
    "internal/coverage/rtcov",
    "internal/cpu",
    "internal/goarch",
    "internal/godebugs",
    "internal/goexperiment",
    "internal/goos",
    "internal/profilerecord",
    "internal/stringslite",
];

const RUNTIME_1_26: &[&str] = &[
    "runtime",
    "internal/runtime/atomic",
    "internal/runtime/cgroup",
    "internal/runtime/exithook",
    "internal/runtime/gc",
    "internal/runtime/gc/scan",
    "internal/runtime/maps",
    "internal/runtime/math",
    "internal/runtime/sys",
    "internal/runtime/syscall/linux",
    "internal/runtime/syscall/windows",
    "internal/abi",
    "internal/bytealg",
    "internal/byteorder",
    "internal/chacha8rand",
    "internal/coverage/rtcov",
    "internal/cpu",
    "internal/goarch",
    "internal/godebugs",
    "internal/goexperiment",
    "internal/goos",
    "internal/profilerecord",
    "internal/strconv",
    "internal/stringslite",
];

static VERSIONS: [Version; 4] = [
    Version {
        minor: 24,
        r_wasm_import: 92,
        r_init_order: 95,
        flag_wasm_export: 1 << 6,
        flag_linkname_std: None,
        experiments: "coverageredesign,aliastypeparams,swissmap,synchashtriemap",
        all_experiments: "fieldtrack,preemptibleloops,staticlockranking,boringcrypto,regabiwrappers,regabiargs,heapminimum512kib,coverageredesign,arenas,cgocheck2,loopvar,cacheprog,newinliner,rangefunc,aliastypeparams,swissmap,spinbitmutex,synchashtriemap,synctest",
        builtins: include_str!("builtins/go1.24.txt"),
        linknames: include_str!("linknames/go1.24.txt"),
        runtime_packages: RUNTIME_1_24,
        strong_overrides_dupok: false,
        functab_by_index: false,
        pc_header_text_start: true,
        funcdata_in_pclntab: false,
        moduledata_section: false,
        map_type_extra: 64,
        interface_type_extra: 24,
        types_section: false,
        field_v128: None,
        dwarf_addr_kind: false,
        response_words: false,
    },
    Version {
        minor: 25,
        r_wasm_import: 92,
        r_init_order: 95,
        flag_wasm_export: 1 << 6,
        flag_linkname_std: None,
        experiments: "aliastypeparams,swissmap,synchashtriemap,dwarf5",
        all_experiments: "fieldtrack,preemptibleloops,staticlockranking,boringcrypto,regabiwrappers,regabiargs,heapminimum512kib,arenas,cgocheck2,loopvar,cacheprog,newinliner,rangefunc,aliastypeparams,swissmap,synchashtriemap,synctest,dwarf5,jsonv2,greenteagc",
        builtins: include_str!("builtins/go1.25.txt"),
        linknames: include_str!("linknames/go1.25.txt"),
        runtime_packages: RUNTIME_1_25,
        strong_overrides_dupok: false,
        functab_by_index: true,
        pc_header_text_start: true,
        funcdata_in_pclntab: false,
        moduledata_section: false,
        map_type_extra: 64,
        interface_type_extra: 24,
        types_section: false,
        field_v128: None,
        dwarf_addr_kind: true,
        response_words: false,
    },
    Version {
        minor: 26,
        r_wasm_import: 96,
        r_init_order: 99,
        flag_wasm_export: 1 << 6,
        flag_linkname_std: None,
        experiments: "dwarf5,greenteagc,randomizedheapbase64",
        all_experiments: "fieldtrack,preemptibleloops,staticlockranking,boringcrypto,regabiwrappers,regabiargs,heapminimum512kib,arenas,cgocheck2,loopvar,newinliner,dwarf5,jsonv2,greenteagc,randomizedheapbase64,runtimefreegc,sizespecializedmalloc,goroutineleakprofile,simd,runtimesecret",
        builtins: include_str!("builtins/go1.26.txt"),
        linknames: include_str!("linknames/go1.26.txt"),
        runtime_packages: RUNTIME_1_26,
        strong_overrides_dupok: false,
        functab_by_index: true,
        pc_header_text_start: false,
        funcdata_in_pclntab: true,
        moduledata_section: true,
        map_type_extra: 64,
        interface_type_extra: 24,
        types_section: false,
        field_v128: None,
        dwarf_addr_kind: true,
        response_words: false,
    },
    Version {
        minor: 27,
        r_wasm_import: 99,
        r_init_order: 102,
        flag_wasm_export: 1 << 7,
        flag_linkname_std: Some(1 << 5),
        experiments: "dwarf5,jsonv2,greenteagc,randomizedheapbase64,sizespecializedmalloc",
        all_experiments: "fieldtrack,preemptibleloops,staticlockranking,boringcrypto,regabiwrappers,regabiargs,heapminimum512kib,arenas,cgocheck2,loopvar,newinliner,dwarf5,jsonv2,greenteagc,randomizedheapbase64,runtimefreegc,sizespecializedmalloc,simd,runtimesecret,mapsplitgroup",
        builtins: include_str!("builtins/go1.27.txt"),
        linknames: include_str!("linknames/go1.27.txt"),
        runtime_packages: RUNTIME_1_26,
        strong_overrides_dupok: true,
        functab_by_index: true,
        pc_header_text_start: false,
        funcdata_in_pclntab: true,
        moduledata_section: true,
        map_type_extra: 88,
        interface_type_extra: 32,
        types_section: true,
        field_v128: Some(5),
        dwarf_addr_kind: true,
        response_words: true,
    },
];

impl Version {
    /// Whether a package is the runtime or one it depends on.
    pub fn is_runtime_package(&self, package: &str) -> bool {
        if self.runtime_packages.contains(&package) {
            return true;
        }
        // Go 1.24 goes by prefix.
        self.minor == 24
            && (package.starts_with("runtime/internal/")
                || package.starts_with("internal/runtime/"))
            && !package.ends_with("_test")
    }
}

/// What an object's experiments mean for a link.
#[derive(Debug, Clone)]
pub(crate) struct Experiments {
    /// What a program says it was built with: `go1.26.8`, and the experiments out of the ordinary.
    pub(crate) build_version: String,
    /// How much a map's descriptor is larger than the part common to all types.
    pub(crate) map_type_extra: usize,
}

impl Experiments {
    /// Takes the experiments that are on, as the object header lists them. `None` when one of them
    /// is not known.
    pub(crate) fn read(version: &Version, release: &str, on: &str) -> Option<Self> {
        let has = |list: &str, name: &str| list.split(',').any(|known| known == name);
        let known = on.split(',').filter(|name| !name.is_empty());
        if !known.clone().all(|name| has(version.all_experiments, name)) {
            return None;
        }
        let changed: Vec<String> = version
            .all_experiments
            .split(',')
            .filter(|name| has(on, name) != has(version.experiments, name))
            .map(|name| if has(on, name) { name.to_owned() } else { format!("no{name}") })
            .collect();
        // Since Go 1.26 without a space where that can be.
        let separator = if version.minor >= 26 && !release.contains('-') { '-' } else { ' ' };
        let build_version = match changed.is_empty() {
            true => release.to_owned(),
            false => format!("{release}{separator}X:{}", changed.join(",")),
        };
        let old_maps = changed.iter().any(|name| name == "noswissmap");
        let map_type_extra = if old_maps { OLD_MAP_TYPE_EXTRA } else { version.map_type_extra };
        Some(Experiments { build_version, map_type_extra })
    }
}

/// Of the maps that were the only ones up to Go 1.23.
const OLD_MAP_TYPE_EXTRA: usize = 40;

/// The version a toolchain's name such as `go1.26.8` belongs to.
pub fn find(release: &str) -> Result<&'static Version, Error> {
    let minor = release.strip_prefix("go1.").and_then(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
        digits.parse::<u32>().ok()
    });
    VERSIONS
        .iter()
        .find(|version| Some(version.minor) == minor)
        .ok_or_else(|| Error::UnknownVersion { found: release.to_owned() })
}

/// The versions that can be linked, for messages.
pub fn known() -> String {
    let names: Vec<String> =
        VERSIONS.iter().map(|version| format!("1.{}", version.minor)).collect();
    names.join(", ")
}
