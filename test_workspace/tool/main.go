// Package main is a command.
package main

import (
	"fmt"

	"example.com/test/shared/words"
)

func main() {
	fmt.Println(text())
}

func text() string { return words.Join("built for", words.System) }
