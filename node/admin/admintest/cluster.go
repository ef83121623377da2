// Package admintest is for tests of the admin API and of what uses it: nodes
// whose state machines are real and served over real TLS, but whose log is a counter.
package admintest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/node/admin"
	"quorate/node/endpoints"
	"quorate/node/publisher"
	"quorate/transport/pki"
)

// Name is the name of every test cluster.
const Name = "test"

// Begin is the log time of the entry before the first; each entry is a second later.
var Begin = registry.DateOf(2026, 1, 1)

// Cluster is some nodes that apply every command at once. The first is the leader at first.
type Cluster struct {
	CA    *pki.CA
	Nodes []*Node

	t      testing.TB
	dir    string
	mu     sync.Mutex
	index  uint64
	leader int // place of the leader among Nodes
	rests  bool
}

// Node is one node, a site of its own.
type Node struct {
	Name string
	URL  string // of its admin API

	cluster *Cluster
	machine *fsm.Machine
	server  *admin.Server
	served  chan struct{} // closed when the server has ended
	err     error         // how it ended

	mu    sync.Mutex
	fault Fault
}

// Fault is what goes wrong at a node.
type Fault struct {
	Execute  error                       // instead of executing commands
	View     error                       // instead of linearizable and session reads
	Status   error                       // instead of the status
	Transfer error                       // instead of moving leadership
	Result   *registry.Result            // instead of executing commands
	Hold     chan struct{}               // Status waits until it is closed
	Alter    func(*admin.Status)         // changes the status
	Digest   func(uint64) (string, bool) // instead of the digest
	Troubles func() ([]admin.Trouble, error)
	Reads    registry.Level // instead of the highest level that the binary reads
}

// New starts a cluster of n nodes, which ends with the test.
func New(t testing.TB, n int) *Cluster {
	t.Helper()
	ca, err := pki.NewCA(Name, time.Hour)
	check(t, err)
	c := &Cluster{CA: ca, t: t, dir: t.TempDir()}
	for i := range n {
		node := &Node{Name: fmt.Sprintf("site%d", i+1), cluster: c, served: make(chan struct{})}
		node.machine, err = fsm.Open(filepath.Join(c.dir, node.Name+".db"), slog.New(slog.DiscardHandler))
		check(t, err)
		certificate, err := ca.IssueNode(node.Name, []string{"127.0.0.1"}, time.Hour)
		check(t, err)
		node.server = admin.NewServer(node.Config(), func() (*tls.Certificate, error) { return &certificate, nil }, ca.Pool())
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		node.URL = "https://" + l.Addr().String()
		go func() {
			defer close(node.served)
			node.err = node.server.Serve(l)
		}()
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := node.server.Shutdown(ctx); err != nil {
				t.Errorf("stopping %s: %v", node.Name, err)
			}
			if <-node.served; node.err != nil {
				t.Errorf("%s: %v", node.Name, node.err)
			}
			if err := node.machine.Close(); err != nil {
				t.Errorf("closing %s: %v", node.Name, err)
			}
		})
		c.Nodes = append(c.Nodes, node)
	}
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Config is what the node's API is made of.
func (n *Node) Config() admin.Config {
	return admin.Config{
		Cluster: Name, Registry: n, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Hash:    func(password string) (string, error) { return "hash of " + password, nil },
		Secrets: secrets{},
		Keys:    publisher.Keys{Sealer: secrets{}},
	}
}

// secrets seals so that tests can tell what is sealed.
type secrets struct{}

// Seal is admin.Secrets'.
func (secrets) Seal(plain []byte) ([]byte, error) { return append([]byte("sealed "), plain...), nil }

// Open is admin.Secrets'.
func (secrets) Open(sealed []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte("sealed "))
	if !ok {
		return nil, errors.New("not sealed")
	}
	return plain, nil
}

// Break sets what goes wrong at the node from now on.
func (n *Node) Break(f Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

func (n *Node) faults() Fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fault
}

