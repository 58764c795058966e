package main

import (
	"bytes"
	"os"
	"testing"
)

func TestText(t *testing.T) {
	if got := text(); got != "built for wasip1" {
		t.Errorf("text gives %q", got)
	}
}

func TestModule(t *testing.T) {
	module, err := os.ReadFile("tool.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(module, []byte("\x00asm")) {
		t.Errorf("the command begins with %q", module[:min(4, len(module))])
	}
}
