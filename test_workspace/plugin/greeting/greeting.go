// Package greeting greets.
package greeting

import (
	"embed"

	"example.com/test/shared/words"
)

//go:embed texts
var texts embed.FS

// Text is the whole greeting.
func Text() string {
	hello, err := texts.ReadFile("texts/hello.txt")
	if err != nil {
		panic(err)
	}
	return words.Join(string(hello), "gowasm!")
}
