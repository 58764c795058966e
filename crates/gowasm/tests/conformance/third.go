package third

var Order = 1

//go:wasmexport third.answer
func answer() int32 { return 42 }
