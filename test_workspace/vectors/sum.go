// Package sum adds numbers, several at once.
package sum

import "simd"

// Twice adds each number to itself.
func Twice(numbers []int8) {
	for len(numbers) >= simd.VectorBitSize()/8 {
		vector := simd.LoadInt8s(numbers)
		vector.Add(vector).Store(numbers)
		numbers = numbers[vector.Len():]
	}
	for i := range numbers {
		numbers[i] += numbers[i]
	}
}
