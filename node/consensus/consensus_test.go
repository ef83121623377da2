package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"quorate/fsm"
	"quorate/fsm/registry"
)

func TestAnyNodeTakesCommandsAndShowsThem(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		for i, at := range ids {
			name := fmt.Sprint("d", i)
			if r, err := g.create(at, name); err != nil || r.Code != registry.Success {
				t.Fatalf("%s: %v %v", at, r, err)
			}
			if found, err := g.has(at, name, fsm.Local); !found || err != nil {
				t.Errorf("%s doesn't show its own write: %v", at, err)
			}
			for _, other := range ids {
				if found, err := g.has(other, name, fsm.Linearizable); !found || err != nil {
					t.Errorf("%s doesn't show what %s acknowledged: %v", other, at, err)
				}
			}
		}
		if domains, balance := g.agree(); domains != 3 || balance != deposit-3 {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
	})
}

// A follower may have applied what the leader has not. Once it has shown that,
// no linearizable read may show less, at the leader least of all.
func TestLinearizableReadsDoNotGoBack(t *testing.T) {
	var slow atomic.Pointer[string] // the node whose disk is slow
	inGroup(t, func(c *Config) {
		node := c.Node
		c.BeforeWrite = func(Store) error {
			if s := slow.Load(); s != nil && *s == node {
				time.Sleep(200 * time.Millisecond)
			}
			return nil
		}
	}, func(g *group) {
		leader, at := g.leader(), g.follower()
		slow.Store(&leader)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if r, err := g.create(at, "a"); err != nil || r.Fail != nil {
				t.Errorf("%v %v", r.Fail, err)
			}
		}()
		for found := false; !found; time.Sleep(time.Millisecond) {
			found, _ = g.has(at, "a", fsm.Local)
		}
		if found, err := g.has(leader, "a", fsm.Local); found || err != nil {
			t.Fatalf("the leader has it too: the test shows nothing (%v)", err)
		}
		if found, err := g.has(at, "a", fsm.Linearizable); !found || err != nil {
			t.Errorf("a linearizable read at the follower that has it: %v %v", found, err)
		}
		if found, err := g.has(leader, "a", fsm.Linearizable); !found || err != nil {
			t.Errorf("a linearizable read at the leader afterwards: %v %v", found, err)
		}
		<-done
		slow.Store(nil)
	})
}

