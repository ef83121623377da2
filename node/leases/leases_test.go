package leases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"quorate/transport"
)

// rig is a cluster in memory and fake time: leases over a network, and a leader that the test chooses.
type rig struct {
	mu       sync.Mutex
	nodes    []string
	leader   string
	term     uint64
	cut      map[string]bool
	handlers map[string]transport.Handler
	leases   map[string]*Leases
}

type end struct {
	rig *rig
	id  string
}

var errCut = errors.New("cut")

func (e end) Handle(_ string, h transport.Handler) { e.rig.handlers[e.id] = h }

func (e end) Call(ctx context.Context, node, _ string, request []byte) ([]byte, error) {
	time.Sleep(10 * time.Millisecond)
	e.rig.mu.Lock()
	h, ok := e.rig.handlers[node], !e.rig.cut[node] && !e.rig.cut[e.id]
	e.rig.mu.Unlock()
	if !ok {
		return nil, errCut
	}
	reply, err := h(ctx, e.id, request)
	time.Sleep(10 * time.Millisecond)
	e.rig.mu.Lock()
	defer e.rig.mu.Unlock()
	if e.rig.cut[node] || e.rig.cut[e.id] {
		return nil, errCut
	}
	return reply, err
}

func newRig(t *testing.T, nodes ...string) *rig {
	r := &rig{nodes: nodes, leader: nodes[0], term: 1, cut: map[string]bool{}, handlers: map[string]transport.Handler{}, leases: map[string]*Leases{}}
	for _, id := range nodes {
		r.leases[id] = Open(Config{
			Node: id, Network: end{r, id}, Nodes: func() []string { return r.nodes }, Log: slog.New(slog.DiscardHandler),
			Leader: func() string { r.mu.Lock(); defer r.mu.Unlock(); return r.leader },
			Reign: func() uint64 {
				r.mu.Lock()
				defer r.mu.Unlock()
				if r.leader == id && !r.cut[id] {
					return r.term
				}
				return 0
			},
		})
	}
	t.Cleanup(func() {
		for _, l := range r.leases {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// lead makes a node the leader; "" none.
func (r *rig) lead(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leader = id
	r.term++
}

func (r *rig) isolate(id string, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut[id] = cut
}

// take holds as many as it can get, up to n.
func (r *rig) take(node, key string, limit uint32, n int) (releases []func()) {
	for range n {
		release, ok := r.leases[node].Hold(context.Background(), key, limit)
		if !ok {
			break
		}
		releases = append(releases, release)
	}
	return releases
}

func run(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b", "c")
		f(t, r)
		for _, l := range r.leases {
			_ = l.Close()
		}
	})
}

// One node may use all of a limit, and no more than that is used of all nodes together.
func TestSharesGoWhereTheDemandIs(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		all := r.take("b", "reg1", 100, 150)
		if len(all) != 100 {
			t.Fatalf("one node got %d of 100", len(all))
		}
		if more := r.take("c", "reg1", 100, 1); len(more) != 0 {
			t.Error("another got one more")
		}
		for _, release := range all[:60] {
			release()
			release() // once is enough
		}
		if more := r.take("c", "reg1", 100, 100); len(more) != 60 {
			t.Errorf("of 60 that were given back another node got %d", len(more))
		}
		// A key of its own isn't touched by that.
		if other := r.take("a", "reg2", 2, 3); len(other) != 2 {
			t.Errorf("another key: %d of 2", len(other))
		}
	})
}

// A limit of one is of one node at a time, whichever asks.
func TestALimitOfOne(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		for _, node := range []string{"c", "a", "b"} {
			got := r.take(node, "reg1", 1, 2)
			if len(got) != 1 {
				t.Fatalf("%s got %d", node, len(got))
			}
			for _, other := range r.nodes {
				if more := r.take(other, "reg1", 1, 1); len(more) != 0 {
					t.Errorf("%s got another", other)
				}
			}
			got[0]()
		}
	})
}

// Without a leader each keeps its last share.
func TestWithoutALeader(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		held := r.take("b", "reg1", 30, 25)
		r.lead("")
		for _, release := range held {
			release()
		}
		time.Sleep(10 * time.Minute)
		if got := r.take("b", "reg1", 30, 30); len(got) < 25 || len(got) > 30 {
			t.Errorf("the node that had 25 has %d", len(got))
		}
		if got := len(r.take("a", "reg1", 30, 30)) + len(r.take("c", "reg1", 30, 30)); got > 5 {
			t.Errorf("the others have %d", got)
		}
	})
}

// A new leader learns what everybody holds.
func TestANewLeaderLearns(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		held := append(r.take("a", "reg1", 60, 10), r.take("b", "reg1", 60, 45)...)
		if len(held) != 55 {
			t.Fatalf("%d held", len(held))
		}
		r.lead("c")
		if got := r.take("c", "reg1", 60, 60); len(got) != 5 {
			t.Errorf("the new leader took %d, and 5 were free", len(got))
		}
		held[0]()
		if got := r.take("b", "reg1", 60, 60); len(got) != 1 {
			t.Errorf("%d of what was given back", len(got))
		}
	})
}

