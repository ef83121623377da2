package transport

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoticesAreLoggedOncePerInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		n := notices{logger: slog.New(slog.NewTextHandler(log, nil))}
		for range 5 {
			n.log(slog.LevelWarn, "down", "b", "peer", "b")
			n.log(slog.LevelWarn, "down", "c", "peer", "c")
		}
		if log.count("peer=b") != 1 || log.count("peer=c") != 1 {
			t.Errorf("the log:\n%s", log)
		}
		time.Sleep(noticeInterval)
		n.log(slog.LevelWarn, "down", "b", "peer", "b")
		if log.count("peer=b", "repeated=4") != 1 {
			t.Errorf("the log:\n%s", log)
		}
	})
}

func TestNoticesRememberABoundedNumber(t *testing.T) {
	t.Parallel()
	n := notices{logger: slog.New(slog.DiscardHandler)}
	for i := range 5 * maxNotices {
		n.log(slog.LevelWarn, "refused", fmt.Sprint(i))
	}
	if len(n.last) > maxNotices {
		t.Errorf("%d kinds are remembered, want at most %d", len(n.last), maxNotices)
	}
}

func TestHandshakesAreCountedUntilTheyEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	a.mustEcho(t, "b")
	eventually(t, "no handshake is unfinished", func() bool { return b.handshakes.Load() == 0 })
	b.handshakes.Store(maxHandshakes) // as if strangers filled it
	a.Disconnect("b")
	if err := a.tryEcho("b"); err == nil {
		t.Error("a handshake over the limit was accepted")
	}
	b.handshakes.Store(retryHandshakes) // now only the address must be proved first
	a.mustEcho(t, "b")
	eventually(t, "the count goes back", func() bool { return b.handshakes.Load() == retryHandshakes })
}
