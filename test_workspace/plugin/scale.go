package main

const factor = 6

// Written in assembly, which gets the factor from here.
func scale(n int64) int64

//go:wasmexport scaled
func scaled(n int64) int64 { return scale(n) }
