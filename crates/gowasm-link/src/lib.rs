//! Links Go package archives into a WebAssembly module, byte for byte as `go tool link` does.

mod data;
mod emit;
mod error;
mod gcprog;
pub mod gosort;
mod importcfg;
mod inittasks;
mod kind;
mod layout;
mod leb;
mod load;
mod made;
mod moduledata;
mod names;
mod options;
pub mod pclntab;
mod quote;
mod reach;
mod report;
mod resolve;
mod signature;
pub mod symbols;
mod text;
mod toolexec;
mod types;
pub mod version;

pub use error::Error;
pub use kind::SymKind;
pub use options::{BuildMode, Options};
pub use toolexec::{ToolError, toolexec, version_line};

use data::Filler;
use load::Inputs;
use made::{PclnSymbols, StringData};
use pclntab::Pclntab;

/// What a link did, for whoever shows it.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The toolchain that made the archives, such as `go1.26.8`.
    pub go_release: String,
    pub goos: String,
    pub functions: usize,
    pub bytes: usize,
}

/// Links and writes the module to the output the options name.
pub fn link(options: &Options) -> Result<Summary, Error> {
    let (module, summary) = link_bytes(options)?;
    std::fs::write(&options.output, &module).map_err(|err| {
        Error::message(format!("cannot write {}: {err}", options.output.display()))
    })?;
    Ok(summary)
}

/// Links and returns the module.
pub fn link_bytes(options: &Options) -> Result<(Vec<u8>, Summary), Error> {
    // Read the archives and number their symbols.
    let inputs = Inputs::open(options)?;
    let loaded = load::load(&inputs)?;
    let toolchain = loaded.toolchain.clone();
    let modinfo = inputs.config.as_ref().and_then(|config| config.modinfo.as_deref());
    let strings = StringData::new(options, &toolchain, modinfo)?;
    let mut symbols = resolve::number(loaded)?;
    inputs.release();
    // No new object-file symbols after here: what follows is made by the linker.

    // Find what the program needs.
    let main_tasks = inittasks::schedule(&mut symbols)?;
    reach::mark(&mut symbols, options, &toolchain.goos, main_tasks)?;
    report::check_exports(&symbols)?;

    // Order the functions, and fill in what depends on the link.
    let module_data = made::link_setup(&mut symbols, options.build_mode);
    let mut text = text::order(&symbols)?;
    strings.apply(&mut symbols)?;
    let build_id = made::build_id(&mut symbols, &options.build_id, &mut text);
    text::assign(&mut symbols, &text);
    moduledata::mark_place(&mut symbols, b"runtime.text", SymKind::Text, 0);
    moduledata::mark_place(&mut symbols, b"runtime.etext", SymKind::TextEnd, 0);
    // The address of every function is final here.

    // Make the tables that the runtime reads.
    made::link_tables(&mut symbols)?;
    made::build_info(&mut symbols, &strings);
    let pclntab = Pclntab::plan(&mut symbols, &text, &options.goroot)?;
    let tables = PclnSymbols::make(&mut symbols, &pclntab);
    moduledata::define_markers(&mut symbols);
    let slots = moduledata::fill(
        &mut symbols,
        module_data,
        &tables,
        &text,
        main_tasks,
        options.build_mode,
    )?;
    // No new symbols after here, but for markers of places.

    let layout = layout::place(&mut symbols, slots, text.len())?;
    // The address of everything is final here.

    let data = Filler::new(&symbols, &layout, &pclntab, &tables).fill()?;
    let module = emit::Module {
        symbols: &symbols,
        toolchain: &toolchain,
        options,
        text: &text,
        build_id,
        data: &data,
        memory_end: layout.end,
    };
    let bytes = module.write()?;
    let summary = Summary {
        go_release: toolchain.release.clone(),
        goos: toolchain.goos.clone(),
        functions: text.len(),
        bytes: bytes.len(),
    };
    Ok((bytes, summary))
}
