// Package main is a program for a page.
package main

import (
	"syscall/js"

	"example.com/test/shared/words"
)

func main() {
	js.Global().Get("console").Call("log", words.Join("built for", words.System))
}
