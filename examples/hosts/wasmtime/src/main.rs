//! Runs two Go plugins with wasmtime, through the bindings that the build script had written.

use std::sync::LazyLock;
use wasmtime::{Engine, Linker, Module, Store};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};

mod greeter {
    include!(env!("GREETER_BINDINGS"));
}

mod scorer {
    include!(env!("SCORER_BINDINGS"));
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the plugins' functions work on.
struct Host {
    wasi: WasiP1Ctx,
    looked_up: Vec<String>,
}

impl scorer::Imports for Host {
    fn lookup(&mut self, word: &[u8]) -> f64 {
        self.looked_up.push(String::from_utf8_lossy(word).into_owned());
        word.len() as f64
    }

    fn fill(&mut self, memory: &mut [u8], buffer: u32, size: u32, verbose: bool) -> u32 {
        let count = size.min(if verbose { 5 } else { 3 });
        memory[buffer as usize..][..count as usize].fill(7);
        count
    }

    /// Has the plugin itself score both. An empty text has it end: by an exit, or by a panic.
    fn compare(
        inside: &mut scorer::Inside<'_, Self>,
        a: &[u8],
        b: &[u8],
    ) -> std::result::Result<bool, scorer::Error> {
        if a.is_empty() {
            inside.type_(3)?;
        }
        if b.is_empty() {
            // What went wrong in there cannot be kept from the caller.
            let _ = inside.type_(0);
            return Ok(true);
        }
        inside.data_mut().looked_up.clear();
        Ok(inside.score(a, 1.0)? > inside.score(b, 1.0)?)
    }
}

/// Machine code is made once; instances of it cost little.
static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);
static GREETER: LazyLock<Module> = LazyLock::new(|| compiled(greeter::WASM));
static SCORER: LazyLock<Module> = LazyLock::new(|| compiled(scorer::WASM));

fn compiled(wasm: &[u8]) -> Module {
    Module::new(&ENGINE, wasm).expect("the build script has run this module")
}

fn parts() -> Result<(Store<Host>, Linker<Host>)> {
    let mut linker = Linker::new(&ENGINE);
    p1::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi)?;
    let host = Host { wasi: WasiCtxBuilder::new().build_p1(), looked_up: Vec::new() };
    Ok((Store::new(&ENGINE, host), linker))
}

fn greeter() -> Result<greeter::Greeter<Host>> {
    let (store, linker) = parts()?;
    Ok(greeter::Greeter::new(store, &linker, &GREETER)?)
}

fn scorer() -> Result<scorer::Scorer<Host>> {
    let (store, mut linker) = parts()?;
    scorer::add_to_linker(&mut linker)?;
    Ok(scorer::Scorer::new(store, &linker, &SCORER)?)
}

/// What the plugin returns: an address in the upper half, a length in the lower.
fn greeting(greeter: &mut greeter::Greeter<Host>, name: &str) -> Result<String> {
    let packed = greeter.greet(name)?;
    let (address, length) = ((packed >> 32) as u32, packed as u32);
    let bytes = greeter.memory()[address as usize..][..length as usize].to_vec();
    greeter.release(address)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn main() -> Result<()> {
    println!("{}", greeting(&mut greeter()?, "Rust")?);
    println!("{}", scorer()?.score("go in rust", 0.5)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_in_and_bytes_come_out() {
        let mut greeter = greeter().unwrap();
        assert_eq!(greeting(&mut greeter, "Łukasz 🎈").unwrap(), "Hello, Łukasz 🎈!");
        assert_eq!(greeting(&mut greeter, "").unwrap(), "Hello, stranger!");
        // The bindings took back what they had placed.
        assert_eq!(greeter.in_use().unwrap(), 0);
    }

    #[test]
    fn the_module_calls_its_host() {
        let mut scorer = scorer().unwrap();
        assert_eq!(scorer.score("go in rust", 0.5).unwrap(), 4.0);
        assert_eq!(scorer.data().looked_up, ["go", "in", "rust"]);
        assert_eq!((scorer.checksum(true).unwrap(), scorer.checksum(false).unwrap()), (35, 21));
        assert!(!scorer.is_held().unwrap());
    }

    #[test]
    fn the_host_calls_the_module_that_called_it() {
        let mut scorer = scorer().unwrap();
        assert!(scorer.better("three words here", "two words").unwrap());
        assert_eq!(scorer.data().looked_up, ["three", "words", "here", "two", "words"]);
        assert!(!scorer.better("a", "bcd").unwrap());
        assert!(!scorer.is_held().unwrap());
    }

    #[test]
    fn what_ends_a_module_in_a_call_back_ends_it_outside_as_well() {
        let mut exiting = scorer().unwrap();
        assert!(matches!(exiting.better("", "b"), Err(scorer::Error::Exit(3))));
        assert!(matches!(exiting.is_held(), Err(scorer::Error::Poisoned)));
        let mut trapping = scorer().unwrap();
        assert!(matches!(trapping.better("a", ""), Err(scorer::Error::Trap(_))));
        assert!(trapping.is_poisoned());
    }

    #[test]
    fn traps_exits_and_what_comes_after_are_told_apart() {
        let mut trapping = scorer().unwrap();
        assert!(matches!(
            trapping.type_(0),
            Err(scorer::Error::Trap(_)) | Err(scorer::Error::Exit(2))
        ));
        assert!(trapping.is_poisoned());
        assert!(matches!(trapping.score("a", 1.0), Err(scorer::Error::Poisoned)));
        let mut exiting = scorer().unwrap();
        assert!(matches!(exiting.type_(3), Err(scorer::Error::Exit(3))));
        assert!(matches!(exiting.is_held(), Err(scorer::Error::Poisoned)));
    }

    #[test]
    fn a_host_without_the_imports_is_told_so() {
        let (store, linker) = parts().unwrap();
        let Err(error) = scorer::Scorer::new(store, &linker, &SCORER) else { panic!("it fits") };
        assert!(
            matches!(error, scorer::Error::Setup(_)) && error.to_string().contains("lookup"),
            "{error}"
        );
    }
}
