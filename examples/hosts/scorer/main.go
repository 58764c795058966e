// Command scorer is a plugin that asks its host while it works, and that can be made to fail.
package main

import (
	"os"
	"unsafe"
)

// lookup asks the host for the weight of a word.
//
//go:wasmimport host lookup
func lookup(word string) float64

// fill asks the host to write at most size bytes, and returns how many there were.
//
//go:wasmimport host fill
func fill(buffer unsafe.Pointer, size uint32, verbose bool) uint32

// compare asks the host which text is better; the host has score tell it.
//
//go:wasmimport host compare
func compare(a, b string) bool

var kept = map[uintptr][]byte{}

//go:wasmexport allocate
func allocate(size uint32) unsafe.Pointer {
	buffer := make([]byte, max(size, 1))
	address := unsafe.Pointer(&buffer[0])
	kept[uintptr(address)] = buffer
	return address
}

//go:wasmexport release
func release(address uintptr) { delete(kept, address) }

//go:wasmexport score
func score(text string, factor float64) float64 {
	sum, start := 0.0, 0
	for i := 0; i <= len(text); i++ {
		if i == len(text) || text[i] == ' ' {
			sum += lookup(text[start:i])
			start = i + 1
		}
	}
	return sum * factor
}

//go:wasmexport better
func better(a, b string) bool { return compare(a, b) }

//go:wasmexport checksum
func checksum(verbose bool) uint32 {
	var buffer [64]byte
	sum := uint32(0)
	for _, b := range buffer[:fill(unsafe.Pointer(&buffer), 64, verbose)] {
		sum += uint32(b)
	}
	return sum
}

//go:wasmexport isHeld
func isHeld() bool { return len(kept) > 0 }

//go:wasmexport type
func crash(how int32) {
	if how > 0 {
		os.Exit(int(how))
	}
	panic("as asked")
}

func main() {}