func TestZonesFollowWithoutSkippingASerial(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		serial := func() (s uint32) {
			_ = g.nodes[g.follower()].View(context.Background(), fsm.Linearizable, 0, func(v fsm.View) error {
				z, _ := v.Zone("example")
				s = z.Serial
				return nil
			})
			return s
		}
		eventually(t, func() bool { return serial() == 1 })
		_, _ = g.execute("n2", reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
		for i := range 5 {
			at := g.follower()
			if r, err := g.execute(at, reg1, registry.KindDomainCreate, registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Hosts: []string{"ns.elsewhere.test"}}); err != nil || r.Fail != nil {
				t.Fatal(r.Fail, err)
			}
			eventually(t, func() bool { return serial() == uint32(i+2) })
			if i%2 == 0 {
				if err := g.nodes[at].TransferLeadership(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it does not come to that")
}

func TestACommandOutlivesItsLeader(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		leader, at := g.leader(), g.follower()
		g.wire.isolate(leader, true)
		began := time.Now()
		if r, err := g.create(at, "a"); err != nil || r.Code != registry.Success {
			t.Fatalf("%v %v", r, err)
		}
		t.Logf("acknowledged %v after the leader was cut off", time.Since(began))
		if found, err := g.has(leader, "a", fsm.Linearizable); err == nil {
			t.Errorf("the leader that was cut off reads linearizably and finds: %v", found)
		}
		if _, err := g.create(leader, "b"); err == nil {
			t.Error("the leader that was cut off acknowledges")
		}
		g.wire.isolate(leader, false)
		if domains, balance := g.agree(); domains != 1 && domains != 2 || balance != deposit-int64(domains) {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
	})
}

// A node that the leader doesn't reach has its commands handed on by a peer, and answers though it is behind.
func TestACommandTakesADetour(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		leader, at := g.leader(), g.follower()
		if _, err := g.create(at, "before"); err != nil {
			t.Fatal(err)
		}
		g.wire.separate(leader, at, true)
		eventually(t, func() bool { known, _ := g.nodes[at].leader.get(); return known == "" })
		began := time.Now()
		if r, err := g.create(at, "a"); err != nil || r.Code != registry.Success {
			t.Errorf("%v %v", r, err)
		}
		t.Logf("acknowledged after %v", time.Since(began))
		if found, err := g.has(leader, "a", fsm.Linearizable); !found || err != nil {
			t.Errorf("the leader doesn't have it: %v", err)
		}
		g.wire.separate(leader, at, false)
		if domains, balance := g.agree(); domains != 2 || balance != deposit-2 {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
	})
}

func TestWithoutAQuorumCommandsFailClearly(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		leader, at := g.leader(), g.follower()
		for _, id := range ids {
			if id != at {
				g.stop(id)
			}
		}
		_ = leader
		time.Sleep(leaderPatience + time.Second)
		began := time.Now()
		if _, err := g.create(at, "a"); !errors.Is(err, fsm.ErrNotLogged) {
			t.Errorf("got %v, want ErrNotLogged", err)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v to say so", d)
		}
		if _, err := g.has(at, "a", fsm.Linearizable); !errors.Is(err, fsm.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if _, err := g.has(at, "a", fsm.Local); err != nil {
			t.Errorf("a local read fails: %v", err)
		}
		for _, id := range ids {
			if id != at {
				g.start(id)
				break
			}
		}
		g.leader()
		if r, err := g.create(at, "a"); err != nil || r.Fail != nil {
			t.Errorf("with a quorum again: %v %v", r, err)
		}
	})
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		for i := range 20 {
			if _, err := g.create(g.follower(), fmt.Sprint("d", i)); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range ids {
			g.stop(id)
		}
		for _, id := range ids {
			g.start(id)
		}
		g.leader()
		if r, err := g.create("n2", "d5"); err != nil || r.Code != registry.ObjectExists {
			t.Errorf("%v %v", r, err)
		}
		if domains, balance := g.agree(); domains != 20 || balance != deposit-20 {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
	})
}

// A node that was away for longer than the log goes back gets the state file as it is.
func TestANodeFarBehindGetsACopy(t *testing.T) {
	inGroup(t, func(c *Config) { c.SnapshotLogs, c.TrailingLogs, c.InFlight = 64, 16, 4 }, func(g *group) {
		away := g.follower()
		g.stop(away)
		for i := range 300 {
			if _, err := g.create(g.leader(), fmt.Sprint("d", i)); err != nil {
				t.Fatal(err)
			}
		}
		for id := range g.nodes {
			if err := g.nodes[id].raft.Snapshot().Error(); err != nil {
				t.Fatal(err)
			}
		}
		restored := make(chan struct{}, 1)
		tune := g.tune
		g.tune = func(c *Config) {
			tune(c)
			c.Events.Restored = func() { restored <- struct{}{} }
		}
		g.start(away)
		if domains, _ := g.agree(); domains != 300 {
			t.Errorf("%d domains", domains)
		}
		select {
		case <-restored:
		default:
			t.Error("the node caught up without a copy: the test shows nothing")
		}
		if _, err := os.Stat(filepath.Join(g.folder, away, receivedName)); err == nil {
			t.Error("the received copy was left behind")
		}
		g.stop(away)
		g.start(away)
		if r, err := g.create(away, "again"); err != nil || r.Fail != nil {
			t.Errorf("%v %v", r, err)
		}
	})
}

