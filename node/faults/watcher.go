package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Watcher has a node suffer what its file of trouble says. Its methods may be used concurrently.
type Watcher struct {
	path string
	log  *slog.Logger
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	text    []byte // of the file, when it was last looked at
	now     Trouble
	changed chan struct{} // closed and replaced when now changes
}

// Watch begins to heed the file of trouble in a node's data folder. What it says already holds when Watch returns.
func Watch(folder string, log *slog.Logger) *Watcher {
	w := &Watcher{path: filepath.Join(folder, FileName), log: log, stop: make(chan struct{}), changed: make(chan struct{})}
	log.Error("this binary can be made to fail and is for tests only", "page", true, "file", w.path)
	w.look()
	w.done.Go(w.run)
	return w
}

// Close ends the watching. What is wrong by then stays wrong.
func (w *Watcher) Close() error {
	close(w.stop)
	w.done.Wait()
	return nil
}

func (w *Watcher) run() {
	every := time.NewTicker(lookInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			w.look()
		case <-w.stop:
			return
		}
	}
}

// look reads the file, and makes what it says hold if it is new.
func (w *Watcher) look() {
	text, err := read(w.path)
	if err != nil {
		text = []byte(err.Error()) // no trouble by that name, and logged once
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Equal(text, w.text) {
		return
	}
	w.text = text
	t, err := Parse(text)
	if err != nil {
		w.log.Error("the file of trouble can't be read: no change", "file", w.path, "error", err)
		return
	}
	w.now = t
	close(w.changed)
	w.changed = make(chan struct{})
	w.log.Warn("trouble is made", "trouble", fmt.Sprintf("%+v", t))
}

// read is the file's content; a file that isn't there is empty.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

func (w *Watcher) trouble() (t Trouble, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now, w.changed
}

// Now is the node's clock.
func (w *Watcher) Now() time.Time {
	t, _ := w.trouble()
	return time.Now().Add(t.Clock)
}

// BeforeLog is called before each durable write of raft's log and votes. It
// returns when the write may go on, or syscall.ENOSPC when it has to fail.
func (w *Watcher) BeforeLog() error { return w.before(func(t Trouble) Disk { return t.Log }) }

// BeforeState is BeforeLog for the registry's state.
func (w *Watcher) BeforeState() error { return w.before(func(t Trouble) Disk { return t.State }) }

func (w *Watcher) before(of func(Trouble) Disk) error {
	began := time.Now()
	for {
		t, changed := w.trouble()
		switch d := of(t); {
		case d.Full:
			return fmt.Errorf("a fault that was asked for: %w", syscall.ENOSPC)
		case d.Stall:
			<-changed
		case d.Slow > time.Since(began):
			select {
			case <-time.After(d.Slow - time.Since(began)):
			case <-changed:
			}
		default:
			return nil
		}
	}
}
