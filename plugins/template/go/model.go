// The smallest useful model: a factor times the sum of two fields. load reads the factor, Signature says what comes in and goes
// out, Score answers a batch of rows. The folder sandstream is the kit's own.
package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"sandstream.local/guest"
)

// What load keeps for Score: weights, tables, thresholds.
type model struct {
	factor float32
}

func load(config []byte) (guest.Model, error) {
	// config is whatever was announced with the model; here a number as text, or nothing.
	if len(config) == 0 {
		return model{factor: 1}, nil
	}
	factor, err := strconv.ParseFloat(strings.TrimSpace(string(config)), 32)
	if err != nil {
		return nil, fmt.Errorf("config: expected a number: %w", err)
	}
	return model{factor: float32(factor)}, nil
}

func (model) Signature() guest.Signature {
	// One matrix of the named record fields in, one number a row out.
	return guest.Signature{
		Inputs:  []guest.Input{{Name: "x", Type: guest.Float32, Fields: []string{"alcohol", "pH"}}},
		Outputs: []guest.Output{{Name: "score", Type: guest.Float32, Width: 1}},
	}
}

func (m model) Score(in guest.Inputs, out *guest.Scores) error {
	x, score := in.Float32(0), out.Float32(0)
	for row := range score {
		score[row] = m.factor * (x[2*row] + x[2*row+1])
		if math.IsNaN(float64(score[row])) {
			out.Reject(row, "alcohol or pH is missing")
		}
	}
	return nil
}

func init() { guest.Register(load) }

func main() {}
