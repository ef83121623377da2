package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/node/config"
	"quorate/transport/loopback"
	"quorate/transport/pki"
)

const hour = time.Hour

// testConfig is a cluster of one node on free ports.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	ca, err := pki.NewCA("test", hour)
	if err != nil {
		t.Fatal(err)
	}
	node, err := ca.IssueNode("n1", []string{"127.0.0.1"}, hour)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.IssueServer("n1", []string{"127.0.0.1"}, hour)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(ca.Save(path("ca.pem"), path("ca.key")), pki.Save(node, path("node.pem"), path("node.key")),
		pki.Save(server, path("server.pem"), path("server.key")), os.WriteFile(path("kek"), []byte(NewKEK()), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Cluster, c.Node, c.Site, c.Data, c.Bootstrap, c.KEK = "test", "n1", "s1", path("data"), true, path("kek")
	c.TLS = config.TLS{CA: path("ca.pem"), Certificate: path("node.pem"), Key: path("node.key")}
	c.Transport.Listen = freeAddress(t)
	c.EPP.Listen, c.EPP.Certificate, c.EPP.Key, c.EPP.ClientCA = freeAddress(t), path("server.pem"), path("server.key"), path("ca.pem")
	c.WHOIS.Listen = freeAddress(t)
	c.RDAP.Listen, c.RDAP.Certificate, c.RDAP.Key = freeAddress(t), path("server.pem"), path("server.key")
	c.RDAP.BaseURL, c.RDAP.TermsURL = "https://rdap.test/", "https://rdap.test/terms"
	c.DNS.Listen, c.DNS.NSID = []string{"127.0.0.1:0"}, "n1"
	c.Admin.Listen, c.Metrics.Listen = freeAddress(t), freeAddress(t)
	c.Peers = []config.Peer{{ID: "n1", Site: "s1", Address: c.Transport.Listen}}
	return c
}

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.Port()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// get asks a probe, and returns status and body; 0 when nobody answers.
func get(c config.Config, path string) (int, string) {
	r, err := http.Get("http://" + c.Metrics.Listen + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(body)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for !ok() {
		select {
		case <-every.C:
		case <-deadline.C:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// running starts a node and runs it until stop is called, or the test ends.
func running(t *testing.T, c config.Config) (n *Node, stop func()) {
	t.Helper()
	n, err := Start(c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("a node's end: %v", err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

// openTLD opens the TLD example.
func openTLD(t *testing.T, n *Node) {
	t.Helper()
	tld := registry.TLD{
		Name: "example", Currency: "EUR", MaxYears: 10, Nameservers: []registry.Nameserver{{Name: "ns.elsewhere.test"}},
		SOA: registry.SOA{MName: "ns.elsewhere.test", RName: "h.test", Refresh: 900, Retry: 300, Expire: 604800, Minimum: 300}, TTL: registry.TTLs{Apex: 3600, Delegation: 3600, Glue: 3600},
	}
	if r, _, err := n.consensus.Execute(t.Context(), registry.Actor{Role: registry.RoleOperator, Name: "op"}, "", registry.KindTLDCreate, registry.TLDCreate{TLD: tld}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
}

// After a crash the state's file may take long to open. The zones don't wait for it; transfers, which are read from it, are refused.
func TestZonesAreServedWhileTheStateIsOpened(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.DNS.Listen = []string{freeAddress(t)}
	n, stop := running(t, c)
	eventually(t, "ready", func() bool { status, _ := get(c, "/readyz"); return status == 200 })
	openTLD(t, n)
	eventually(t, "a signed zone", func() bool { _, signed := n.zones.Expires("example."); return signed })
	stop()

	db, err := store.Open(filepath.Join(c.Data, stateName))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(network string, q *dns.Msg) int {
		r, _, err := (&dns.Client{Net: network, Timeout: time.Second}).Exchange(q, c.DNS.Listen[0])
		if err != nil {
			return -1
		}
		return r.Rcode
	}
	given := make(chan error, 1)
	served, refused := false, false
	for attempt := 0; !served || !refused; attempt++ {
		if attempt == 20 {
			t.Fatalf("while the state was being opened: answered %t, refused a transfer %t", served, refused)
		}
		go func() {
			_, err := Start(c, quiet)
			given <- err
		}()
		for ended := false; !ended; {
			select {
			case err := <-given:
				if ended = true; !errors.Is(err, store.ErrInUse) {
					t.Fatal(err)
				}
			default:
				served = served || ask("udp", new(dns.Msg).SetQuestion("example.", dns.TypeSOA)) == dns.RcodeSuccess
				refused = refused || ask("tcp", new(dns.Msg).SetAxfr("example.")) == dns.RcodeRefused
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	running(t, c)
}

func TestANodeServesStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	for round := range 2 {
		n, err := Start(c, quiet)
		if err != nil {
			t.Fatalf("start %d: %v", round, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		eventually(t, "/metrics shows a leader", func() bool {
			_, body := get(c, "/metrics")
			return strings.Contains(body, "quorate_raft_leader 1")
		})
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, body := get(c, path); status != http.StatusOK {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if _, err := Start(c, quiet); !errors.Is(err, ErrInUse) {
			t.Errorf("a second start on the same data: %v", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stop %d: %v", round, err)
		}
		if status, _ := get(c, "/healthz"); status != 0 {
			t.Error("a stopped node answers")
		}
	}
}

// A start that fails says why in one line, and leaves nothing behind: the next one succeeds.
func TestAStartThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	good := testConfig(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	occupied := taken.Addr().String()
	readOnly := filepath.Join(filepath.Dir(good.Data), "file")
	if err := os.WriteFile(readOnly, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*config.Config){
		"epp port":     func(c *config.Config) { c.EPP.Listen = occupied },
		"whois port":   func(c *config.Config) { c.WHOIS.Listen = occupied },
		"rdap port":    func(c *config.Config) { c.RDAP.Listen = occupied },
		"admin port":   func(c *config.Config) { c.Admin.Listen = occupied },
		"metrics port": func(c *config.Config) { c.Metrics.Listen = occupied },
		"dns port":     func(c *config.Config) { c.DNS.Listen = []string{occupied} },
		"kek":          func(c *config.Config) { c.KEK = c.TLS.CA },
		"data":         func(c *config.Config) { c.Data = filepath.Join(readOnly, "data") },
		"certificate":  func(c *config.Config) { c.TLS.Certificate = c.EPP.Certificate; c.TLS.Key = c.EPP.Key },
		"another node": func(c *config.Config) { c.Node = "n2" },
	} {
		c := good
		spoil(&c)
		_, err := Start(c, quiet)
		if err == nil {
			t.Fatalf("%s: the node starts", name)
		}
		if strings.HasSuffix(name, "port") && !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", name, err)
		}
	}
	n, err := Start(good, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

func TestTheAdminAPIWantsAnOperator(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	n, err := Start(c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	_, err = tls.Dial("tcp", c.Admin.Listen, &tls.Config{RootCAs: n.identity.cluster, ServerName: "127.0.0.1"})
	if err == nil {
		conn, _ := tls.Dial("tcp", c.Admin.Listen, &tls.Config{RootCAs: n.identity.cluster, ServerName: "127.0.0.1"})
		defer conn.Close()
		// TLS 1.3 tells a client of a missing certificate with the first read.
		if _, err = conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a client without a certificate got %v", err)
		}
	}
}

func TestSealing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s, err := loadKEK(key("a", NewKEK()))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("2fooBAR")
	one, _ := s.Seal(secret)
	two, _ := s.Seal(secret)
	if bytes.Equal(one, two) || bytes.Contains(one, secret) {
		t.Error("sealing gives the secret away")
	}
	if plain, err := s.Open(one); err != nil || !bytes.Equal(plain, secret) {
		t.Errorf("%q %v", plain, err)
	}
	other, err := loadKEK(key("b", NewKEK()))
	if err != nil {
		t.Fatal(err)
	}
	one[len(one)-1] ^= 1
	for _, c := range []struct {
		with   *sealer
		sealed []byte
	}{{other, two}, {s, one}, {s, nil}, {s, []byte{2}}, {s, two[:10]}} {
		if _, err := c.with.Open(c.sealed); !errors.Is(err, errSealed) {
			t.Errorf("opening %x: %v", c.sealed, err)
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("0", 62)} {
		if _, err := loadKEK(key("bad", bad)); err == nil {
			t.Errorf("key %q is accepted", bad)
		}
	}
}
