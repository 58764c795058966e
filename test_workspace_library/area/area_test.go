package area

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestSquare(t *testing.T) {
	text, err := os.ReadFile("testdata/square.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strconv.Itoa(Square(3)); got != string(text) {
		t.Errorf("the area is %s, not %s", got, text)
	}
}

func TestLast(t *testing.T) {
	if !strings.HasPrefix(Last(), "ffffffff-") {
		t.Error(Last())
	}
}
