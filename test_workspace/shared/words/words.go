// Package words joins words.
package words

// Join puts a space between two words.
func Join(a, b string) string { return a + " " + b }