// A node that is cut off keeps its share, also through a change of leaders, until it counts for lost.
func TestANodeThatIsCutOffKeepsItsShare(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		held := r.take("b", "reg1", 60, 50)
		time.Sleep(3 * time.Second)
		r.isolate("b", true)
		r.lead("c")
		if got := len(r.take("a", "reg1", 60, 60)) + len(r.take("c", "reg1", 60, 60)); got > 10 {
			t.Errorf("the others took %d while one that is cut off holds 50", got)
		}
		held[0]()
		if got := r.take("b", "reg1", 60, 1); len(got) != 1 {
			t.Error("the node that is cut off can't use its own share")
		}
		time.Sleep(lostAfter + 5*time.Second)
		if got := r.take("a", "reg1", 60, 60); len(got) < 40 {
			t.Errorf("a site is down, and its clients get %d elsewhere", len(got))
		}
		r.isolate("b", false)
		time.Sleep(5 * time.Second)
		if got := len(r.take("c", "reg1", 60, 1)); got != 0 {
			t.Error("with all of it in use, and more, a node got another")
		}
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		spend := func(nodes ...string) (n int) {
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				for _, node := range nodes {
					if r.leases[node].Spend("reg1", 60) == 0 {
						n++
					}
				}
			}
			return n
		}
		spend("b") // let the shares follow
		if n := spend("b"); n < 560 || n > 660 {
			t.Errorf("one node spent %d of 600", n)
		}
		if n := spend("a", "b", "c"); n < 500 || n > 720 {
			t.Errorf("all spent %d of 600", n)
		}
		r.lead("")
		if n := spend("a", "b", "c"); n < 500 || n > 720 {
			t.Errorf("without a leader all spent %d of 600", n)
		}
		if wait := r.leases["a"].Spend("never", 0); wait <= 0 {
			t.Error("nothing can be spent of nothing")
		}
	})
}

// Wrong passwords add up over all nodes, and leave the window.
func TestCounts(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		const window = 10 * time.Minute
		for _, node := range r.nodes {
			r.leases[node].Count("reg1", window, 2)
		}
		time.Sleep(3 * time.Second)
		for _, node := range r.nodes {
			if n := r.leases[node].Count("reg1", window, 0); n != 6 {
				t.Errorf("%s counts %d, want 6", node, n)
			}
		}
		r.lead("b")
		time.Sleep(3 * time.Second)
		if n := r.leases["a"].Count("reg1", window, 1); n != 7 {
			t.Errorf("after a change of leaders: %d, want 7", n)
		}
		r.leases["a"].Forget("reg1")
		if n := r.leases["a"].Count("reg1", window, 0); n != 4 {
			t.Errorf("forgotten here: %d, want 4", n)
		}
		time.Sleep(window + time.Minute)
		if n := r.leases["a"].Count("reg1", window, 0); n != 0 {
			t.Errorf("after the window: %d", n)
		}
	})
}

func TestPolicyChanges(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		r.take("b", "reg1", 30, 30)
		if got := r.take("a", "reg1", 90, 90); len(got) != 60 {
			t.Errorf("of a limit that was raised by 60: %d", len(got))
		}
		if got := r.take("c", "reg1", 6, 6); len(got) != 0 {
			t.Errorf("of a limit that was lowered below what is held: %d", len(got))
		}
	})
}

// A limit that is lowered is lowered at nodes that nobody asks for anything, too: their parts are wanted elsewhere.
func TestALimitIsLowered(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		for _, node := range r.nodes {
			for _, release := range r.take(node, "reg1", 600, 2) {
				release()
			}
		}
		time.Sleep(5 * time.Second)
		if got := r.take("b", "reg1", 6, 7); len(got) != 6 {
			t.Errorf("%d of 6", len(got))
		}
	})
}

// A limit may change at any moment, also between a node's use of a key and its report of that: what was true later holds.
func TestALimitChangesBeforeItWasReported(t *testing.T) {
	t.Parallel()
	for _, limits := range [][2]uint32{{600, 6}, {6, 600}} {
		for pause := time.Duration(0); pause < 2*every; pause += every / 3 {
			run(t, func(t *testing.T, r *rig) {
				time.Sleep(pause)
				for i, node := range r.nodes {
					for _, release := range r.take(node, "reg1", limits[0], 1) {
						release()
					}
					time.Sleep(time.Duration(i) * every / 4)
				}
				if got := r.take("b", "reg1", limits[1], int(limits[1])+1); len(got) != int(limits[1]) {
					t.Errorf("%v, %s after a report: %d", limits, pause, len(got))
				}
			})
		}
	}
}

