package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Error is an answer that isn't a success.
type Error struct {
	Status int // HTTP
	Problem
}

func (e *Error) Error() string {
	switch {
	case e.Code != 0:
		return fmt.Sprintf("%s (%d)", e.Message, e.Code)
	case e.Status == http.StatusGatewayTimeout && e.ClTRID != "":
		return fmt.Sprintf("%s (cltrid %s)", e.Message, e.ClTRID)
	}
	return e.Message
}

func refusedBy(w *http.Response, body []byte) error {
	e := &Error{Status: w.StatusCode}
	if json.Unmarshal(body, &e.Problem) != nil || e.Message == "" {
		e.Message = "the answer is " + w.Status + ", which is not an admin API's"
	}
	return e
}

// Unanswered says that a request had no answer.
type Unanswered struct {
	URL    string // of the node
	ClTRID string // of the command, if it was one
	Sent   bool   // it was a command and may have been executed
	Err    error
}

func (u *Unanswered) Error() string {
	if u.Sent {
		return fmt.Sprintf("%s: no answer (%v): the outcome is unknown; look for cltrid %s in the history before trying again", u.URL, u.Err, u.ClTRID)
	}
	return fmt.Sprintf("%s: %v", u.URL, u.Err)
}

func (u *Unanswered) Unwrap() error { return u.Err }

// because notes why there is no answer.
func (u *Unanswered) because(err error) error {
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err // it would say the address again
	}
	// In TLS 1.3 the client is through with the handshake when the server refuses its certificate: no request was read then.
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "remote error" {
		u.Sent = false
		err = fmt.Errorf("the node refuses the certificate: %s", strings.TrimPrefix(refused.Err.Error(), "tls: "))
	}
	u.Err = err
	return u
}

// TryElsewhere says that a request certainly changed nothing and that another node may do better with it.
func TryElsewhere(err error) bool {
	var lost *Unanswered
	var refused *Error
	switch {
	case errors.As(err, &lost):
		return !lost.Sent
	case errors.As(err, &refused):
		return refused.Status == http.StatusServiceUnavailable
	}
	return false
}

// OutcomeUnknown says that a command may have been executed, or may yet be.
func OutcomeUnknown(err error) bool {
	var lost *Unanswered
	var refused *Error
	switch {
	case errors.As(err, &lost):
		return lost.Sent
	case errors.As(err, &refused):
		return refused.Status == http.StatusGatewayTimeout || refused.Status == http.StatusInternalServerError && refused.Code == 0
	}
	return false
}
