package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// decode reads the body as one JSON value of v's form and nothing else.
func (c *call) decode(v any) error { return decodeOnly(c.Body, v) }

// decodeStrictly is decode for what has been read already.
func decodeStrictly(b []byte, v any) error { return decodeOnly(bytes.NewReader(b), v) }

func decodeOnly(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.Join(errors.New("there is more after the value"), err)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "a request's body has at most %d bytes", large.Limit)
	case errors.Is(err, io.EOF):
		err = errors.New("there is none")
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return refuse(http.StatusBadRequest, "the body is not JSON as wanted: %s", line)
}

// parameters are the request's query parameters: each at most once, and none but those named.
func (c *call) parameters(names ...string) (map[string]string, error) {
	query, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "the query is malformed: %v", err)
	}
	p := map[string]string{}
	for name, values := range query {
		if !slices.Contains(names, name) {
			return nil, refuse(http.StatusBadRequest, "there is no parameter %q here; there are: %s", name, strings.Join(names, ", "))
		}
		if len(values) > 1 {
			return nil, invalid(name, strings.Join(values, " "), "the parameter is given more than once")
		}
		p[name] = values[0]
	}
	return p, nil
}

// level is the read level that the parameters ask for.
func level(p map[string]string) (fsm.Level, error) {
	switch p["level"] {
	case "", "linearizable":
		return fsm.Linearizable, nil
	case "local":
		return fsm.Local, nil
	}
	return 0, invalid("level", p["level"], "the levels are linearizable and local")
}

// limit is the number of records that the parameters ask for.
func limit(p map[string]string) (int, error) {
	if p["limit"] == "" {
		return DefaultLimit, nil
	}
	n, err := strconv.Atoi(p["limit"])
	if err != nil || n < 1 || n > MaxLimit {
		return 0, registry.Fail(registry.ParameterRange, "limit", p["limit"], "a limit is 1 to %d", MaxLimit)
	}
	return n, nil
}
