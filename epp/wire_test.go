package epp

import (
	"io"

	"quorate/epp/frame"
)

// unit makes a data unit.
func unit(doc string) []byte { return frame.End(append(frame.Begin(nil), doc...)) }

// newFrames reads data units.
func newFrames(r io.Reader) *frame.Reader { return frame.NewReader(r, 1<<20) }
