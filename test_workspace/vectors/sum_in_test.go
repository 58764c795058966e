package sum

import (
	"simd"
	"testing"
)

func TestLength(t *testing.T) {
	if length := simd.LoadInt8s(make([]int8, 64)).Len(); length != 16 {
		t.Errorf("a vector has %d numbers", length)
	}
}
