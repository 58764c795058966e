package main

//go:wasmexport divide
func divide(a, b int32) int32 { return a / b }

func main() {}