// Stop ends the node's server, and returns when nothing listens at its address any more.
func (n *Node) Stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // waits for no request
	if err := n.server.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		n.cluster.t.Errorf("stopping %s: %v", n.Name, err)
	}
	<-n.served
}

// Operator is a client's TLS configuration with an operator's certificate.
func (c *Cluster) Operator() *tls.Config {
	c.t.Helper()
	certificate, err := c.CA.IssueOperator("ops", time.Hour)
	check(c.t, err)
	return With(c.CA.Pool(), certificate)
}

// With is a client's TLS configuration.
func With(pool *x509.CertPool, certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: pool, Certificates: certificates, MinVersion: tls.VersionTLS13}
}

// Client is an operator's client of a node, by its place.
func (c *Cluster) Client(i int) *admin.Client {
	client := admin.NewClient(c.Nodes[i].URL, c.Operator())
	c.t.Cleanup(client.Close)
	return client
}

// Endpoints writes the file that tells where the cluster is, with the certificates that it names, and returns its path.
func (c *Cluster) Endpoints() string {
	c.t.Helper()
	file := func(name string) string { return filepath.Join(c.dir, name) }
	check(c.t, c.CA.Save(file("ca.pem"), file("ca.key")))
	operator, err := c.CA.IssueOperator("ops", time.Hour)
	check(c.t, err)
	check(c.t, pki.Save(operator, file("ops.pem"), file("ops.key")))
	e := endpoints.Endpoints{TLD: "example", CA: file("ca.pem"), Operator: endpoints.Operator{Name: "ops", Cert: file("ops.pem"), Key: file("ops.key")}}
	for _, n := range c.Nodes {
		e.Sites = append(e.Sites, endpoints.Site{Name: n.Name, Admin: n.URL})
	}
	check(c.t, e.Save(file("endpoints.json")))
	return file("endpoints.json")
}

// Apply puts a command into the log of the nodes given, or of all.
func (c *Cluster) Apply(actor registry.Actor, clTRID string, kind registry.Kind, body any, nodes ...*Node) (registry.Result, registry.CommandID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(nodes) == 0 {
		nodes = c.Nodes
	}
	r, id, err := c.apply(nodes, actor, clTRID, kind, body)
	if err != nil || r.Code.Failed() || c.rests {
		return r, id, err
	}
	return r, id, c.publish(nodes)
}

// Rest says whether the leader leaves zones as they are published: with it, editions stay in the making.
func (c *Cluster) Rest(rests bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rests = rests
}

func (c *Cluster) apply(nodes []*Node, actor registry.Actor, clTRID string, kind registry.Kind, body any) (r registry.Result, id registry.CommandID, err error) {
	c.index++
	id = registry.CommandID{Node: "site1", Epoch: 1, Sequence: c.index}
	entry := fsm.Encode(registry.Command{
		ID: id, Lowest: c.index, Actor: actor, ClTRID: clTRID, Salt: []byte("salt"), Kind: kind, Body: store.Encode(body), Needs: registry.LevelOf(kind, body),
	})
	fsm.Stamp(entry, Begin+registry.Time(c.index)*registry.Second)
	for _, n := range nodes {
		out, err := n.machine.Apply([]fsm.Entry{{Index: c.index, Term: 1, Data: entry}})
		if err != nil {
			return r, id, err
		}
		r = out.Results[0]
	}
	return r, id, nil
}

