// Package main is a plugin: its exports are for a host to call.
package main

import (
	"strconv"

	"example.com/test/plugin/greeting"
)

var version = "unknown"

//go:wasmexport version
func versionNumber() int32 {
	number, err := strconv.Atoi(version)
	if err != nil {
		return -1
	}
	return int32(number)
}

//go:wasmexport greeting_length
func greetingLength() int32 {
	return int32(len(greeting.Text()))
}

//go:wasmexport tagged
func taggedNumber() int32 { return tagged }

func main() {}
