// A plugin for hosts with an interface of their own: a Greeter of go-plugin, and a handler of http-wasm.
package main

import (
	"context"
	"os"

	"github.com/knqyf263/go-plugin/examples/helloworld/greeting"
)

type greeter struct{}

func (greeter) Greet(_ context.Context, request *greeting.GreetRequest) (*greeting.GreetReply, error) {
	end(request.GetName())
	return &greeting.GreetReply{Message: "Hello, " + request.GetName()}, nil
}

func init() { greeting.RegisterGreeter(greeter{}) }

func main() {}

func end(how string) {
	switch how {
	case "trap":
		panic("as asked for")
	case "exit":
		os.Exit(3)
	}
}

//go:wasmexport handle_request
func handleRequest() uint64 {
	end(os.Getenv("HOW"))
	return 1
}

//go:wasmexport handle_response
func handleResponse(_, _ uint32) {}
