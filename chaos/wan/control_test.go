package wan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// served is a network between a and b, and its control from outside.
func served(t *testing.T) (*Network, *Control, func()) {
	t.Helper()
	n := newNetwork(t, Delayed(ms))
	relayTo(t, n, "a", "b", udp(t).LocalAddr())
	dir, err := os.MkdirTemp("", "wan") // a test's own folder may have too long a path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "wan.sock")
	stop, err := n.Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return n, NewControl(path), stop
}

func TestControl(t *testing.T) {
	t.Parallel()
	n, control, stop := served(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all, err := control.Apply(ctx, Change{From: "a", Delay: new(80 * time.Millisecond), Loss: new(0.25)}, Change{To: "a", Cut: new(true)})
	if err != nil || len(all) != 2 || all[0] != stateOf(t, n, "a", "b") || all[1] != stateOf(t, n, "b", "a") {
		t.Fatalf("%+v, %v", all, err)
	}
	if ab, ba := all[0].Link, all[1].Link; ab != (Link{Delay: 80 * ms, Loss: 0.25}) || ba != (Link{Delay: ms, Cut: true}) {
		t.Errorf("changed to %+v and %+v", ab, ba)
	}
	if shown, err := control.Directions(ctx); err != nil || len(shown) != 2 || shown[0] != all[0] {
		t.Errorf("shown as %+v, %v", shown, err)
	}
	if _, err := control.Apply(ctx, Cut("a", "nowhere")...); err == nil || !strings.Contains(err.Error(), `no such direction: from "a" to "nowhere"`) {
		t.Errorf("a cut of an unknown site: %v", err)
	}
	if st, err := os.Stat(control.path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", st.Mode(), err)
	}
	stop()
	if _, err := control.Directions(ctx); !errors.Is(err, ErrControl) {
		t.Errorf("after stop: %v", err)
	}
	if _, err := os.Stat(control.path); !os.IsNotExist(err) {
		t.Errorf("after stop the socket is there: %v", err)
	}
}

// A socket left behind by a process that was killed is no hindrance; a path that no socket can have is refused in clear words.
func TestServe(t *testing.T) {
	t.Parallel()
	n, control, stop := served(t)
	stop()
	if err := os.WriteFile(control.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := n.Serve(control.path)
	if err != nil {
		t.Fatal(err)
	}
	defer again()
	if _, err := control.Directions(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := n.Serve("/" + strings.Repeat("x", maxSocketPath)); err == nil || !strings.Contains(err.Error(), "octets") {
		t.Errorf("a path that is too long: %v", err)
	}
	if _, err := n.Serve(filepath.Join(filepath.Dir(control.path), "missing", "s")); err == nil {
		t.Error("served in a folder that isn't there")
	}
}

func TestControlIsStrict(t *testing.T) {
	t.Parallel()
	_, control, _ := served(t)
	for what, body := range map[string]string{
		"no JSON": `cut`, "no array": `{"cut":true}`, "an unknown field": `[{"cuts":true}]`, "two values": `[] []`,
		"a wrong type": `[{"delay_ns":"80ms"}]`, "an impossible value": `[{"loss":2}]`,
		"too many": "[" + strings.Repeat("{},", MaxChanges) + "{}]",
		"too much": "[" + strings.Repeat(" ", maxBody) + "]",
	} {
		response, err := control.http.Post("http://wan"+controlPath, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: HTTP status %d", what, response.StatusCode)
		}
	}
	if all, err := control.Directions(t.Context()); err != nil || all[0].Link != Delayed(ms) {
		t.Errorf("what was refused changed it: %+v, %v", all, err)
	}
}

// FuzzChanges: what is read as changes is written and read again as the same, and leaves no impossible link behind.
func FuzzChanges(f *testing.F) {
	for _, s := range []string{
		`[]`, `[{}]`, `[{"from":"a","to":"b","cut":true}]`, `[{"delay_ns":40000000,"jitter_ns":1,"loss":0.5,"duplicate":1,"reorder":0,"rate":1000,"queue":9}]`,
		`[{"loss":-1}]`, `[{"rate":9223372036854775807}]`, `null`, `[{"from":"\u0000"}] x`,
	} {
		f.Add([]byte(s))
	}
	n := newNetwork(f, Link{})
	relayTo(f, n, "a", "b", udp(f).LocalAddr())
	f.Fuzz(func(t *testing.T, body []byte) {
		changes, err := parseChanges(bytes.NewReader(body))
		if err != nil {
			return
		}
		written, err := json.Marshal(changes)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseChanges(bytes.NewReader(written))
		if err != nil || len(again) != len(changes) {
			t.Fatalf("written as %s, read as %v, %v", written, again, err)
		}
		_ = n.Apply(changes...) // refused or not
		for _, d := range n.Directions() {
			if err := d.Link.check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
