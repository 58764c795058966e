// Command greeter takes a string from its host and hands bytes back, both in the module's memory.
package main

import "unsafe"

// kept holds what the host was given addresses of, so that Go does not collect it.
var kept = map[uintptr][]byte{}

// allocate gives the host a buffer to write an argument to.
//
//go:wasmexport allocate
func allocate(size uint32) unsafe.Pointer {
	// At least one byte: the buffer must have an address of its own.
	buffer := make([]byte, max(size, 1))
	kept[address(buffer)] = buffer
	return unsafe.Pointer(&buffer[0])
}

//go:wasmexport release
func release(address uintptr) { delete(kept, address) }

// greet returns where the greeting stands: its address in the upper 32 bits, its length in the
// lower. The host releases it.
//
//go:wasmexport greet
func greet(name string) uint64 {
	if name == "" {
		name = "stranger"
	}
	greeting := []byte("Hello, " + name + "!")
	kept[address(greeting)] = greeting
	return uint64(address(greeting))<<32 | uint64(len(greeting))
}

// inUse says how many buffers the host has not released.
//
//go:wasmexport inUse
func inUse() uint32 { return uint32(len(kept)) }

func address(bytes []byte) uintptr { return uintptr(unsafe.Pointer(&bytes[0])) }

func main() {}
