// Hosts that run modules in wazero, each as its own library sets it up: they call an export that traps,
// exits or runs out of time, take no notice of it, and call again. A line tells what they are told then:
// host, case and error, with tabs between.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	extism "github.com/extism/go-sdk"
	"github.com/http-wasm/http-wasm-host-go/handler"
	httpwasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/knqyf263/go-plugin/examples/helloworld/greeting"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

var ctx = context.Background()

// The exports that end the program, by the case. Their errors say little that is of interest here.
var ends = [][2]string{
	{"trap", "panics"}, {"exit", "leaves"}, {"exit 0", "finishes"}, {"deadlock", "deadlock"},
}

func main() {
	reactor, guest := os.Args[1], os.Args[2]
	code, err := os.ReadFile(reactor)
	check(err)
	inWazero(code)
	inExtism(code)
	inGoPlugin(guest)
	inHTTP(guest)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func tell(host, what, said string) {
	said = strings.ReplaceAll(strings.ReplaceAll(said, "\n", " "), "\t", " ")
	fmt.Printf("%s\t%s\t%s\n", host, what, said)
}

// What a call gave, also where it ends in a panic of the host's own.
func caught(call func() (string, error)) (said string) {
	defer func() {
		if recovered := recover(); recovered != nil {
			said = fmt.Sprintf("PANIC %v", recovered)
		}
	}()
	answer, err := call()
	if err != nil {
		return err.Error()
	}
	return "answered " + answer
}

func inWazero(code []byte) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
	defer runtime.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	var instance api.Module
	nested := ""
	again := func(_ context.Context, n int32) int32 {
		if n == 0 {
			instance.ExportedFunction(nested).Call(ctx)
			return 0
		}
		results, err := instance.ExportedFunction("down").Call(ctx, api.EncodeI32(n))
		if err != nil {
			return 0
		}
		return api.DecodeI32(results[0])
	}
	_, err := runtime.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(again).Export("again").Instantiate(ctx)
	check(err)
	compiled, err := runtime.CompileModule(ctx, code)
	check(err)
	fresh := func(start ...string) {
		config := wazero.NewModuleConfig().WithName("").WithStartFunctions(start...)
		instance, err = runtime.InstantiateModule(ctx, compiled, config)
		check(err)
	}
	call := func(name string, args ...uint64) string {
		return caught(func() (string, error) {
			results, err := instance.ExportedFunction(name).Call(ctx, args...)
			return fmt.Sprint(results), err
		})
	}
	const host = "wazero"
	fresh()
	tell(host, "early", call("i32", 1))
	for _, end := range ends {
		fresh("_initialize")
		call(end[1])
		tell(host, end[0], call("i32", 1))
		tell(host, end[0], call("i32", 1))
		// One below the other, and in a goroutine.
		for _, outer := range []string{"down", "relay"} {
			for _, depth := range []uint64{1, 3} {
				fresh("_initialize")
				nested = end[1]
				tell(host, "swallowed "+end[0], call(outer, depth))
				tell(host, "after swallowed "+end[0], call("i32", 1))
			}
		}
	}
	fresh("_initialize")
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	instance.ExportedFunction("spins").Call(short)
	tell(host, "time-out", call("i32", 1))
}

func inExtism(code []byte) {
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: code}}}
	again := extism.NewHostFunctionWithStack("again",
		func(context.Context, *extism.CurrentPlugin, []uint64) {},
		[]extism.ValueType{extism.ValueTypeI32}, []extism.ValueType{extism.ValueTypeI32})
	again.SetNamespace("env")
	config := extism.PluginConfig{EnableWasi: true}
	compiled, err := extism.NewCompiledPlugin(ctx, manifest, config, []extism.HostFunction{again})
	check(err)
	for _, end := range ends {
		plugin, err := compiled.Instance(ctx, extism.PluginInstanceConfig{})
		check(err)
		call := func(name string) string {
			return caught(func() (string, error) {
				_, answer, err := plugin.Call(name, nil)
				return string(answer), err
			})
		}
		tell("extism go-sdk", "right order", call("main_ran"))
		call(end[1])
		tell("extism go-sdk", end[0], call("main_ran"))
		plugin.Close(ctx)
	}
}

func inGoPlugin(guest string) {
	for _, end := range ends[:2] {
		loader, err := greeting.NewGreeterPlugin(ctx)
		check(err)
		plugin, err := loader.Load(ctx, guest)
		check(err)
		call := func(name string) string {
			return caught(func() (string, error) {
				reply, err := plugin.Greet(ctx, &greeting.GreetRequest{Name: name})
				return reply.GetMessage(), err
			})
		}
		tell("go-plugin", "right order", call("Go"))
		call(end[0])
		tell("go-plugin", end[0], call("Go"))
		plugin.Close(ctx)
	}
}

func inHTTP(guest string) {
	code, err := os.ReadFile(guest)
	check(err)
	for _, how := range []string{"", "trap", "exit"} {
		config := wazero.NewModuleConfig().WithStartFunctions("_initialize").WithEnv("HOW", how)
		middleware, err := httpwasm.NewMiddleware(ctx, code, handler.ModuleConfig(config))
		check(err)
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "served") })
		server := middleware.NewHandler(ctx, next)
		serve := func() string {
			return caught(func() (string, error) {
				recorder := httptest.NewRecorder()
				server.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
				return recorder.Body.String(), nil
			})
		}
		if how == "" {
			tell("http-wasm-host-go", "right order", serve())
		} else {
			serve()
			tell("http-wasm-host-go", how, serve())
		}
		middleware.Close(ctx)
	}
}
