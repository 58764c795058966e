package main

import "example.com/test/bad/same"

func main() { println(same.Number) }
