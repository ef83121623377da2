package load

import (
	"errors"

	"quorate/epp/client"
)

// Outcome is what a client knows of a transform that it has sent.
type Outcome string

// The outcomes.
const (
	Acknowledged Outcome = "acknowledged" // answered as done
	Refused      Outcome = "refused"      // answered with an error: nothing was done
	Unknown      Outcome = "unknown"      // not answered: done, or not, or yet to be done
)

// OutcomeOf is what an error of the EPP client means.
func OutcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Acknowledged
	case Code(err) != 0:
		return Refused
	}
	return Unknown
}

// Code is the EPP result code of an error, or 0 when it isn't an answer.
func Code(err error) int {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
