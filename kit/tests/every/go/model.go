package main

import (
	"errors"
	"fmt"

	"sandstream.local/guest"
)

type model struct{ greeting string }

func load(config []byte) (guest.Model, error) {
	if _, err := guest.Artifact("no such file"); err == nil {
		return nil, errors.New("an artifact that is not there was read")
	}
	greeting, err := guest.Artifact(string(config))
	if err != nil {
		return nil, err
	}
	guest.Log(guest.Debug, "loaded %d bytes", len(greeting))
	return model{string(greeting)}, nil
}

func (model) Signature() guest.Signature {
	return guest.Signature{
		Inputs: []guest.Input{
			{Name: "name", Type: guest.Text, Fields: []string{"name"}},
			{Name: "raw", Type: guest.Bytes, Fields: []string{"$value"}},
			{Name: "count", Type: guest.Int64, Fields: []string{"count"}},
			{Name: "x", Type: guest.Float64, Fields: []string{"x"}},
		},
		Outputs: []guest.Output{
			{Name: "greeting", Type: guest.Text, Width: 1},
			{Name: "raw", Type: guest.Bytes, Width: 1},
			{Name: "next", Type: guest.Int64, Width: 1},
			{Name: "twice", Type: guest.Float64, Width: 2},
		},
	}
}

func (m model) Score(in guest.Inputs, out *guest.Scores) error {
	names, raws, count, x := in.Bytes(0), in.Bytes(1), in.Int64(2), in.Float64(3)
	next, twice := out.Int64(2), out.Float64(3)
	said, heads := make([][]byte, in.Rows()), make([][]byte, in.Rows())
	for row := range said {
		if names[row] != nil {
			said[row] = append([]byte(m.greeting), names[row]...)
		}
		heads[row] = raws[row][:min(3, len(raws[row]))]
		next[row], twice[2*row], twice[2*row+1] = count[row]+1, x[row], 2*x[row]
		if count[row] < 0 {
			out.Reject(row, fmt.Sprintf("%s: a count below 0", names[row]))
		}
	}
	out.SetBytes(0, said)
	out.SetBytes(1, heads)
	return nil
}

func init() { guest.Register(load) }

func main() {}
