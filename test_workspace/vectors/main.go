// Package main exports a sum that is made with vectors.
package main

import "example.com/test/vectors/sum"

//go:wasmexport twice
func twice(number int32) int32 {
	numbers := make([]int8, 35)
	for i := range numbers {
		numbers[i] = int8(number)
	}
	sum.Twice(numbers)
	return int32(numbers[0]) + 1000*int32(numbers[34])
}

func main() {}
