// Command callback adds up an order. It asks its host for each price, and the host answers by
// calling back into the program while its own function is still running.
//
// It is a command: main runs, and the export can only be called during that time.
package main

import "fmt"

// lookUp asks the host for the price of an article; the host answers through setPrice.
//
//go:wasmimport shop look_up
func lookUp(article uint32)

var prices = map[uint32]int64{}

//go:wasmexport set_price
func setPrice(article uint32, cents int64) { prices[article] = cents }

func main() {
	var total int64
	for _, article := range []uint32{11, 12, 13} {
		lookUp(article)
		cents, known := prices[article]
		if !known {
			panic(fmt.Sprintf("the host set no price for article %d", article))
		}
		total += cents
	}
	fmt.Printf("%d articles, total %d.%02d\n", len(prices), total/100, total%100)
}
