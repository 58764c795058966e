package deps

import "example.com/test/shared/words"

var text = words.Join("a", "b")
