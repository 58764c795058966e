// Command go-plugin is a plugin for a host that uses github.com/knqyf263/go-plugin. Its exports
// (malloc, free, greeter_greet and greeter_api_version) are declared in the packages it imports:
// the library, and the code that the library's generator wrote for the Greeter service.
package main

import (
	"context"
	"errors"

	"github.com/knqyf263/go-plugin/examples/helloworld/greeting"
)

type greeter struct{}

func (greeter) Greet(_ context.Context, request *greeting.GreetRequest) (*greeting.GreetReply, error) {
	name := request.GetName()
	if name == "" {
		return nil, errors.New("a greeting needs a name")
	}
	return &greeting.GreetReply{Message: "Good morning, " + name}, nil
}

func init() { greeting.RegisterGreeter(greeter{}) }

func main() {}
