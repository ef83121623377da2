package wan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
)

// The control interface is HTTP on a Unix socket that only its owner can use:
//
//	GET  /v1/wan  the directions, as a JSON array of Direction
//	POST /v1/wan  a JSON array of Change, made as Network.Apply makes them; answers as GET, or 400 and a text
const controlPath = "/v1/wan"

// ErrControl says that no emulator listens where one was looked for.
var ErrControl = errors.New("no wide area there")

// Serve lets other processes control the network, at a Unix socket at path. It goes on until stop is called, which removes the socket. A
// socket that another process has left behind makes room; that nobody uses it is for the caller to know.
func (n *Network) Serve(path string) (stop func(), err error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("control socket %s: its path has %d octets, and may have %d", path, len(path), maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	server := &http.Server{
		Handler: n.handler(), ReadTimeout: controlTimeout, WriteTimeout: controlTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // a client that went away is nobody's concern
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // returns when stopped
	}()
	return func() {
		server.Close()
		<-done
	}, nil
}

func (n *Network) handler() http.Handler {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(n.Directions()) // the client may have gone
	}
	mux.HandleFunc("GET "+controlPath, show)
	mux.HandleFunc("POST "+controlPath, func(w http.ResponseWriter, r *http.Request) {
		changes, err := parseChanges(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			err = n.Apply(changes...)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		show(w, r)
	})
	return mux
}

// parseChanges reads a JSON array of changes, strictly.
func parseChanges(r io.Reader) ([]Change, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var changes []Change
	if err := d.Decode(&changes); err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("changes: more than one JSON value")
	}
	if len(changes) > MaxChanges {
		return nil, fmt.Errorf("changes: %d at once, and %d may be", len(changes), MaxChanges)
	}
	return changes, nil
}

// Control controls the network that is served at the Unix socket at path: that of another process.
type Control struct {
	path string
	http http.Client
}

// NewControl is a control of the network served at the Unix socket at path.
func NewControl(path string) *Control {
	return &Control{path: path, http: http.Client{Timeout: controlTimeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// Directions are the states of all directions, by name. ErrControl says that there is no network.
func (c *Control) Directions(ctx context.Context) ([]Direction, error) {
	return c.do(ctx, http.MethodGet, nil)
}

// Apply makes the changes as Network.Apply does, and returns the directions as they are then. ErrControl says that there is no network.
func (c *Control) Apply(ctx context.Context, changes ...Change) ([]Direction, error) {
	body, err := json.Marshal(changes)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, http.MethodPost, body)
}

func (c *Control) do(ctx context.Context, method string, body []byte) ([]Direction, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://wan"+controlPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrControl, errors.Unwrap(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("the wide area at %s: %w", c.path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(string(bytes.TrimSpace(answer)))
	}
	var all []Direction
	if err := json.Unmarshal(answer, &all); err != nil {
		return nil, fmt.Errorf("the wide area at %s: %w", c.path, err)
	}
	return all, nil
}
