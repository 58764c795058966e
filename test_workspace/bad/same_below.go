package main

import (
	"example.com/test/bad/above_one"
	"example.com/test/bad/above_other"
)

func main() { println(above_one.Number, above_other.Number) }
