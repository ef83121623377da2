package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/publisher"
	"quorate/transport"
)

// Tests run three real replicas, with real raft and real state files, over a
// network in memory and in the fake time of testing/synctest.

// wire is the network between the nodes of a test.
type wire struct {
	mu    sync.Mutex
	ends  map[string]*end
	cut   map[string]bool    // nodes that nobody reaches
	apart map[[2]string]bool // pairs that don't reach each other
	delay time.Duration      // one way
}

// end is a node's end of the wire; it implements Network.
type end struct {
	wire     *wire
	id       string
	up       bool
	handlers map[string]transport.Handler
	raft     *raft.InmemTransport
}

func (e *end) Handle(method string, h transport.Handler) {
	e.wire.mu.Lock()
	defer e.wire.mu.Unlock()
	e.handlers[method] = h
}

func (e *end) Call(ctx context.Context, node, method string, request []byte) ([]byte, error) {
	time.Sleep(e.wire.delay)
	h, ok := e.wire.reach(e.id, node, method)
	if !ok {
		return nil, transport.ErrUnreachable
	}
	type answer struct {
		body []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		body, err := h(ctx, e.id, request)
		got <- answer{body, err}
	}()
	select {
	case a := <-got:
		time.Sleep(e.wire.delay)
		if _, ok := e.wire.reach(node, e.id, ""); !ok {
			<-ctx.Done()
			return nil, transport.ErrInterrupted
		}
		return a.body, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", transport.ErrInterrupted, ctx.Err())
	}
}

func (w *wire) reach(from, to, method string) (transport.Handler, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.ends[to]
	if e == nil || !e.up || !w.connected(from, to) {
		return nil, false
	}
	return e.handlers[method], true
}

// isolate cuts a node off, or heals it.
func (w *wire) isolate(id string, off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[id] = off
	w.rewire()
}

// separate cuts the line between two nodes, or heals it.
func (w *wire) separate(a, b string, off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apart[[2]string{a, b}], w.apart[[2]string{b, a}] = off, off
	w.rewire()
}

func (w *wire) connected(a, b string) bool {
	return !w.cut[a] && !w.cut[b] && !w.apart[[2]string{a, b}]
}

// rewire makes raft's transports agree with who is up and cut off.
func (w *wire) rewire() {
	for _, a := range w.ends {
		for _, b := range w.ends {
			a.raft.Disconnect(b.raft.LocalAddr())
			if a != b && a.up && b.up && w.connected(a.id, b.id) {
				a.raft.Connect(b.raft.LocalAddr(), b.raft)
			}
		}
	}
}

// group is the cluster of a test.
type group struct {
	t      *testing.T
	wire   *wire
	folder string
	nodes  map[string]*member
	tune   func(*Config)
}

type member struct {
	*Consensus
	machine *fsm.Machine
}

var ids = []string{"n1", "n2", "n3"}

// inGroup runs fn with a running cluster.
func inGroup(t *testing.T, tune func(*Config), fn func(g *group)) {
	t.Parallel()
	folder := memoryFolder(t)
	synctest.Test(t, func(t *testing.T) {
		g := &group{t: t, folder: folder, nodes: map[string]*member{}, tune: tune,
			wire: &wire{ends: map[string]*end{}, cut: map[string]bool{}, apart: map[[2]string]bool{}, delay: time.Millisecond}}
		for _, id := range ids {
			g.start(id)
		}
		defer func() {
			for id := range g.nodes {
				g.stop(id)
			}
			time.Sleep(time.Minute) // what was under way ends
		}()
		g.policy()
		fn(g)
	})
}

// memoryFolder is a folder where syncing costs nothing, if the machine has one:
// these tests end nodes, not machines.
func memoryFolder(t *testing.T) string {
	folder, err := os.MkdirTemp("/dev/shm", "quorate-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func (g *group) start(id string) *member {
	g.t.Helper()
	folder := filepath.Join(g.folder, id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		g.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil)).With("node", id)
	if testing.Verbose() && os.Getenv("QUORATE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", id)
	}
	machine, err := fsm.Open(filepath.Join(folder, "state.db"), log)
	if err != nil {
		g.t.Fatal(err)
	}
	_, inmem := raft.NewInmemTransportWithTimeout(raft.ServerAddress(id), 500*time.Millisecond)
	e := &end{wire: g.wire, id: id, up: true, handlers: map[string]transport.Handler{}, raft: inmem}
	g.wire.mu.Lock()
	g.wire.ends[id] = e
	g.wire.rewire()
	g.wire.mu.Unlock()
	cfg := Config{
		Node: id, Folder: folder, Machine: machine, Raft: inmem, Network: e, Log: log,
		Heartbeat: 250 * time.Millisecond, SnapshotLogs: 8192, TrailingLogs: 1000, InFlight: 256, Bootstrap: id == "n1",
		Settings: registry.Cluster{Name: "test", Repository: "TEST", Level: 1},
		Publish:  publish(machine),
		Events:   Events{Applied: func(fsm.Outcome) {}, Restored: func() {}, Silent: func(on bool) { g.wire.isolate(id, on) }},
	}
	for _, p := range ids {
		cfg.Peers = append(cfg.Peers, registry.Peer{ID: p, Site: p, Address: p})
	}
	if g.tune != nil {
		g.tune(&cfg)
	}
	c, err := Open(cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.nodes[id] = &member{c, cfg.Machine}
	return g.nodes[id]
}

