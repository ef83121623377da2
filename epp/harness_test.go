package epp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/transport/pki"
)

const (
	testPassword = "foo-BAR2"
	patience     = time.Minute
)

// testRegistry is a node of one: a real state machine, and a log that is just a counter.
type testRegistry struct {
	mu       sync.Mutex
	machine  *fsm.Machine
	now      registry.Time
	index    uint64
	sequence uint64
	// before, if set, is called with each command and can keep it from the log.
	before func(Request) error
	// unreadable, if set, is what every read comes to.
	unreadable error
	levels     []fsm.Level // of the reads so far
	afters     []uint64
}

func (r *testRegistry) Execute(_ context.Context, req Request) (registry.Result, registry.CommandID, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.before != nil {
		if err := r.before(req); err != nil {
			return registry.Result{}, registry.CommandID{}, err
		}
	}
	r.index++
	r.sequence++
	id := registry.CommandID{Node: "n1", Epoch: 1, Sequence: r.sequence}
	entry := fsm.Encode(registry.Command{
		ID: id, Lowest: r.sequence, Actor: req.Actor, ClTRID: req.ClTRID, Salt: []byte("salt"), Kind: req.Kind, Body: store.Encode(req.Body),
		Needs: registry.LevelOf(req.Kind, req.Body),
	})
	fsm.Stamp(entry, r.now)
	out, err := r.machine.Apply([]fsm.Entry{{Index: r.index, Term: 1, Data: entry}})
	if err != nil {
		return registry.Result{}, id, fmt.Errorf("%w: %w", fsm.ErrOutcomeUnknown, err)
	}
	return out.Results[0], id, nil
}

func (r *testRegistry) View(_ context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error {
	r.mu.Lock()
	r.levels, r.afters = append(r.levels, level), append(r.afters, after)
	err := r.unreadable
	r.mu.Unlock()
	if err != nil {
		return err
	}
	return r.machine.View(fn)
}

func (r *testRegistry) NextID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence++
	return registry.CommandID{Node: "n1", Epoch: 1, Sequence: r.sequence}.String()
}

func (r *testRegistry) Seal(plain []byte) ([]byte, error) { return flip(plain), nil }

func (r *testRegistry) Open(sealed []byte) ([]byte, error) { return flip(sealed), nil }

func flip(b []byte) []byte {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= 0x55
	}
	return out
}

// operate executes an operator's command, which must succeed.
func (r *testRegistry) operate(t testing.TB, kind registry.Kind, body any) {
	t.Helper()
	result, _, err := r.Execute(context.Background(), Request{Actor: registry.Actor{Role: registry.RoleOperator, Name: "operator"}, Kind: kind, Body: body})
	if err != nil || result.Code.Failed() {
		t.Fatalf("operator's command %d: %v, %v", kind, result.Fail, err)
	}
}

// wait lets log time pass, as a cluster of one node agrees.
func (r *testRegistry) wait(t testing.TB, d registry.Time) {
	t.Helper()
	r.mu.Lock()
	r.now += d
	at := r.now
	r.mu.Unlock()
	for _, c := range []struct {
		kind registry.Kind
		body any
	}{
		{registry.KindPeerPut, registry.Peer{ID: "n1", Site: "s1", Address: "192.0.2.1:1"}},
		{registry.KindTick, registry.Tick{Clocks: []registry.Clock{{Node: "n1", Time: at}}}},
	} {
		result, _, err := r.Execute(context.Background(), Request{Actor: registry.Actor{Role: registry.RoleNode, Name: "n1"}, Kind: c.kind, Body: c.body})
		if err != nil || result.Code.Failed() {
			t.Fatalf("node's command %d: %v, %v", c.kind, result.Fail, err)
		}
	}
}

// testPKI is made once: keys and hashes take their time.
type testPKI struct {
	ca, foreign *pki.CA
	server      tls.Certificate
	clients     map[string]tls.Certificate // by clID
	stranger    tls.Certificate            // of ca, but nobody's
	outsider    tls.Certificate            // of foreign, in reg1's name
	hash        string                     // of testPassword
}

