// A reactor with an import out of another Go module.
package main

import (
	"strings"

	"github.com/pmezard/go-difflib/difflib"
)

//go:wasmexport similarity
func similarity() float64 { return ratio("one two three four", "one two three five") }

// ratio says how many words two texts have in common, from 0 to 1.
func ratio(a, b string) float64 {
	return difflib.NewMatcher(strings.Fields(a), strings.Fields(b)).Ratio()
}

func main() {}
