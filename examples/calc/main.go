// Command calc is a calculator for its host: numbers in, a number out.
//
// Built with -buildmode=c-shared it is a reactor: main never runs, the host calls the exports.
package main

import "math"

//go:wasmexport add
func add(a, b int32) int32 { return a + b }

// divide panics when b is zero, which the host sees as a trap.
//
//go:wasmexport divide
func divide(a, b int32) int32 { return a / b }

//go:wasmexport hypotenuse
func hypotenuse(a, b float64) float64 { return math.Hypot(a, b) }

//go:wasmexport isPrime
func isPrime(n uint64) bool {
	if n < 2 {
		return false
	}
	for d := uint64(2); d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return true
}

func main() {}
