//! Builds and verifies the Go plugins, and writes how to call them.

use gowasm_build::Engine;

fn main() -> Result<(), gowasm_build::Error> {
    gowasm_build::module("greeter").bindings(Engine::Wasmtime).compile()?;
    gowasm_build::module("scorer").bindings(Engine::Wasmtime).calling_back("compare").compile()?;
    Ok(())
}
