package faults

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	stall, full, slow := Disk{Stall: true}, Disk{Full: true}, Disk{Slow: 200 * time.Millisecond}
	const year = 8760 * time.Hour
	for text, want := range map[string]Trouble{
		"":                                     {},
		"\n  \n":                               {},
		"disk stall":                           {Log: stall, State: stall},
		"disk stall\n":                         {Log: stall, State: stall},
		"disk stall log\n":                     {Log: stall},
		"disk full state\n":                    {State: full},
		"disk slow 200ms\nclock +8760h\n":      {Log: slow, State: slow, Clock: year},
		"disk slow 200ms log\ndisk full state": {Log: slow, State: full},
		"clock -8760h":                         {Clock: -year},
	} {
		if got, err := Parse([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"disk", "disk sick", "disk stall memory", "disk stall log state", "disk slow", "disk slow log", "disk slow 0s", "disk slow -1s", "disk slow 61s",
		"disk stall\ndisk full", "disk stall log\ndisk full", "disk full\ndisk full log", "clock", "clock 1h", "clock +0s", "clock +1h +1h", "clock +1h\nclock -1h",
		"clock +999999999h", "network gone", "Disk stall", "disk stall\x00", strings.Repeat("\n", maxFile+1),
	} {
		if got, err := Parse([]byte(text)); err == nil || got != (Trouble{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "disk stall\n", "disk slow 200ms log\nclock +8760h\n", "disk full state\n", "clock -10s", "disk slow 99999h"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse(text)
		if err != nil && got != (Trouble{}) {
			t.Errorf("an error and trouble: %+v, %v", got, err)
		}
		for _, d := range []Disk{got.Log, got.State} {
			if d.Slow < 0 || d.Slow > maxSlow || d.Stall && d.Full || d.Slow != 0 && (d.Stall || d.Full) {
				t.Errorf("impossible: %+v", d)
			}
		}
		if got.Clock.Abs() > maxOffset {
			t.Errorf("impossible: %+v", got)
		}
	})
}

// The file holds from the start, may change at any time, and what is wrong in it changes nothing.
func TestWatcher(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(text string) {
		t.Helper()
		path := filepath.Join(folder, FileName)
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	await := func(what string, is func() bool) {
		t.Helper()
		timeout := time.After(20 * time.Second)
		for !is() {
			select {
			case <-time.After(time.Millisecond):
			case <-timeout:
				t.Fatalf("never: %s", what)
			}
		}
	}
	write("disk full log\nclock +8760h\n")
	w := Watch(folder, slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer w.Close()
	if err := w.BeforeLog(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if err := w.BeforeState(); err != nil {
		t.Errorf("the other store: %v", err)
	}
	if ahead := time.Until(w.Now()); ahead < 8759*time.Hour || ahead > 8761*time.Hour {
		t.Errorf("the clock is %v ahead", ahead)
	}

	write("disk stall state\n")
	await("the log is well again", func() bool { return w.BeforeLog() == nil })
	ended := make(chan error, 1)
	go func() { ended <- w.BeforeState() }()
	write("nonsense\n")
	await("the file was looked at", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return string(w.text) == "nonsense\n"
	})
	select {
	case err := <-ended:
		t.Errorf("a stalled write ended by nonsense: %v", err)
	default:
	}
	if err := os.Remove(filepath.Join(folder, FileName)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("a stalled write that may go on: %v", err)
	}

	write("disk slow 50ms\n")
	await("a write is slow", func() bool {
		began := time.Now()
		return w.BeforeState() == nil && time.Since(began) >= 50*time.Millisecond
	})
}
