package guest

// Between the component model's canonical ABI and Go. A list or a text is a pointer and a length of 32 bits each, although Go's own
// pointers have 64; a variant is a byte and its payload. The order of fields is that of wit/model.wit.

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

type list struct{ at, length uint32 }

type input struct {
	name   list
	dtype  Type
	fields list
}

type output struct {
	name  list
	dtype Type
	width uint32
}

type tensor struct {
	dtype         Type
	data          list // the values; of texts and bytes all their bytes, then:
	ends, missing list
}

type rejection struct {
	row    uint32
	reason list
}

type result struct {
	failed        uint8
	first, second list // inputs and outputs, or outputs and rejected; the error where it failed
}

var (
	loader    func([]byte) (Model, error)
	loaded    Model
	signature Signature
	returned  result
	// What the host holds pointers to between two calls.
	kept []any
)

//go:wasmimport sandstream:model/log@0.1.0 emit
func importEmit(level uint32, at unsafe.Pointer, length uint32)

//go:wasmimport sandstream:model/artifacts@0.1.0 read
func importRead(at unsafe.Pointer, length uint32, into unsafe.Pointer)

// Memory of one call: taken piece by piece, forgotten as a whole. Go's collector does not move memory, so a pointer holds as long
// as the chunk is known here.
var (
	chunks [][]uint64
	used   int
)

func take(bytes uint32) unsafe.Pointer {
	words := (int(bytes)+15)/16*2 + 2
	if len(chunks) == 0 || len(chunks[len(chunks)-1])-used < words {
		size := 8192
		if len(chunks) > 0 {
			size = 2 * len(chunks[len(chunks)-1])
		}
		chunks = append(chunks, make([]uint64, max(size, words)))
		used = 0
	}
	at := unsafe.Pointer(&chunks[len(chunks)-1][used])
	used += words
	return at
}

// forget keeps the newest chunk, which is the largest: a call like the last one needs no other.
func forget() {
	if len(chunks) > 1 {
		chunks = [][]uint64{chunks[len(chunks)-1]}
	}
	used = 0
}

func address(at unsafe.Pointer) uint32 { return uint32(uintptr(at)) }

// view is a list as a slice, without a copy.
func view[T any](from list) []T {
	if from.length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(from.at))), from.length)
}

// zeros takes memory for a list of the call.
func zeros[T any](length int) list {
	var one T
	if length == 0 {
		return list{8, 0}
	}
	made := list{address(take(uint32(length) * uint32(unsafe.Sizeof(one)))), uint32(length)}
	clear(view[T](made))
	return made
}

// text copies a text into the memory of the call.
func text(from string) list {
	made := zeros[byte](len(from))
	copy(view[byte](made), from)
	return made
}

// keep gives the host a slice that stays.
func keep[T any](from []T) list {
	if len(from) == 0 {
		return list{8, 0}
	}
	kept = append(kept, from)
	return list{address(unsafe.Pointer(&from[0])), uint32(len(from))}
}

func keepText(from string) list { return keep([]byte(from)) }

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	at := take(size)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(at), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	return at
}

//go:wasmexport sandstream:model/scoring@0.1.0#load
func exportLoad(config unsafe.Pointer, length uint32) unsafe.Pointer {
	return answer(func() error {
		if loader == nil {
			return errors.New("nothing was registered: call guest.Register in an init function")
		}
		model, err := loader(append([]byte{}, unsafe.Slice((*byte)(config), length)...))
		if err != nil {
			return err
		}
		loaded, signature = model, model.Signature()
		returned = result{first: inputs(signature.Inputs), second: outputs(signature.Outputs)}
		return nil
	})
}

func inputs(declared []Input) list {
	made := make([]input, len(declared))
	for i, one := range declared {
		fields := make([]list, len(one.Fields))
		for j, field := range one.Fields {
			fields[j] = keepText(field)
		}
		made[i] = input{keepText(one.Name), one.Type, keep(fields)}
	}
	return keep(made)
}