// stop ends a node without farewell: as seen from the others, it crashes.
func (g *group) stop(id string) {
	g.t.Helper()
	m := g.nodes[id]
	delete(g.nodes, id)
	g.wire.mu.Lock()
	g.wire.ends[id].up = false
	g.wire.rewire()
	g.wire.mu.Unlock()
	if err := errors.Join(m.Close(), m.machine.Close()); err != nil {
		g.t.Error(err)
	}
}

func (g *group) leader() string {
	g.t.Helper()
	for range 2000 {
		for id, m := range g.nodes {
			if m.Status().State == "leader" && !g.wire.cut[id] {
				return id
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.t.Fatal("no leader")
	return ""
}

func (g *group) follower() string {
	leader := g.leader()
	for _, id := range ids {
		if g.nodes[id] != nil && id != leader && !g.wire.cut[id] {
			return id
		}
	}
	g.t.Fatal("no follower")
	return ""
}

// openSealer keeps keys as they are: these are nobody's.
type openSealer struct{}

func (openSealer) Seal(plain []byte) ([]byte, error)  { return plain, nil }
func (openSealer) Open(sealed []byte) ([]byte, error) { return sealed, nil }

// publish publishes a machine's zones as a node's leader does.
func publish(m *fsm.Machine) func(context.Context, func(context.Context, registry.Kind, any) error) (bool, error) {
	p := publisher.New(m.View, openSealer{}, slog.New(slog.DiscardHandler))
	return func(ctx context.Context, do func(context.Context, registry.Kind, any) error) (bool, error) {
		return p.Once(ctx, do)
	}
}

var operator = registry.Actor{Role: registry.RoleOperator, Name: "op"}
var reg1 = registry.Actor{Role: registry.RoleRegistrar, Name: "reg1"}

const deposit = 1_000_000

func (g *group) policy() {
	g.t.Helper()
	tld := registry.TLD{
		Name: "example", Currency: "USD", CreatePrice: 1, MaxYears: 10,
		Nameservers: []registry.Nameserver{{Name: "ns.elsewhere.test"}}, SOA: registry.SOA{MName: "ns.elsewhere.test", RName: "host.elsewhere.test"},
	}
	for _, c := range []struct {
		kind registry.Kind
		body any
	}{
		{registry.KindTLDCreate, registry.TLDCreate{TLD: tld}},
		{registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: "reg1"}}},
		{registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", Amount: deposit}},
	} {
		if r, err := g.execute("n1", operator, c.kind, c.body); err != nil || r.Fail != nil {
			g.t.Fatalf("%v %v", r.Fail, err)
		}
	}
}

func (g *group) execute(at string, actor registry.Actor, kind registry.Kind, body any) (registry.Result, error) {
	r, _, err := g.nodes[at].Execute(context.Background(), actor, "", kind, body)
	return r, err
}

func (g *group) create(at, name string) (registry.Result, error) {
	return g.execute(at, reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name + ".example"})
}

func (g *group) has(at, name string, level fsm.Level) (found bool, err error) {
	err = g.nodes[at].View(context.Background(), level, 0, func(v fsm.View) error {
		_, found = v.Domain(name + ".example")
		return nil
	})
	return found, err
}

// agree waits until all running nodes have applied the same, and returns how many domains and how much money there are.
func (g *group) agree() (domains int, balance int64) {
	g.t.Helper()
	for range 3000 {
		var positions []string
		for _, m := range g.nodes {
			pos, err := m.machine.Position()
			if err != nil {
				g.t.Fatal(err)
			}
			positions = append(positions, fmt.Sprint(pos.Index, pos.Digest))
		}
		same := true
		for _, p := range positions {
			same = same && p == positions[0]
		}
		if same {
			err := g.nodes[g.leader()].machine.View(func(v fsm.View) error {
				v.Domains("example", "", func(registry.Domain) bool { domains++; return true })
				balance = v.Account(registry.RegistrarAccount("reg1"), "USD").Balance
				return v.Audit()
			})
			if err != nil {
				g.t.Fatal(err)
			}
			return domains, balance
		}
		time.Sleep(7 * time.Millisecond)
	}
	g.t.Fatal("the replicas don't agree")
	return 0, 0
}
