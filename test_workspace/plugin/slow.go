//go:build !wasm

package main

// Not for wasm: the name would be there twice.
var version = "of another machine"
