package main

import "example.com/test/bad/spaced"

func main() { println(spaced.Answer()) }
