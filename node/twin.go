package node

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"quorate/transport"
)

// ErrTwin says that another process runs as this node, with its id and certificate.
var ErrTwin = errors.New("another process is this node: two have its id and certificate")

const (
	// twinPatience is for how long peers may refuse this process for the sake of another before it leaves service: a
	// predecessor that was killed is in the way for a second (transport.DefaultIdleTimeout), and this is well above that.
	twinPatience = 5 * time.Second
	// twinGap is how long a time without such a refusal ends the row. Peers are called every second.
	twinGap = 3 * time.Second
)

// twinWatch ends a node whose peers are connected with another process of its
// name. Two of them could vote twice in a term; but whichever came first is known to be
// in service, so the one that is refused goes.
type twinWatch struct {
	log   *slog.Logger
	leave func(error)

	mu          sync.Mutex
	first, last time.Time // of a row of refusals
}

// refused is transport.Config.Refused.
func (w *twinWatch) refused(peer string, reason transport.Reason) {
	if reason == transport.ReasonDuplicate {
		w.refusedAt(peer, time.Now())
	}
}

func (w *twinWatch) refusedAt(peer string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.last) > twinGap {
		w.first = now
	}
	w.last = now
	if row := now.Sub(w.first); row > twinPatience {
		w.log.Error("this node leaves service: another process has its name", "page", true, "refused_by", peer, "for", row)
		w.leave(fmt.Errorf("%w: %s has refused this one for %v", ErrTwin, peer, row.Round(time.Second)))
	}
}
