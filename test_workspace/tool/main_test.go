package main

import "testing"

func TestText(t *testing.T) {
	if got := text(); got != "built for wasip1" {
		t.Errorf("text gives %q", got)
	}
}
