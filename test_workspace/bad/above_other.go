// Package above_other imports one of the two.
package above_other

import "example.com/test/bad/same"

// Number is a number.
const Number = same.Number