var credentials = sync.OnceValues(func() (p testPKI, err error) {
	if p.ca, err = pki.NewCA("test.example", time.Hour); err != nil {
		return p, err
	}
	if p.foreign, err = pki.NewCA("other.example", time.Hour); err != nil {
		return p, err
	}
	if p.server, err = p.ca.IssueServer("epp", []string{"127.0.0.1"}, time.Hour); err != nil {
		return p, err
	}
	p.clients = map[string]tls.Certificate{}
	for _, id := range registrarIDs {
		if p.clients[id], err = p.ca.IssueRegistrar(id, time.Hour); err != nil {
			return p, err
		}
	}
	if p.stranger, err = p.ca.IssueRegistrar("stranger", time.Hour); err != nil {
		return p, err
	}
	if p.outsider, err = p.foreign.IssueRegistrar("reg1", time.Hour); err != nil {
		return p, err
	}
	p.hash = cheapHash(testPassword)
	return p, nil
})

// cheapHash is a hash of a password like any other, but for its cost: nearly each test has a server of its own, whose first login would take
// 30 ms of a core, and several times that under the race detector.
func cheapHash(password string) string {
	const passes, memory, threads, length = 1, 64, 1, 32
	salt := []byte("a salt for tests")
	key := argon2.IDKey([]byte(password), salt, passes, memory, threads, length)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads, enc.EncodeToString(salt), enc.EncodeToString(key))
}

var registrarIDs = []string{"reg1", "reg2", "poor", "gone", "NewRegistrar"}

func testCredentials(t testing.TB) testPKI {
	t.Helper()
	p, err := credentials()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testNow is when every test's registry lives.
var testNow = registry.DateOf(2026, 3, 1) + 12*registry.Hour

// newRegistry makes a registry with two TLDs, the thick "example" and the thin "tld", and registrars.
func newRegistry(t testing.TB) *testRegistry {
	t.Helper()
	p := testCredentials(t)
	m, err := fsm.Open(filepath.Join(t.TempDir(), "state"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &testRegistry{machine: m, now: testNow}
	r.operate(t, registry.KindClusterInit, registry.Cluster{Name: "test.example", Repository: "QUORATE", Level: 1})
	for to := registry.FirstLevel + 1; to <= registry.HighestLevel; to++ {
		r.operate(t, registry.KindRaiseLevel, registry.RaiseLevel{To: to})
	}
	for _, tld := range []registry.TLD{{Name: "example", Thick: true}, {Name: "tld"}, {Name: "zz--main-1234"}} {
		tld.Currency, tld.CreatePrice, tld.RenewPrice, tld.MaxYears = "EUR", 1000, 1000, 10
		tld.AddGrace, tld.RenewGrace, tld.AutoRenewGrace, tld.DeleteDelay = 5*registry.Day, 5*registry.Day, 45*registry.Day, 35*registry.Day
		tld.Reserved = []string{"nic", "www"}
		tld.Nameservers = []registry.Nameserver{{Name: "ns1.operator.test"}}
		tld.SOA = registry.SOA{MName: "ns1.operator.test", RName: "hostmaster.operator.test", Refresh: 1, Retry: 1, Expire: 1, Minimum: 1}
		tld.TTL = registry.TTLs{Apex: 1, Delegation: 1, Glue: 1}
		r.operate(t, registry.KindTLDCreate, registry.TLDCreate{TLD: tld})
	}
	for _, id := range registrarIDs {
		r.operate(t, registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{
			ID: id, Name: id, Password: p.hash, Certificates: []string{pki.Fingerprint(p.clients[id].Leaf)}, Suspended: id == "gone",
		}})
		if id != "poor" {
			r.operate(t, registry.KindRegistrarFund, registry.RegistrarFund{ID: id, Currency: "EUR", Amount: 1e9})
		}
	}
	return r
}

// testServer is a server on loopback.
type testServer struct {
	*Server
	registry *testRegistry
	addr     string
	log      *syncBuffer
}

// newServer starts a server; configure may change what it is made of.
func newServer(t testing.TB, configure func(*Config)) *testServer {
	t.Helper()
	p := testCredentials(t)
	log := &syncBuffer{}
	config := Config{
		ServerID:    "epp.test.example",
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &p.server, nil },
		ClientCAs:   p.ca.Pool(),
		Log:         slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if configure != nil {
		configure(&config)
	}
	r := newRegistry(t)
	s, err := NewServer(config, r)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		noteResults(t, s)
		for _, secret := range []string{testPassword, "2fooBAR", "s3cret"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds the secret %s", secret)
			}
		}
	})
	return &testServer{Server: s, registry: r, addr: l.Addr().String(), log: log}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// clientTLS is how the registrar connects.
