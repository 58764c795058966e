// Package above_one imports one of the two.
package above_one

import "example.com/test/bad/same"

// Number is a number.
const Number = same.Number
