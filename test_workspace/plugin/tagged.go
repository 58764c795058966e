//go:build special

package main

const tagged = 1
