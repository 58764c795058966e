// Package same is one of two.
package same

// Number is a number.
const Number = 1
