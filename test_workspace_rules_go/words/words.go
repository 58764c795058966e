// Package words has words.
package words

import (
	_ "embed"
	"strings"
)

//go:embed texts/words.txt
var text string

// Set at link time.
var more string

// All are the words.
func All() []string { return strings.Fields(text + system + more) }
