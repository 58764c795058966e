// Package main is a command that says what it was built of.
package main

import (
	"flag"
	"fmt"
	"os"
)

var (
	commit  = "unknown"
	release = "none"
)

func main() {
	file := flag.String("file", "", "a file whose length to print")
	flag.Parse()
	fmt.Printf("commit %s, release %s\n", commit, release)
	if *file != "" {
		content, err := os.ReadFile(*file)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("%d %s for %s\n", len(content), os.Getenv("UNIT"), os.Getenv("USER"))
	}
}
