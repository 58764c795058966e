//go:build !special

package main

const tagged = 0
