package main

import "testing"

func TestRatio(t *testing.T) {
	if r := ratio("one", "two"); r != 0 {
		t.Errorf("%f", r)
	}
}