// Keys come and go without end, and memory doesn't follow.
func TestKeysAreForgotten(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		for i := range 1000 {
			r.leases["a"].Spend(fmt.Sprint(i), 10)
		}
		time.Sleep(3 * idleAfter)
		for id, l := range r.leases {
			l.mu.Lock()
			if len(l.keys) > 0 {
				t.Errorf("%s has %d keys left", id, len(l.keys))
			}
			l.mu.Unlock()
			l.book.mu.Lock()
			if len(l.book.keys) > 0 {
				t.Errorf("%s has %d keys in its book", id, len(l.book.keys))
			}
			l.book.mu.Unlock()
		}
	})
}

// Keys that are all in use are as many as there may be.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	run(t, func(t *testing.T, r *rig) {
		l := r.leases["a"]
		for i := range maxKeys + 100 {
			if wait := l.Spend(fmt.Sprint(i), 10); (wait > 0) != (i >= maxKeys) {
				t.Fatalf("key %d: %s", i, wait)
			}
		}
		if n := len(l.keys); n != maxKeys {
			t.Errorf("%d keys", n)
		}
	})
}

// Whatever happens, nobody is refused for ever, and the sum is kept while nobody counts for lost.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		run(t, func(t *testing.T, r *rig) {
			rng := rand.New(rand.NewPCG(seed, 7))
			// A share that was granted in the second before its leader was lost, to a node that is then cut off, is
			// known to nobody else. Without cuts the sum is never too high.
			const limit = 20
			cuts, bound := seed%2 == 1, limit
			if cuts {
				bound = limit + limit/2
			}
			held := map[string][]func(){}
			total := func() (n int) {
				for _, h := range held {
					n += len(h)
				}
				return n
			}
			cutAt := time.Now()
			heal := func() {
				for _, n := range r.nodes {
					r.isolate(n, false)
				}
				cutAt = time.Now()
			}
			for range 300 {
				node := r.nodes[rng.IntN(3)]
				switch rng.IntN(8) {
				case 0, 1, 2, 3:
					held[node] = append(held[node], r.take(node, "reg1", limit, 1+rng.IntN(5))...)
				case 4, 5:
					if n := len(held[node]); n > 0 {
						cut := rng.IntN(n)
						for _, release := range held[node][cut:] {
							release()
						}
						held[node] = held[node][:cut]
					}
				case 6:
					r.lead(append(r.nodes, "")[rng.IntN(4)])
				case 7:
					heal()
					if cuts {
						time.Sleep(3 * time.Second) // all have told the leader, and have heard of each other
						r.isolate(node, true)
						cutAt = time.Now()
					}
				}
				if time.Since(cutAt) > lostAfter/2 {
					heal()
				}
				time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Second))))
				if n := total(); n > bound {
					t.Fatalf("seed %d: %d are held of %d", seed, n, limit)
				}
			}
			heal()
			r.lead("a")
			for _, h := range held {
				for _, release := range h {
					release()
				}
			}
			time.Sleep(5 * time.Second)
			if got := r.take("c", "reg1", limit, 2*limit); len(got) != limit {
				t.Errorf("seed %d: in the end one node gets %d of %d", seed, len(got), limit)
			}
		})
	}
}

func TestDivide(t *testing.T) {
	t.Parallel()
	all := []bool{true, true, true}
	for _, c := range []struct {
		limit uint32
		wants []uint32
		alive []bool
		want  []uint32
	}{
		{50, []uint32{0, 0, 0}, all, []uint32{17, 17, 16}},
		{50, []uint32{60, 0, 0}, all, []uint32{50, 0, 0}},
		{50, []uint32{60, 60, 60}, all, []uint32{16, 17, 17}},
		{50, []uint32{10, 60, 60}, all, []uint32{10, 20, 20}},
		{50, []uint32{10, 0, 0}, all, []uint32{24, 13, 13}},
		{50, []uint32{0, 0, 0}, []bool{true, false, true}, []uint32{25, 0, 25}},
		{1, []uint32{0, 0, 1}, all, []uint32{0, 0, 1}},
		{0, []uint32{1, 1, 1}, all, []uint32{0, 0, 0}},
	} {
		got := divide(c.limit, c.wants, c.alive)
		sum := uint32(0)
		for _, s := range got {
			sum += s
		}
		if sum != c.limit || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%d for %v: %v, want %v", c.limit, c.wants, got, c.want)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"keys":[{"key":"x","kind":1,"limit":3,"share":1,"used":1,"wanted":9,"shares":{"a":1,"z":4000000000}}]}`))
	f.Add([]byte(`{"keys":[{"key":"x","kind":9,"limit":0}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &Leases{cfg: Config{Node: "a", Nodes: func() []string { return []string{"a", "b"} }, Reign: func() uint64 { return 1 }}, keys: map[string]*lease{}, answered: make(chan struct{})}
		for range 2 {
			reply, err := l.serve(t.Context(), "b", b)
			if err == nil && len(reply) > maxMessage {
				t.Fatal(len(reply))
			}
		}
	})
}
