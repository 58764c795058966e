// Runs modules for gowasm in wazero: compiles, instantiates and calls what it is told over standard
// input, and hands every call of the host back. frames.rs describes what goes to and fro.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

type signature struct {
	Params  string `json:"params"`
	Results string `json:"results"`
}

type load struct {
	Imports []struct {
		Module string `json:"module"`
		Name   string `json:"name"`
		signature
	} `json:"imports"`
	Exports map[string]signature `json:"exports"`
	Pages   uint32               `json:"pages"`
}

// The call that is running is to end: the host has said so.
var errUnwind = errors.New("unwind")

type host struct {
	ctx      context.Context
	in       *bufio.Reader
	out      *bufio.Writer
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	instance api.Module
	load     load
}

func main() {
	h := &host{ctx: context.Background(), in: bufio.NewReader(os.Stdin), out: bufio.NewWriter(os.Stdout)}
	h.serve()
}

func (h *host) receive() []byte {
	var length [4]byte
	if _, err := io.ReadFull(h.in, length[:]); err != nil {
		os.Exit(0)
	}
	frame := make([]byte, binary.LittleEndian.Uint32(length[:]))
	if _, err := io.ReadFull(h.in, frame); err != nil {
		os.Exit(0)
	}
	return frame
}

func (h *host) send(kind byte, body []byte) {
	head := binary.LittleEndian.AppendUint32(nil, uint32(1+len(body)))
	h.out.Write(append(head, kind))
	h.out.Write(body)
	if err := h.out.Flush(); err != nil {
		os.Exit(0)
	}
}

// serve does what is asked for, until it is the answer to a call of the host.
func (h *host) serve() []byte {
	for {
		frame := h.receive()
		switch frame[0] {
		case 'r':
			return frame[1:]
		case 'u':
			panic(errUnwind)
		case 's':
			var size uint64
			if memory := h.memory(); memory != nil {
				size = uint64(memory.Size())
			}
			h.send('r', binary.LittleEndian.AppendUint64(nil, size))
		case 'm':
			address, length := binary.LittleEndian.Uint32(frame[1:]), binary.LittleEndian.Uint32(frame[5:])
			if memory := h.memory(); memory != nil {
				if bytes, ok := memory.Read(address, length); ok {
					h.send('r', bytes)
					continue
				}
			}
			h.send('o', nil)
		case 'w':
			if memory := h.memory(); memory != nil && memory.Write(binary.LittleEndian.Uint32(frame[1:]), frame[5:]) {
				h.send('r', nil)
				continue
			}
			h.send('o', nil)
		default:
			if results, err := h.command(frame); err != nil {
				h.send(kind(err), []byte(err.Error()))
			} else {
				h.send('r', bits(results))
			}
		}
	}
}

// kind tells a trap of the module from what wazero could not do. Its traps have no type, but words that
// they begin with.
func kind(err error) byte {
	words := err.Error()
	if strings.HasPrefix(words, "wasm error: ") && !strings.HasPrefix(words, "wasm error: stack overflow") {
		return 't'
	}
	return 'e'
}

func (h *host) memory() api.Memory {
	if h.instance == nil {
		return nil
	}
	// As elsewhere, only what the module exports under this name.
	return h.instance.ExportedMemory("memory")
}

func (h *host) command(frame []byte) (results []uint64, err error) {
	switch frame[0] {
	case 'L':
		return nil, h.compile(frame[1:], h.receive())
	case 'i':
		return nil, h.start()
	case 'c':
		count := binary.LittleEndian.Uint16(frame[1:])
		args, name := values(frame[3:3+8*int(count)]), string(frame[3+8*int(count):])
		return h.instance.ExportedFunction(name).Call(h.ctx, args...)
	}
	return nil, fmt.Errorf("an unknown frame %q", frame[0])
}

func (h *host) compile(text, module []byte) (err error) {
	if err := json.Unmarshal(text, &h.load); err != nil {
		return err
	}
	h.runtime = wazero.NewRuntimeWithConfig(h.ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(h.load.Pages))
	builders, seen := map[string]wazero.HostModuleBuilder{}, map[[2]string]bool{}
	for index, wanted := range h.load.Imports {
		if key := [2]string{wanted.Module, wanted.Name}; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		if builders[wanted.Module] == nil {
			builders[wanted.Module] = h.runtime.NewHostModuleBuilder(wanted.Module)
		}
		of := wanted.signature
		call := func(_ context.Context, _ api.Module, stack []uint64) {
			body := binary.LittleEndian.AppendUint32(nil, uint32(index))
			h.send('h', append(body, bits(stack[:len(of.Params)])...))
			copy(stack, values(h.serve())[:len(of.Results)])
		}
		builders[wanted.Module].NewFunctionBuilder().
			WithGoModuleFunction(api.GoModuleFunc(call), types(of.Params), types(of.Results)).
			Export(wanted.Name)
	}
	for _, builder := range builders {
		if _, err := builder.Instantiate(h.ctx); err != nil {
			return err
		}
	}
	h.compiled, err = h.runtime.CompileModule(h.ctx, module)
	return err
}

func (h *host) start() (err error) {
	if h.instance != nil {
		h.instance.Close(h.ctx)
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	h.instance, err = h.runtime.InstantiateModule(h.ctx, h.compiled, config)
	return err
}

func types(letters string) []api.ValueType {
	of := map[rune]api.ValueType{
		'i': api.ValueTypeI32, 'I': api.ValueTypeI64, 'f': api.ValueTypeF32, 'F': api.ValueTypeF64,
	}
	var types []api.ValueType
	for _, letter := range letters {
		types = append(types, of[letter])
	}
	return types
}

func bits(values []uint64) []byte {
	var bytes []byte
	for _, value := range values {
		bytes = binary.LittleEndian.AppendUint64(bytes, value)
	}
	return bytes
}

func values(bytes []byte) []uint64 {
	values := make([]uint64, len(bytes)/8)
	for at := range values {
		values[at] = binary.LittleEndian.Uint64(bytes[8*at:])
	}
	return values
}
