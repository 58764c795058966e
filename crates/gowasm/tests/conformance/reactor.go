package main

import (
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"example.com/third"
)

var (
	order   = third.Order*10 + 2
	mainRan bool
	counter int
)

func init() { order = order*10 + 3 }

func main() { mainRan = true }

//go:wasmexport init_order
func initOrder() int32 { return int32(order) }

//go:wasmexport main_ran
func mainWasRun() bool { return mainRan }

//go:wasmimport env again
func again(n int32) int32

// down goes to the host and back n times, with a growing stack and a collection on the way.
//
//go:wasmexport down
func down(n int32) int32 {
	if n == 0 {
		return 0
	}
	kept := make([]int32, 100)
	kept[7] = n
	deep(200)
	runtime.GC()
	below := again(n - 1)
	runtime.GC()
	return below + kept[7]
}

func deep(n int) [64]int {
	if n == 0 {
		return [64]int{}
	}
	below := deep(n - 1)
	below[n%64]++
	return below
}

//go:wasmexport spawn
func spawn() {
	go func() {
		for {
			counter++
			runtime.Gosched()
		}
	}()
}

//go:wasmexport progressed
func progressed() bool {
	before := counter
	for range 10 {
		runtime.Gosched()
	}
	return counter > before
}

//go:wasmexport served
func served() int32 {
	answers := make(chan int32)
	go func() { answers <- 7 }()
	return <-answers
}

//go:wasmexport deadlock
func deadlock() { <-make(chan int) }

//go:wasmexport panics
func panics() { panic("as asked for") }

//go:wasmexport leaves
func leaves() { os.Exit(3) }

//go:wasmexport finishes
func finishes() { os.Exit(0) }

// elsewhere has a goroutine end the program.
//
//go:wasmexport elsewhere
func elsewhere(exits bool) {
	go func() {
		if exits {
			os.Exit(3)
		}
		panic("as asked for")
	}()
	<-make(chan int)
}

// relay goes down in a goroutine, and blocks meanwhile.
//
//go:wasmexport relay
func relay(n int32) int32 {
	answers := make(chan int32)
	go func() { answers <- down(n) }()
	return <-answers
}

//go:wasmexport spins
func spins() {
	for {
		counter++
	}
}

//go:wasmexport same_goroutines
func sameGoroutines() bool {
	before := runtime.NumGoroutine()
	done := make(chan bool)
	go func() { done <- true }()
	during := runtime.NumGoroutine()
	<-done
	for range 10 {
		runtime.Gosched()
	}
	return during == before+1 && runtime.NumGoroutine() == before
}

//go:wasmexport sleeps
func sleeps() int64 {
	begun := time.Now()
	fired := make(chan bool)
	time.AfterFunc(2*time.Hour, func() { fired <- true })
	time.Sleep(time.Hour)
	<-fired
	return int64(time.Since(begun).Hours())
}

//go:wasmexport i32
func i32(v int32) int32 { return v }

//go:wasmexport u32
func u32(v uint32) uint64 { return uint64(v) }

//go:wasmexport i64
func i64(v int64) int64 { return v }

//go:wasmexport u64
func u64(v uint64) uint64 { return v >> 1 }

//go:wasmexport f32
func f32(v float32) float32 { return v }

//go:wasmexport f64
func f64(v float64) float64 { return v }

//go:wasmexport not
func not(v bool) bool { return !v }

//go:wasmexport address
func address(v uintptr) uintptr { return v }

var kept = map[uintptr][]byte{}

//go:wasmexport allocate
func allocate(size uint32) unsafe.Pointer {
	buffer := make([]byte, max(size, 1))
	kept[uintptr(unsafe.Pointer(&buffer[0]))] = buffer
	return unsafe.Pointer(&buffer[0])
}

//go:wasmexport upper
func upper(text string) uint64 {
	result := append([]byte(strings.ToUpper(text)), 0)
	kept[uintptr(unsafe.Pointer(&result[0]))] = result
	return uint64(uintptr(unsafe.Pointer(&result[0])))<<32 | uint64(len(text))
}

//go:wasmexport twice
func twice(v *uint32) *uint32 {
	*v *= 2
	return v
}