// The log of a former leader ends in entries that were never committed. However few entries
// it is to keep, one must be left from which raft can replace them.
func TestAFormerLeaderCatchesUpThoughItsLogIsShort(t *testing.T) {
	inGroup(t, func(c *Config) { c.TrailingLogs, c.InFlight = 1, 4 }, func(g *group) {
		if _, err := g.create("n1", "before"); err != nil {
			t.Fatal(err)
		}
		former := g.leader()
		g.wire.isolate(former, true)
		var wait sync.WaitGroup
		for i := range 3 {
			wait.Go(func() { _, _ = g.create(former, fmt.Sprint("lost", i)) })
		}
		time.Sleep(100 * time.Millisecond)
		if err := g.nodes[former].raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool {
			r, err := g.create(g.leader(), "after")
			return err == nil && (r.Fail == nil || r.Code == registry.ObjectExists)
		})
		g.wire.isolate(former, false)
		wait.Wait()
		g.agree()
	})
}

// A node whose data is lost comes back under its name: its ids must not be those of its former life.
func TestANodeWithoutItsDataUsesNewIDs(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		at := g.follower()
		for i := range 5 {
			if _, err := g.create(at, fmt.Sprint("d", i)); err != nil {
				t.Fatal(err)
			}
		}
		g.stop(at)
		if err := os.RemoveAll(filepath.Join(g.folder, at)); err != nil {
			t.Fatal(err)
		}
		// It starts twice before it hears of anybody, and leaves no epoch behind that it may have used in its former life.
		g.wire.isolate(at, true)
		g.start(at)
		time.Sleep(5 * time.Second)
		g.stop(at)
		g.wire.isolate(at, false)
		g.start(at)
		eventually(t, func() bool { leader, _ := g.nodes[at].leader.get(); return leader != "" })
		if r, err := g.create(at, "new"); err != nil || r.Code != registry.Success {
			t.Errorf("%v %v", r, err)
		}
		if got := g.nodes[at].ids.epoch; got != 2 {
			t.Errorf("epoch %d", got)
		}
		if domains, balance := g.agree(); domains != 6 || balance != deposit-6 {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
	})
}

func TestALostStateFileIsNoticed(t *testing.T) {
	inGroup(t, func(c *Config) { c.SnapshotLogs = 8 }, func(g *group) {
		at := g.follower()
		for i := range 20 {
			if _, err := g.create(at, fmt.Sprint("d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.nodes[at].raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		g.stop(at)
		if err := os.Remove(filepath.Join(g.folder, at, "state.db")); err != nil {
			t.Fatal(err)
		}
		machine, err := fsm.Open(filepath.Join(g.folder, at, "state.db"), g.nodes[g.leader()].log)
		if err != nil {
			t.Fatal(err)
		}
		defer machine.Close()
		if _, err := openSnapshots(filepath.Join(g.folder, at), machine); err == nil {
			t.Error("a node without the state that its log rests on would have started")
		}
	})
}

func TestTooManyInFlightIsSaidAtOnce(t *testing.T) {
	inGroup(t, func(c *Config) { c.InFlight = 4 }, func(g *group) {
		at := g.follower()
		if _, err := g.create(at, "first"); err != nil {
			t.Fatal(err)
		}
		g.wire.isolate(g.leader(), true) // whatever comes now must wait
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() { _, _ = g.create(at, fmt.Sprint("d", i)) })
		}
		time.Sleep(time.Millisecond)
		began := time.Now()
		if _, err := g.create(at, "more"); !errors.Is(err, fsm.ErrNotLogged) || time.Since(began) > 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		wait.Wait()
	})
}

// A leader whose clock is far off does not lead for long, and log time stays sane.
func TestALeaderWithAWrongClockHandsOver(t *testing.T) {
	for name, off := range map[string]time.Duration{"a year ahead": 365 * 24 * time.Hour, "a year behind": -365 * 24 * time.Hour, "three seconds": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			wrong := "n2"
			inGroup(t, func(c *Config) {
				if c.Node == wrong {
					c.Clock = func() time.Time { return time.Now().Add(off) }
				}
			}, func(g *group) {
				logTime := func() time.Time {
					var at registry.Time
					if err := g.nodes[g.leader()].View(context.Background(), fsm.Linearizable, 0, func(v fsm.View) error { at = v.Now(); return nil }); err != nil {
						t.Fatal(err)
					}
					return time.UnixMilli(int64(at))
				}
				led := false
				for i := 0; i < 20 && !led; i++ {
					if leader := g.leader(); leader != wrong {
						_ = g.nodes[leader].raft.LeadershipTransferToServer("n2", "n2").Error()
					}
					led = g.nodes[wrong].Status().State == "leader"
				}
				if !led {
					t.Fatal("n2 never led: the test shows nothing")
				}
				eventually(t, func() bool { leader := g.leader(); return leader != wrong && g.nodes[leader].reign.begun() })
				if r, err := g.create("n1", "a"); err != nil || r.Fail != nil {
					t.Errorf("%v %v", r.Fail, err)
				}
				if d := time.Until(logTime()).Abs(); d > 5*time.Second {
					t.Errorf("log time is off by %v", d)
				}
			})
		})
	}
}

