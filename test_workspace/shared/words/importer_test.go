package words_test

import (
	"strings"
	"testing"

	"example.com/test/plugin/greeting"
)

// What it imports uses the package under test, together with the tests that are part of it.
func TestImporter(t *testing.T) {
	if got := greeting.Text(); !strings.HasSuffix(got, " gowasm!") {
		t.Errorf("the greeting is %q", got)
	}
}
