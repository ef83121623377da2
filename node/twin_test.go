package node

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"quorate/transport"
)

// A node that has just been restarted is refused for a moment, and stays; one with a twin goes.
func TestANodeWithATwinLeaves(t *testing.T) {
	t.Parallel()
	var why error
	w := &twinWatch{log: slog.New(slog.DiscardHandler), leave: func(err error) { why = err }}
	w.refused("b", transport.ReasonNotMember)
	if !w.last.IsZero() {
		t.Error("another reason counts")
	}
	now := time.Now()
	for range 3 { // rows that end
		for range int(twinPatience / time.Second) {
			w.refusedAt("b", now)
			now = now.Add(time.Second)
		}
		now = now.Add(twinGap)
	}
	if why != nil {
		t.Errorf("it leaves after being refused for moments: %v", why)
	}
	for range int(twinPatience/time.Second) + 2 {
		w.refusedAt("b", now)
		now = now.Add(time.Second)
	}
	if !errors.Is(why, ErrTwin) {
		t.Errorf("it stays beside its twin: %v", why)
	}
}