func clientTLS(t testing.TB, clID string) *tls.Config {
	p := testCredentials(t)
	return &tls.Config{RootCAs: p.ca.Pool(), Certificates: []tls.Certificate{p.clients[clID]}}
}

// dial connects as a registrar, without logging in.
func (s *testServer) dial(t testing.TB, clID string) *client.Client {
	t.Helper()
	c, err := client.Dial(soon(t), s.addr, clientTLS(t, clID))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Trace = func(out bool, xml []byte) {
		if !out {
			collect(t, xml)
		}
	}
	return c
}

// login connects and logs in.
func (s *testServer) login(t testing.TB, clID string) *client.Client {
	t.Helper()
	c := s.dial(t, clID)
	if _, err := c.Login(soon(t), clID, testPassword); err != nil {
		t.Fatal(err)
	}
	return c
}

// soon is a context for what should not take long.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// send sends a document and returns the reply.
func send(t testing.TB, c *client.Client, doc string) *client.Reply {
	t.Helper()
	answer, err := c.Raw(soon(t), []byte(doc))
	if err != nil {
		t.Fatalf("%v, for\n%s", err, doc)
	}
	r, err := client.ParseReply(answer)
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return r
}

// code is the EPP code that err holds; 1000 if there is none.
func code(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 1000
	}
	e, ok := err.(*client.Error)
	if !ok {
		t.Fatal(err)
	}
	return e.Code
}

func wantCode(t testing.TB, what string, err error, want int) {
	t.Helper()
	if got := code(t, err); got != want {
		t.Errorf("%s: %v; want %d", what, err, want)
	}
}

// command wraps an object command's XML.
func commandDoc(inner string) string {
	return `<epp xmlns="` + nsEPP + `"><command>` + inner + `<clTRID>ABC-12345</clTRID></command></epp>`
}

// What servers said in all tests is validated against the schemas in one go: starting xmllint takes long.
var collected struct {
	mu     sync.Mutex
	frames map[string]string // frame → test
}

func collect(t testing.TB, xml []byte) {
	collected.mu.Lock()
	defer collected.mu.Unlock()
	if collected.frames == nil {
		collected.frames = map[string]string{}
	}
	if _, ok := collected.frames[string(xml)]; !ok {
		collected.frames[string(xml)] = t.Name()
	}
}

func TestMain(m *testing.M) {
	status := m.Run()
	for _, err := range []error{validateCollected(), checkResults()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// shared is the folder of schemas and data that tests use.
func shared(elem ...string) string {
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// needFile skips the test when a shared file is missing, which CI doesn't excuse.
func needFile(t testing.TB, name string) string {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v (set QUORATE_SHARED)", err)
	}
	return name
}

func validateCollected() error {
	if len(collected.frames) == 0 {
		return nil
	}
	schema := shared("schemas", "all.xsd")
	lint, err := exec.LookPath("xmllint")
	if err == nil {
		_, err = os.Stat(schema)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			return fmt.Errorf("answers can't be validated: %w", err)
		}
		fmt.Fprintf(os.Stderr, "%d answers were not validated: %v (install libxml2-utils, set QUORATE_SHARED)\n", len(collected.frames), err)
		return nil
	}
	dir, err := os.MkdirTemp("", "epp-answers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--schema", schema}
	for xml, test := range collected.frames {
		name := filepath.Join(dir, fmt.Sprintf("%d-%s.xml", len(args), strings.ReplaceAll(test, "/", "-")))
		if err := os.WriteFile(name, []byte(xml), 0o600); err != nil {
			return err
		}
		args = append(args, name)
	}
	out, err := exec.Command(lint, args...).CombinedOutput()
	if err != nil {
		var wrong []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasSuffix(strings.TrimSpace(line), " validates") {
				wrong = append(wrong, strings.TrimSpace(line))
			}
		}
		return fmt.Errorf("answers that are not valid: %w\n%s", err, strings.Join(wrong, "\n"))
	}
	return nil
}
