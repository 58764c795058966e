package sum_test

import (
	"simd"
	"testing"

	"example.com/test/vectors/sum"
)

func TestTwice(t *testing.T) {
	numbers := make([]int8, 64)
	simd.BroadcastInt8s(4).Store(numbers)
	sum.Twice(numbers)
	if numbers[0] != 8 || numbers[63] != 0 {
		t.Errorf("twice is %v", numbers)
	}
}
