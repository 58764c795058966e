//! Links Go package archives into a WebAssembly module, byte for byte as `go tool link` does.

mod code;
mod data;
mod emit;
mod error;
mod fold;
mod gcprog;
pub mod gosort;
mod importcfg;
mod inittasks;
mod kind;
mod layout;
mod linkname;
mod load;
mod made;
mod memory;
mod moduledata;
mod names;
mod options;
mod output;
pub mod pclntab;
mod quote;
mod reach;
mod report;
mod resolve;
mod response;
mod signature;
mod size;
mod source;
mod stubs;
pub mod symbols;
mod text;
mod toolexec;
mod types;
pub mod version;

pub use error::Error;
pub use kind::SymKind;
pub use options::{BuildMode, Options};
pub use size::{Keep, Size};
pub use toolexec::{ToolEnd, ToolError, own_version_line, toolexec, version_line};

use std::sync::atomic::{AtomicBool, Ordering};

use data::Filler;
use gowasm_diagnostic::Diagnostic;
use load::Inputs;
use made::{PclnSymbols, StringData};
use output::Output;
use pclntab::Pclntab;

/// What a link did, for whoever shows it.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The toolchain that made the archives, such as `go1.26.8`.
    pub go_release: String,
    pub goos: String,
    pub functions: usize,
    pub bytes: u64,
    /// What Go's linker keeps to itself.
    pub warnings: Vec<Diagnostic>,
    /// Of the variables that were to be set, those that the program does not have.
    pub undefined: Vec<String>,
}

/// Links and writes the module to the output the options name. Stops when `cancel` becomes true.
pub fn link(options: &Options, cancel: &AtomicBool) -> Result<Summary, Error> {
    link_if(options, cancel, None)
}

/// Looks at a whole module before it gets its name; what is wrong with it, if something is.
pub type Accept<'a> = dyn Fn(&[u8]) -> Result<(), String> + 'a;

/// The same, and there is no output unless the module is accepted, where somebody looks. Archives that were damaged in just the
/// right way are linked as any others, by Go's linker too: only a look at the result tells.
pub fn link_if(
    options: &Options,
    cancel: &AtomicBool,
    accept: Option<&Accept<'_>>,
) -> Result<Summary, Error> {
    // Read the archives and number their symbols.
    let inputs = Inputs::open(options)?;
    let loaded = load::load(&inputs)?;
    let toolchain = loaded.toolchain.clone();
    let modinfo = inputs.config.modinfo.as_deref();
    let strings = StringData::new(options, &toolchain, modinfo)?;
    let mut symbols = resolve::number(loaded)?;
    if options.check_linkname {
        linkname::check(&symbols)?;
    }
    // No new object-file symbols after here: what follows is made by the linker.

    // Find what the program needs.
    let main_tasks = inittasks::schedule(&mut symbols)?;
    reach::mark(&mut symbols, options, &toolchain.goos, main_tasks)?;
    report::check_exports(&symbols)?;
    let undefined = strings.undefined(&symbols);
    let warnings = undefined.iter().map(|name| made::undefined_warning(name)).collect();

    // Order the functions, and fill in what depends on the link.
    let module_data = made::link_setup(&mut symbols, options.build_mode);
    let mut text = text::order(&symbols)?;
    strings.apply(&mut symbols)?;
    let folded = match options.size.keeps_bodies() {
        true => Vec::new(),
        false => fold::fold(&symbols, &mut text, options.size)?,
    };
    let build_id = made::build_id(&mut symbols, &options.build_id, &mut text);
    text::assign(&mut symbols, &text, &folded);
    text::check_count(symbols.version, text.len(), &toolchain.release)?;
    moduledata::mark_place(&mut symbols, b"runtime.text", SymKind::Text, 0);
    moduledata::mark_place(&mut symbols, b"runtime.etext", SymKind::TextEnd, 0);
    // The address of every function is final here.

    // Make the tables that the runtime reads.
    made::link_tables(&mut symbols)?;
    made::build_info(&mut symbols, &strings);
    let pclntab = Pclntab::plan(&mut symbols, &text, &options.goroot, options.size)?;
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

    // Write the code, then fill in the data and write that.
    let module = emit::Module {
        symbols: &symbols,
        toolchain: &toolchain,
        options,
        text: &text,
        stubs: stubs::functions(&symbols, options, &text),
        build_id,
        memory_end: layout.end,
        defer_return: symbols.lookup(b"runtime.deferreturn").unwrap_or_default(),
        cancel,
    };
    let mut output = Output::create(&options.output)?;
    let written = module.write_code(&mut output)?;
    let data = Filler::new(&symbols, &layout, &pclntab, &tables, &written.defer_returns).fill()?;
    module.write_data(&written, &data, &mut output)?;
    let bytes = output.length();
    output.finish(accept)?;
    Ok(Summary {
        go_release: toolchain.release.clone(),
        goos: toolchain.goos.clone(),
        functions: text.len(),
        bytes,
        warnings,
        undefined,
    })
}

fn stop(cancel: &AtomicBool) -> Result<(), Error> {
    if cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
