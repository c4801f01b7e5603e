// Package guest is for writing a scoring module for sandstream in Go: a Model, and a function that loads it, handed to Register in
// an init function.
//
// A module has no files, no network, no randomness, and its clock only counts how often it is read; what it prints goes nowhere.
// Memory that Inputs and Scores give is valid until Score returns.
package guest

import "fmt"

// Type is that of an element. In floats NaN is a missing value; an int64 has none; a text is UTF-8.
type Type uint8

const (
	Float32 Type = iota
	Float64
	Int64
	Text
	Bytes
)

// Input is a matrix the model takes: [rows, fields], row-major. Fields names one record field per column; "$value", "$key" and
// "$timestamp" reach the raw record.
type Input struct {
	Name   string
	Type   Type
	Fields []string
}

// Output is a matrix the model gives: [rows, width], row-major.
type Output struct {
	Name  string
	Type  Type
	Width int
}

// Signature is what a model takes and gives. Every session must say the same.
type Signature struct {
	Inputs  []Input
	Outputs []Output
}

// Model scores.
type Model interface {
	// Signature is asked for once, after loading.
	Signature() Signature
	// Score scores all rows. The same rows must give the same outputs, however they are cut into calls. An error fails them all;
	// for a single row, use Scores.Reject.
	Score(in Inputs, out *Scores) error
}

// Register says how the model is loaded: from the bytes announced as its config, and from its artifacts. An error rejects it.
func Register(load func(config []byte) (Model, error)) { loader = load }

// Inputs are the matrices of one call, by their number in the signature.
type Inputs struct {
	rows    int
	tensors []tensor
}

// Rows is how many rows the call has.
func (in Inputs) Rows() int { return in.rows }

// Float32 is input i, which the signature declares so.
func (in Inputs) Float32(i int) []float32 { return view[float32](in.of(i, Float32).data) }

// Float64 is input i, which the signature declares so.
func (in Inputs) Float64(i int) []float64 { return view[float64](in.of(i, Float64).data) }

// Int64 is input i, which the signature declares so.
func (in Inputs) Int64(i int) []int64 { return view[int64](in.of(i, Int64).data) }

// Bytes are the values of input i, declared as Text or Bytes; nil is missing.
func (in Inputs) Bytes(i int) [][]byte {
	from := in.of(i, Text, Bytes)
	data, ends := view[byte](from.data), view[uint32](from.ends)
	if data == nil {
		data = []byte{} // an empty value is not a missing one
	}
	values := make([][]byte, len(ends))
	start := uint32(0)
	for at, end := range ends {
		values[at] = data[start:end:end]
		start = end
	}
	for _, at := range view[uint32](from.missing) {
		values[at] = nil
	}
	return values
}

// Texts are the values of input i, declared as Text; missing ones are empty.
func (in Inputs) Texts(i int) []string {
	values := in.Bytes(i)
	texts := make([]string, len(values))
	for at, value := range values {
		texts[at] = string(value)
	}
	return texts
}

func (in Inputs) of(i int, types ...Type) tensor {
	for _, wanted := range types {
		if i < len(signature.Inputs) && signature.Inputs[i].Type == wanted {
			return in.tensors[i]
		}
	}
	panic(fmt.Sprintf("input %d is not declared as it is read", i))
}

// Scores are the answers of one call, by the output's number in the signature. All are zeros until they are written.
type Scores struct {
	rows     int
	answers  []tensor
	rejected []rejection
}

// Float32 is where the values of output i go.
func (out *Scores) Float32(i int) []float32 { return view[float32](out.of(i, Float32).data) }

// Float64 is where the values of output i go.
func (out *Scores) Float64(i int) []float64 { return view[float64](out.of(i, Float64).data) }

// Int64 is where the values of output i go.
func (out *Scores) Int64(i int) []int64 { return view[int64](out.of(i, Int64).data) }

// SetBytes gives all values of output i, declared as Text or Bytes; nil is missing.
func (out *Scores) SetBytes(i int, values [][]byte) { out.of(i, Text, Bytes).pack(values) }

// SetTexts gives all values of output i, declared as Text.
func (out *Scores) SetTexts(i int, values []string) {
	packed := make([][]byte, len(values))
	for at, value := range values {
		packed[at] = append([]byte{}, value...)
	}
	out.of(i, Text).pack(packed)
}

func (out *Scores) of(i int, types ...Type) *tensor {
	for _, wanted := range types {
		if i < len(signature.Outputs) && signature.Outputs[i].Type == wanted {
			return &out.answers[i]
		}
	}
	panic(fmt.Sprintf("output %d is not declared as it is written", i))
}

// Reject says that the model will not score a row; its outputs are ignored, and it is a dead letter with this reason.
func (out *Scores) Reject(row int, reason string) {
	out.rejected = append(out.rejected, rejection{uint32(row), text(reason)})
}

// Level is how much a line of the log matters.
type Level uint32

const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Log writes a line into the host's log, which cuts it to a length and a rate.
func Log(level Level, format string, values ...any) {
	line := []byte(fmt.Sprintf(format, values...))
	emit(level, line)
}

// Artifact reads a file that was announced with the model.
func Artifact(name string) ([]byte, error) { return readArtifact(name) }
