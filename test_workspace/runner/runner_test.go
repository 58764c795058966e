package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestData(t *testing.T) {
	if got := read(t, "data/own.txt"); got != "own" {
		t.Errorf("data/own.txt holds %q", got)
	}
	// From another package, and through its label.
	other := read(t, "../plugin/plugin.plan.toml")
	path := filepath.Join(os.Getenv("TEST_SRCDIR"), os.Getenv("TEST_WORKSPACE"), os.Getenv("PLAN"))
	if got := read(t, path); got != other {
		t.Errorf("%s holds %q, not %q", path, got, other)
	}
}

func TestEnvironment(t *testing.T) {
	for name, want := range map[string]string{
		"QUOTED":      `it's "$HOME"`,
		"GOTOOLCHAIN": "local",
		"ASKED":       "for once",
	} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}

func TestOutput(t *testing.T) {
	outputs := os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR")
	if err := os.WriteFile(filepath.Join(outputs, "made.txt"), []byte("made"), 0o600); err != nil {
		t.Error(err)
	}
}

func TestTemporary(t *testing.T) {
	temporary := os.Getenv("TEST_TMPDIR")
	if !strings.HasPrefix(t.TempDir(), temporary) {
		t.Errorf("%s is not below %s", t.TempDir(), temporary)
	}
	if err := os.WriteFile(filepath.Join(temporary, "file"), nil, 0o600); err != nil {
		t.Error(err)
	}
}

func Example() {
	fmt.Println(uuid.Nil.Variant())
	// Output: Reserved
}
