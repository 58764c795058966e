// Package main is a plugin.
package main

import "example.com/bridge/words"

//go:wasmexport count
func count() int32 { return int32(len(words.All())) }

func main() {}
