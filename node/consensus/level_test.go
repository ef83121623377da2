package consensus

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/transport"
)

// reading has the nodes in reads started as by binaries that read up to a level.
func reading(t *testing.T, reads map[string]registry.Level) func(*Config) {
	if registry.HighestLevel < 2 {
		t.Skip("this binary is of an older release")
	}
	return func(c *Config) {
		level, set := reads[c.Node]
		if !set {
			return
		}
		if err := c.Machine.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.Machine, err = fsm.OpenAs(filepath.Join(c.Folder, "state.db"), level, c.Log); err != nil {
			t.Fatal(err)
		}
	}
}

func (g *group) level(at string) (level registry.Level) {
	g.t.Helper()
	if err := g.nodes[at].View(context.Background(), fsm.Linearizable, 0, func(v fsm.View) error { level = v.Level(); return nil }); err != nil {
		g.t.Fatal(err)
	}
	return level
}

// raise has the level raised at a node, by what the members say.
func (g *group) raise(at string) (registry.Result, error) {
	g.t.Helper()
	level, members, err := g.nodes[at].Levels(context.Background())
	if err != nil {
		g.t.Fatal(err)
	}
	var readers []string
	for _, m := range members {
		if m.Reads > level {
			readers = append(readers, m.Node)
		}
	}
	return g.execute(at, operator, registry.KindRaiseLevel, registry.RaiseLevel{To: level + 1, Readers: readers})
}

func (g *group) audit(at string) registry.Result {
	g.t.Helper()
	r, err := g.execute(at, operator, registry.KindLedgerAudit, registry.LedgerAudit{})
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func TestANewClusterBeginsAtTheLevelThatAllRead(t *testing.T) {
	inGroup(t, reading(t, nil), func(g *group) {
		for _, id := range ids {
			if level := g.level(id); level != registry.HighestLevel {
				t.Errorf("%s: the cluster is at level %d", id, level)
			}
		}
	})
}

// deaf is a node of a release that doesn't know the question.
type deaf struct{ Network }

func (d deaf) Handle(method string, h transport.Handler) {
	if method == methodLevel {
		h = func(context.Context, string, []byte) ([]byte, error) { return nil, errors.New("no such method") }
	}
	d.Network.Handle(method, h)
}

func TestANewClusterBeginsAtTheFirstLevelIfAMemberDoesNotSay(t *testing.T) {
	read := reading(t, nil)
	inGroup(t, func(c *Config) {
		read(c)
		if c.Node == "n2" {
			c.Network = deaf{c.Network}
		}
	}, func(g *group) {
		if level := g.level("n1"); level != 1 {
			t.Errorf("the cluster is at level %d", level)
		}
		_, members, err := g.nodes["n1"].Levels(context.Background())
		if err != nil || len(members) != 3 || members[1].Err == nil || members[0].Reads != registry.HighestLevel {
			t.Errorf("%v %v", members, err)
		}
		if r, err := g.raise("n3"); err != nil || r.Code != registry.ParameterPolicy || !strings.Contains(r.Fail.Value, "n2") {
			t.Errorf("raised without n2's word: %v %v", r.Fail, err)
		}
	})
}

func TestTheLevelRisesWhenAllMembersReadIt(t *testing.T) {
	reads := map[string]registry.Level{"n3": 1}
	inGroup(t, reading(t, reads), func(g *group) {
		for _, id := range ids {
			if level := g.level(id); level != 1 {
				t.Fatalf("%s: the cluster is at level %d", id, level)
			}
			r, svTRID, err := g.nodes[id].Execute(context.Background(), operator, "", registry.KindLedgerAudit, registry.LedgerAudit{})
			if err != nil || r.Code != registry.UnimplementedCommand || r.Index != 0 || svTRID.Node != id {
				t.Errorf("%s: a command of level 2: %v at entry %d as %v, %v, want a refusal before the log", id, r.Fail, r.Index, svTRID, err)
			}
			if r, err := g.raise(id); err != nil || r.Code != registry.ParameterPolicy || r.Fail.Value != "n3" {
				t.Errorf("%s: raised without n3: %v %v", id, r.Fail, err)
			}
		}
		g.stop("n3")
		delete(reads, "n3")
		g.start("n3")
		eventually(t, func() bool { leader, _ := g.nodes["n3"].leader.get(); return leader != "" })
		if r, err := g.raise("n3"); err != nil || r.Fail != nil {
			t.Fatalf("with all members: %v %v", r.Fail, err)
		}
		for _, id := range ids {
			if level := g.level(id); level != 2 {
				t.Errorf("%s: the cluster is at level %d", id, level)
			}
			if r := g.audit(id); r.Fail != nil {
				t.Errorf("%s: a command of level 2: %v", id, r.Fail)
			}
			if r, err := g.create(id, "at-"+id); err != nil || r.Fail != nil {
				t.Errorf("%s: %v %v", id, r.Fail, err)
			}
		}
		if domains, balance := g.agree(); domains != 3 || balance != deposit-3 {
			t.Errorf("%d domains, balance %d", domains, balance)
		}
		// From here on there is no way back.
		g.stop("n3")
		if _, err := fsm.OpenAs(filepath.Join(g.folder, "n3", "state.db"), 1, g.nodes["n1"].log); !errors.Is(err, store.ErrLevel) {
			t.Errorf("an older binary on the state: %v", err)
		}
		g.start("n3")
	})
}

// A node that goes back to an older binary between its word and the raise stops
// there, keeps its data as it is, and comes back with the newer one. The others don't mind.
func TestAnOlderBinaryStopsAndComesBack(t *testing.T) {
	reads := map[string]registry.Level{"n3": 1}
	inGroup(t, reading(t, reads), func(g *group) {
		old := g.nodes["n3"]
		if r, err := g.execute("n1", operator, registry.KindRaiseLevel, registry.RaiseLevel{To: 2, Readers: ids}); err != nil || r.Fail != nil {
			t.Fatalf("%v %v", r.Fail, err)
		}
		select {
		case <-old.Failed():
		case <-time.After(time.Minute):
			t.Fatal("n3 doesn't stop")
		}
		if err := old.Failure(); !errors.Is(err, store.ErrLevel) || !strings.Contains(err.Error(), "level 2") {
			t.Errorf("n3 stopped because of %v", err)
		}
		if pos, err := old.machine.Position(); err != nil || pos.Level() != 1 {
			t.Errorf("n3's state is at level %d: %v", pos.Level(), err)
		}
		g.stop("n3")
		for _, id := range []string{"n1", "n2"} {
			if r, err := g.create(id, "without-"+id); err != nil || r.Fail != nil {
				t.Errorf("%s: %v %v", id, r.Fail, err)
			}
		}
		// Again, on the state that it has.
		again := g.start("n3")
		select {
		case <-again.Failed():
		case <-time.After(time.Minute):
			t.Fatal("n3 doesn't stop the second time")
		}
		g.stop("n3")
		delete(reads, "n3")
		g.start("n3")
		if domains, _ := g.agree(); domains != 2 {
			t.Errorf("%d domains", domains)
		}
		if r := g.audit("n3"); r.Fail != nil {
			t.Errorf("a command of level 2 at n3: %v", r.Fail)
		}
	})
}
