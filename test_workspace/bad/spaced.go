// Package spaced has a comment that looks like a directive.
package spaced

// go:wasmexport answer
func Answer() int32 { return 42 }
