package words_test

import (
	"fmt"

	"example.com/test/shared/words"
)

func ExampleJoin() {
	fmt.Println(words.Join("one", "two"))
	// Output: one two
}
