package main

func init() { panic("no configuration") }

//go:wasmexport ready
func ready() int32 { return 1 }

func main() {}
