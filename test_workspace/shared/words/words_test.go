package words

import (
	"os"
	"testing"
)

func TestJoin(t *testing.T) {
	want, err := os.ReadFile("testdata/joined.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := Join("a", "b"); got != string(want) {
		t.Errorf("Join gives %q, not %q", got, want)
	}
}

func TestSystem(t *testing.T) {
	if System != "wasip1" {
		t.Errorf("built for %s", System)
	}
	if err := os.WriteFile(t.TempDir()+"/file", nil, 0o600); err != nil {
		t.Error(err)
	}
}
