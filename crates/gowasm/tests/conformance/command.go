package main

import "fmt"

//go:wasmimport env again
func again(n int32) int32

var depth int32

//go:wasmexport down
func down(n int32) int32 {
	depth++
	if n == 0 {
		return 0
	}
	return again(n-1) + n
}

func main() {
	fmt.Println("sum", again(20), "depth", depth)
}
