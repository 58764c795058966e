package main

//go:wasmexport sum
func sum(numbers []int32) int32 { return numbers[0] }

func main() {}
