package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"quorate/fsm/registry"
)

// fullDisks are the stores, by node, that have no space left.
type fullDisks struct {
	mu   sync.Mutex
	full map[string]map[Store]bool
}

func (f *fullDisks) set(node string, stores ...Store) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full == nil {
		f.full = map[string]map[Store]bool{}
	}
	f.full[node] = map[Store]bool{}
	for _, s := range stores {
		f.full[node][s] = true
	}
}

// tune makes a node's disk be as full as f says.
func (f *fullDisks) tune(c *Config) {
	node := c.Node
	c.BeforeWrite = func(s Store) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.full[node][s] {
			return syscall.ENOSPC
		}
		return nil
	}
}

// A node that can't write its log or its state leaves service and says why. The others go on; when there is
// space again it comes back, and nothing is lost or done twice.
func TestANodeWithAFullDiskLeavesService(t *testing.T) {
	for _, store := range []Store{LogStore, StateStore} {
		for _, leads := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, leader %v", store, leads), func(t *testing.T) {
				disks := &fullDisks{}
				inGroup(t, disks.tune, func(g *group) {
					victim, at := g.leader(), g.follower()
					if !leads {
						victim, at = at, victim
					}
					if r, err := g.create(at, "before"); err != nil || r.Fail != nil {
						t.Fatal(r.Fail, err)
					}
					disks.set(victim, store)
					created := make(chan error, 1)
					m := g.nodes[at]
					go func() {
						r, _, err := m.Execute(context.Background(), reg1, "", registry.KindDomainCreate, registry.DomainCreate{Name: "full.example"})
						if err == nil && r.Fail != nil {
							err = r.Fail
						}
						created <- err
					}()
					select {
					case <-g.nodes[victim].Failed():
					case <-time.After(10 * time.Second):
						t.Fatal("it stays in service")
					}
					if err := g.nodes[victim].Failure(); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrLog) != (store == LogStore) {
						t.Errorf("it left for another reason: %v", err)
					}
					g.stop(victim)
					if err := <-created; err != nil {
						t.Errorf("a command that was under way: %v", err)
					}
					if r, err := g.create(at, "without"); err != nil || r.Fail != nil {
						t.Errorf("the others don't go on: %v %v", r.Fail, err)
					}
					disks.set(victim)
					g.start(victim)
					if domains, balance := g.agree(); domains != 3 || balance != deposit-3 {
						t.Errorf("%d domains, %d left", domains, balance)
					}
				})
			})
		}
	}
}

// After a batch that could not be written nothing more is applied, even when there is space again: the state would have a gap.
func TestNothingIsAppliedAfterAFailedBatch(t *testing.T) {
	disks := &fullDisks{}
	inGroup(t, disks.tune, func(g *group) {
		g.agree()
		victim := g.follower()
		before, err := g.nodes[victim].machine.Position()
		if err != nil {
			t.Fatal(err)
		}
		disks.set(victim, StateStore)
		<-g.nodes[victim].Failed()
		disks.set(victim)
		for i := range 3 {
			if r, err := g.create(g.leader(), fmt.Sprint("later-", i)); err != nil || r.Fail != nil {
				t.Fatal(r.Fail, err)
			}
		}
		time.Sleep(3 * tickInterval)
		if after, err := g.nodes[victim].machine.Position(); err != nil || after.Index > before.Index+10 {
			t.Errorf("it went on from %d to %d (%v)", before.Index, after.Index, err)
		}
		g.stop(victim)
		g.start(victim)
		g.agree()
	})
}

// A term that can't be written is not promised to anybody.
func TestAVoteThatCannotBeWrittenIsNotGiven(t *testing.T) {
	disks := &fullDisks{}
	inGroup(t, disks.tune, func(g *group) {
		leader := g.leader()
		term := g.nodes[leader].Status().Term
		var rest []string
		for _, id := range ids {
			if id != leader {
				rest = append(rest, id)
				disks.set(id, LogStore)
			}
		}
		g.stop(leader)
		select { // the one that stands first; the other has nothing to write then
		case <-g.nodes[rest[0]].Failed():
		case <-g.nodes[rest[1]].Failed():
		case <-time.After(30 * time.Second):
			t.Error("both stay in service")
		}
		time.Sleep(10 * time.Second)
		for _, id := range rest {
			if now := g.nodes[id].Status(); now.Term != term || now.State == "leader" {
				t.Errorf("%s promised something: %+v", id, now)
			}
			g.stop(id)
			disks.set(id)
		}
		for _, id := range ids {
			g.start(id)
		}
		g.agree()
	})
}

// A process that was stopped in the middle of a write doesn't hold that against the disk.
func TestAPauseIsNoStall(t *testing.T) {
	t.Parallel()
	w := &diskWatch{}
	entered, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.write(LogStore, func() error { close(entered); <-end; return nil })
	}()
	<-entered
	now, gap := time.Now(), time.Second
	for range 4 {
		now = now.Add(gap / 2)
		w.longest(now, gap)
	}
	if d := w.longest(now, gap); d < 2*gap-gap/10 || d > 2*gap+gap/10 {
		t.Errorf("a write under way for %v seems to take %v", 2*gap, d)
	}
	now = now.Add(time.Hour)
	if d := w.longest(now, gap); d > 3*gap {
		t.Errorf("a pause of an hour seems to be a stall of %v", d)
	}
	now = now.Add(gap / 2)
	if d := w.longest(now, gap); d < 2*gap {
		t.Errorf("after the pause, a write under way for %v seems to take %v", 2*gap+gap/2, d)
	}
	close(end)
	<-ended
	if d := w.longest(now, gap); d != 0 {
		t.Errorf("no write is under way, and it takes %v", d)
	}
}