// publish is the leader's duty of bringing zones up to date.
func (c *Cluster) publish(nodes []*Node) error {
	p := publisher.New(nodes[0].machine.View, secrets{}, slog.New(slog.DiscardHandler))
	for {
		more, err := p.Once(context.Background(), func(_ context.Context, kind registry.Kind, body any) error {
			r, _, err := c.apply(nodes, registry.Actor{Role: registry.RoleNode, Name: "site1"}, "", kind, body)
			if err == nil && r.Fail != nil {
				err = r.Fail
			}
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// Execute is admin.Registry's.
func (n *Node) Execute(_ context.Context, actor registry.Actor, clTRID string, kind registry.Kind, body any) (registry.Result, registry.CommandID, error) {
	switch f := n.faults(); {
	case f.Execute != nil:
		return registry.Result{}, registry.CommandID{}, f.Execute
	case f.Result != nil:
		return *f.Result, registry.CommandID{Node: n.Name, Epoch: 1, Sequence: 1}, nil
	}
	return n.cluster.Apply(actor, clTRID, kind, body)
}

// View is admin.Registry's.
func (n *Node) View(_ context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error {
	if f := n.faults(); f.View != nil && level != fsm.Local {
		return f.View
	}
	return n.machine.View(func(v fsm.View) error {
		if level == fsm.Session && v.Index() < after {
			return fsm.ErrUnavailable
		}
		return fn(v)
	})
}

// Status is admin.Registry's.
func (n *Node) Status(context.Context) (admin.Status, error) {
	f := n.faults()
	if f.Hold != nil {
		<-f.Hold
	}
	p, err := n.machine.Position()
	if err != nil {
		return admin.Status{}, err
	}
	s := admin.Status{
		Cluster: Name, Node: n.Name, Site: n.Name, State: "follower", Leader: n.cluster.leading(), Term: p.Term, Committed: p.Index, Applied: p.Index,
		Digest: p.Digest.String(), Ready: "ok", DNS: "ok", Version: "test",
	}
	if n.Name == s.Leader {
		s.State = "leader"
	}
	err = n.machine.View(func(v fsm.View) error {
		s.LogTime = v.Now().String()
		s.Level = int(v.Level())
		for _, z := range v.Zones() {
			s.Zones = append(s.Zones, admin.Zone{Name: z.Name, Serial: z.Serial, Served: z.Serial})
		}
		return nil
	})
	s.Reads = int(n.reads())
	for _, other := range n.cluster.Nodes {
		if other != n {
			s.Peers = append(s.Peers, admin.Peer{ID: other.Name, Site: other.Name, Voter: true, Connected: true, RTT: 1.25})
		}
	}
	if f.Alter != nil {
		f.Alter(&s)
	}
	if f.Status != nil {
		err = f.Status
	}
	return s, err
}

// reads is the highest level that the node's binary reads.
func (n *Node) reads() registry.Level {
	if f := n.faults(); f.Reads != 0 {
		return f.Reads
	}
	return registry.HighestLevel
}

// Levels is admin.Registry's. A node whose status fails says nothing.
func (n *Node) Levels(context.Context) (level registry.Level, members []admin.MemberLevel, err error) {
	if f := n.faults(); f.View != nil {
		return 0, nil, f.View
	}
	err = n.machine.View(func(v fsm.View) error { level = v.Level(); return nil })
	for _, other := range n.cluster.Nodes {
		m := admin.MemberLevel{Node: other.Name, Reads: int(other.reads())}
		if err := other.faults().Status; err != nil {
			m = admin.MemberLevel{Node: other.Name, Error: err.Error()}
		}
		members = append(members, m)
	}
	return level, members, err
}

// Digest is admin.Registry's.
func (n *Node) Digest(index uint64) (string, bool) {
	if f := n.faults(); f.Digest != nil {
		return f.Digest(index)
	}
	d, ok := n.machine.DigestAt(index)
	return d.String(), ok
}

// Troubles is admin.Registry's.
func (n *Node) Troubles(context.Context, string) ([]admin.Trouble, error) {
	if f := n.faults(); f.Troubles != nil {
		return f.Troubles()
	}
	return nil, nil
}

// TransferLeadership is admin.Registry's: the next node leads.
func (n *Node) TransferLeadership(context.Context) error {
	if err := n.faults().Transfer; err != nil {
		return err
	}
	n.cluster.mu.Lock()
	defer n.cluster.mu.Unlock()
	n.cluster.leader = (n.cluster.leader + 1) % len(n.cluster.Nodes)
	return nil
}

func (c *Cluster) leading() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Nodes[c.leader].Name
}
