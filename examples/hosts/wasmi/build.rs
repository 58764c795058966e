//! Builds and verifies the Go plugins, and writes how to call them.

use gowasm_build::Engine;

fn main() -> Result<(), gowasm_build::Error> {
    gowasm_build::module("greeter").bindings(Engine::Wasmi).compile()?;
    gowasm_build::module("scorer").bindings(Engine::Wasmi).calling_back("compare").compile()?;
    Ok(())
}