// A cluster that was off for a week goes on with the right time.
func TestTimeGoesOnAfterALongStop(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		for _, id := range ids {
			g.stop(id)
		}
		time.Sleep(7 * 24 * time.Hour)
		for _, id := range ids {
			g.start(id)
		}
		if r, err := g.create("n1", "a"); err != nil || r.Fail != nil {
			t.Fatal(r.Fail, err)
		}
		_ = g.nodes["n1"].View(context.Background(), fsm.Linearizable, 0, func(v fsm.View) error {
			d, _ := v.Domain("a.example")
			if off := time.Since(time.UnixMilli(int64(d.Created))); off > 5*time.Second {
				t.Errorf("the domain's creation date is %v ago", off)
			}
			return nil
		})
	})
}

// A command that waits while its node becomes the leader keeps its id: it must not be refused as of an older life.
func TestACommandOutlivesItsNodesElection(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		at := g.follower()
		if _, err := g.create(at, "before"); err != nil {
			t.Fatal(err)
		}
		epoch := g.nodes[at].ids.epoch
		_ = g.nodes[g.leader()].raft.LeadershipTransferToServer(raft.ServerID(at), raft.ServerAddress(at)).Error()
		eventually(t, func() bool { return g.nodes[at].reign.begun() })
		if r, err := g.create(at, "after"); err != nil || r.Fail != nil {
			t.Errorf("%v %v", r.Fail, err)
		}
		if now := g.nodes[at].ids.epoch; now != epoch {
			t.Errorf("the node's epoch went from %d to %d by an election", epoch, now)
		}
	})
}

// A leader whose disk hangs falls silent, so that another can be elected; it
// comes back when the disk does, and gives up when it never does.
func TestALeaderWithAStalledDiskStepsAside(t *testing.T) {
	stalled := map[string]chan struct{}{} // closed: the disk works
	for _, id := range ids {
		stalled[id] = make(chan struct{})
		close(stalled[id])
	}
	var mu sync.Mutex
	inGroup(t, func(c *Config) {
		c.BeforeWrite = func(Store) error {
			mu.Lock()
			works := stalled[c.Node]
			mu.Unlock()
			<-works
			return nil
		}
	}, func(g *group) {
		leader, at := g.leader(), g.follower()
		for _, recovers := range []bool{true, false} {
			works := make(chan struct{})
			mu.Lock()
			stalled[leader] = works
			mu.Unlock()
			began := time.Now()
			name := fmt.Sprint("recovers-", recovers)
			if r, err := g.create(at, name); err != nil || r.Fail != nil {
				t.Fatal(r.Fail, err)
			}
			t.Logf("acknowledged %v after the leader's disk stalled", time.Since(began))
			if recovers {
				close(works)
				eventually(t, func() bool {
					found, err := g.has(leader, name, fsm.Linearizable)
					return found && err == nil
				})
				at, leader = leader, g.leader()
				continue
			}
			select {
			case <-g.nodes[leader].Failed():
			case <-time.After(2 * maxStall):
				t.Error("a node whose disk never comes back does not give up")
			}
			close(works)
		}
	})
}

