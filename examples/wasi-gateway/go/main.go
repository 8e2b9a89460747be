// go run . MODEL.wasm < frames > outputs: a model from `dyadic compile --target wasm` in wazero, without imports or cgo.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const prefixBytes, fileBytesAt = 64, 8

// Model is an engine with a model loaded. One run at a time.
type Model struct {
	module api.Module
	ctx    context.Context
}

func (m *Model) call(name string, args ...uint64) uint32 {
	results, err := m.module.ExportedFunction(name).Call(m.ctx, args...)
	check(err)
	return uint32(results[0])
}

// Open instantiates the module and loads the model that lies in its memory already.
func Open(ctx context.Context, binary []byte) *Model {
	module, err := wazero.NewRuntime(ctx).Instantiate(ctx, binary)
	check(err)
	model := &Model{module, ctx}
	at := model.call("reserve", 0)
	model.call("reserve", uint64(model.call("required_bytes", uint64(at), prefixBytes)))
	size, _ := module.Memory().ReadUint32Le(at + fileBytesAt)
	if status := model.call("load", uint64(at), uint64(size)); status != 0 {
		panic(fmt.Sprintf("the model was refused with status %d", status))
	}
	return model
}

// Run takes the canonical codes of input record `in` and returns those of output record `out`.
func (m *Model) Run(in uint32, codes []byte, out, outBytes uint32) []byte {
	m.module.Memory().Write(m.call("input_ptr", uint64(in)), codes)
	if status := m.call("run"); status != 0 {
		panic(fmt.Sprintf("run: status %d", status))
	}
	output, _ := m.module.Memory().Read(m.call("output_ptr", uint64(out)), outBytes)
	return output
}

func main() {
	binary, err := os.ReadFile(os.Args[1])
	check(err)
	model := Open(context.Background(), binary)
	frame := make([]byte, 28*28) // of the digit model: one uint8 input, ten int8 outputs
	for {
		if _, err := io.ReadFull(os.Stdin, frame); err == io.EOF {
			return
		} else {
			check(err)
		}
		for i := range frame {
			frame[i] ^= 0x80 // the engine takes uint8 codes 128 lower
		}
		os.Stdout.Write(model.Run(0, frame, 1, 10))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