func outputs(declared []Output) list {
	made := make([]output, len(declared))
	for i, one := range declared {
		made[i] = output{keepText(one.Name), one.Type, uint32(one.Width)}
	}
	return keep(made)
}

//go:wasmexport sandstream:model/scoring@0.1.0#score
func exportScore(rows uint32, at unsafe.Pointer, length uint32) unsafe.Pointer {
	return answer(func() error {
		in := Inputs{int(rows), unsafe.Slice((*tensor)(at), length)}
		answers := zeros[tensor](len(signature.Outputs))
		out := Scores{rows: int(rows), answers: view[tensor](answers)}
		for i, one := range signature.Outputs {
			out.answers[i] = empty(one, int(rows))
		}
		if err := loaded.Score(in, &out); err != nil {
			return err
		}
		rejected := zeros[rejection](len(out.rejected))
		copy(view[rejection](rejected), out.rejected)
		returned = result{first: answers, second: rejected}
		return nil
	})
}

func empty(declared Output, rows int) tensor {
	made := tensor{dtype: declared.Type, data: list{8, 0}, ends: list{8, 0}, missing: list{8, 0}}
	values := rows * declared.Width
	switch declared.Type {
	case Float32:
		made.data = zeros[float32](values)
	case Float64:
		made.data = zeros[float64](values)
	case Int64:
		made.data = zeros[int64](values)
	default:
		made.ends = zeros[uint32](values)
	}
	return made
}

func (to *tensor) pack(values [][]byte) {
	size, absent := 0, []uint32{}
	to.ends = zeros[uint32](len(values))
	ends := view[uint32](to.ends)
	for at, value := range values {
		size += len(value)
		ends[at] = uint32(size)
		if value == nil {
			absent = append(absent, uint32(at))
		}
	}
	to.data, to.missing = zeros[byte](size), zeros[uint32](len(absent))
	copy(view[uint32](to.missing), absent)
	data := view[byte](to.data)
	for _, value := range values {
		data = data[copy(data, value):]
	}
}

// answer runs what the host called. A panic becomes the call's error, with where it was: what Go prints of it would be lost.
func answer(run func() error) unsafe.Pointer {
	err := func() (err error) {
		defer func() {
			if what := recover(); what != nil {
				err = fmt.Errorf("panic: %v%s", what, frames())
			}
		}()
		return run()
	}()
	if err != nil {
		returned = result{failed: 1, first: text(err.Error())}
	}
	return unsafe.Pointer(&returned)
}

// frames names the functions that panicked, innermost first, without the machinery of panics and calls.
func frames() string {
	pcs := make([]uintptr, 16)
	walk := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var names []string
	for {
		frame, more := walk.Next()
		own := strings.HasPrefix(frame.Function, "sandstream.local/guest.answer") || strings.HasPrefix(frame.Function, "sandstream.local/guest.export") || strings.Contains(frame.Function, "#")
		if frame.Function != "" && !own && !strings.HasPrefix(frame.Function, "runtime.") {
			names = append(names, fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File[strings.LastIndex(frame.File, "/")+1:], frame.Line))
		}
		if !more {
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; in " + strings.Join(names, " < ")
}

//go:wasmexport cabi_post_sandstream:model/scoring@0.1.0#load
func afterLoad(unsafe.Pointer) { forget() }

//go:wasmexport cabi_post_sandstream:model/scoring@0.1.0#score
func afterScore(unsafe.Pointer) { forget() }

func emit(level Level, line []byte) {
	if len(line) > 0 {
		importEmit(uint32(level), unsafe.Pointer(&line[0]), uint32(len(line)))
	}
}

// What importRead writes: not on a stack, which moves when it grows.
var artifact struct {
	failed uint8
	data   list
}

func readArtifact(name string) ([]byte, error) {
	asked := text(name)
	importRead(unsafe.Pointer(uintptr(asked.at)), asked.length, unsafe.Pointer(&artifact))
	content := append([]byte{}, view[byte](artifact.data)...)
	if artifact.failed != 0 {
		return nil, errors.New(string(content))
	}
	return content, nil
}
