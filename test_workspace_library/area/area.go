// Package area measures shapes.
package area

import "github.com/google/uuid"

// Square is the area of a square.
func Square(side int) int { return side * side }

// Last is the last name that a shape can have; version 1.5.0 of the Go module does not know it.
func Last() string { return uuid.Max.String() }