// A replica whose state was altered behind the registry's back leaves service, and stays out.
func TestAReplicaThatDiffersLeavesService(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		if _, err := g.create("n1", "a"); err != nil {
			t.Fatal(err)
		}
		g.agree()
		at := g.follower()
		g.stop(at)
		alter(t, filepath.Join(g.folder, at, "state.db"), "accounts", []byte("registrar/reg1"), []byte("registrar/reg2"))
		m := g.start(at)
		// The altered row is read by this create here, and so comes into the digest.
		if r, err := g.create(g.leader(), "b"); err != nil || r.Fail != nil {
			t.Fatal(r.Fail, err)
		}
		select {
		case <-m.Failed():
		case <-time.After(3 * compareInterval):
			t.Fatal("nobody noticed")
		}
		if err := m.Failure(); !errors.Is(err, ErrDiverged) {
			t.Errorf("it failed for another reason: %v", err)
		}
		for id, other := range g.nodes {
			if id != at && other.Failure() != nil {
				t.Errorf("%s left too: %v", id, other.Failure())
			}
		}
		if r, err := g.create(g.leader(), "c"); err != nil || r.Fail != nil {
			t.Errorf("the others don't go on: %v %v", r.Fail, err)
		}
		if _, err := Open(Config{Folder: filepath.Join(g.folder, at)}); !errors.Is(err, ErrDiverged) {
			t.Errorf("it would start again: %v", err)
		}
	})
}

// A row that nobody touches is found by the scrub.
func TestTheScrubFindsAnAlteredRow(t *testing.T) {
	inGroup(t, nil, func(g *group) {
		g.agree()
		at := g.follower()
		if err := g.nodes[at].Scrub(); err != nil {
			t.Errorf("a state that is well: %v", err)
		}
		g.stop(at)
		alter(t, filepath.Join(g.folder, at, "state.db"), "tlds", []byte("ns.elsewhere"), []byte("ns.elsewhera"))
		m := g.start(at)
		if err := m.Scrub(); !errors.Is(err, ErrDiverged) || !errors.Is(m.Failure(), ErrDiverged) {
			t.Errorf("an altered state: %v, %v", err, m.Failure())
		}
	})
}

// alter replaces a part of a row's value, as a fault of disk or memory would.
func alter(t *testing.T, file, table string, from, to []byte) {
	t.Helper()
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(table))
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if bytes.Contains(v, from) {
				return b.Put(bytes.Clone(k), bytes.ReplaceAll(v, from, to))
			}
		}
		return errors.New("no such row")
	}); err != nil {
		t.Fatal(err)
	}
}

// A leader takes commands at once only when it knows that log time will be right: its clock agrees with what a quorum's were a moment ago.
func TestANewLeaderKnowsWhetherTimeIsRight(t *testing.T) {
	inGroup(t, func(c *Config) {
		if c.Node == "n2" {
			c.Clock = func() time.Time { return time.Now().Add(time.Minute) }
		}
	}, func(g *group) {
		time.Sleep(2 * tickInterval)
		for _, id := range ids {
			if got := g.nodes[id].timeIsRight(); got != (id != "n2") {
				t.Errorf("%s, n2's clock being off: %v", id, got)
			}
		}
		g.wire.isolate("n3", true)
		time.Sleep(clockMemory + tickInterval)
		if g.nodes["n3"].timeIsRight() {
			t.Error("n3 trusts clocks that it saw long ago")
		}
		g.wire.isolate("n3", false)
	})
}

func TestCommandsFollowANewTerm(t *testing.T) {
	t.Parallel()
	takes := func(r *reign) bool {
		ended, end := context.WithCancel(context.Background())
		end()
		return r.taking(ended)
	}
	r := &reign{changed: make(chan struct{})}
	for i, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false},
		{r.enter, false},
		{r.prepare, false}, // an entry of an earlier reign is no NewTerm
		{r.enter, true},
		{func() { r.begin(7) }, true},
		{r.end, false},
		{r.enter, false},
		{func() { r.begin(8) }, true},
	} {
		step.do()
		if got := takes(r); got != step.want {
			t.Errorf("after step %d: %v", i, got)
		}
	}
	r.end()
	waiting := make(chan bool)
	go func() { waiting <- r.taking(context.Background()) }()
	r.prepare()
	r.enter()
	if !<-waiting {
		t.Error("who waited isn't told")
	}
}
