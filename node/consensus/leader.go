package consensus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// leaderWatch knows who leads, as this node sees it, and tells when that changes.
type leaderWatch struct {
	mu      sync.Mutex
	id      string
	since   time.Time     // when id became ""; meaningless while there is a leader
	changed chan struct{} // closed and replaced when id changes
}

func newLeaderWatch() *leaderWatch {
	return &leaderWatch{since: time.Now(), changed: make(chan struct{})}
}

func (w *leaderWatch) set(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id == w.id {
		return
	}
	if id == "" {
		w.since = time.Now()
	}
	w.id = id
	close(w.changed)
	w.changed = make(chan struct{})
}

// get is the leader, or for how long there has been none.
func (w *leaderWatch) get() (id string, alone time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" {
		return "", time.Since(w.since)
	}
	return w.id, 0
}

// Leader is who leads, as this node sees it; "" when nobody is known to.
func (c *Consensus) Leader() string {
	id, _ := c.leader.get()
	return id
}

// Alone is for how long no leader has been known; 0 while there is one.
func (c *Consensus) Alone() time.Duration {
	_, alone := c.leader.get()
	return alone
}

// Reign is the term in which this node leads and does a leader's duties; 0 when it doesn't.
func (c *Consensus) Reign() uint64 {
	c.reign.mu.Lock()
	defer c.reign.mu.Unlock()
	return c.reign.term
}

// watch is get, with a channel that is closed when the answer changes.
func (w *leaderWatch) watch() (id string, alone time.Duration, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" {
		alone = time.Since(w.since)
	}
	return w.id, alone, w.changed
}

// until is ctx, ended also when changed is closed: for attempts that make sense only while the leader is the same.
func until(ctx context.Context, changed <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// watchLeader follows raft's own view of who leads.
func (c *Consensus) watchLeader(ctx context.Context) {
	observations := make(chan raft.Observation, 64)
	observer := raft.NewObserver(observations, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	c.raft.RegisterObserver(observer)
	defer c.raft.DeregisterObserver(observer)
	for {
		c.lookUpLeader()
		select {
		case <-observations:
		case <-time.After(tickInterval): // an observation can be dropped when the channel is full
		case <-ctx.Done():
			return
		}
	}
}

// lookUpLeader takes over raft's view of who leads. Raft itself may be stuck
// on a stalled disk and believe that this node still does.
func (c *Consensus) lookUpLeader() {
	_, id := c.raft.LeaderWithID()
	if string(id) == c.cfg.Node && c.silent.Load() {
		id = ""
	}
	c.leader.set(string(id))
}

// handOver makes another node lead. Raft gives that one election time-out, of which
// at a wide area's distances little is left over; so it is tried again.
func (c *Consensus) handOver(ctx context.Context) (err error) {
	if c.raft.State() != raft.Leader {
		return errNotLeader
	}
	for range handOverAttempts {
		// Raft's own way is gone once in a term: a second try can wait for ever on what the first has left with a follower, and in all
		// its later terms this node would refuse every command, as being about to hand over.
		if term := c.raft.CurrentTerm(); c.transferred.Swap(term) != term {
			err = await(ctx, c.raft.LeadershipTransfer())
		} else {
			err = c.nominate()
		}
		for until := time.Now().Add(c.cfg.Heartbeat); time.Now().Before(until); {
			if c.raft.State() != raft.Leader {
				return nil
			}
			select {
			case <-time.After(c.cfg.Heartbeat / 10):
			case <-ctx.Done():
				return errors.Join(ctx.Err(), err)
			}
		}
	}
	return errors.Join(errStillLeads, err)
}

// errStillLeads says that nobody took the leadership over.
var errStillLeads = errors.New("no other node took the leadership over")

// nominate asks another voter to stand for election at once. Raft's own way to
// hand over is of no use while the disk hangs: it begins with a write.
func (c *Consensus) nominate() error {
	self := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(c.cfg.Node), Addr: []byte(c.cfg.Node)}
	err := errors.New("there is no other voter")
	for _, id := range c.others("") {
		var answer raft.TimeoutNowResponse
		if err = c.cfg.Raft.TimeoutNow(raft.ServerID(id), raft.ServerAddress(id), &raft.TimeoutNowRequest{RPCHeader: self}, &answer); err == nil {
			return nil
		}
	}
	return err
}
