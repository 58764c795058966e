module example.com/test

go 1.24

require (
	github.com/google/uuid v1.5.0
	github.com/proxy-wasm/proxy-wasm-go-sdk v0.0.0-20250212164326-ab4161dcf924
	google.golang.org/protobuf v1.34.2
)
