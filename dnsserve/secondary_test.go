package dnsserve

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// secondaries are name servers that aren't ours, as secondaries of example.: the program, its configuration's
// file name and text, and its arguments. DIR, PORT, PRIMARY (a port of 127.0.0.1) and SECRET are filled in.
var secondaries = []struct{ name, program, config, args string }{
	{"knot", "knotd", `
server:
  rundir: "DIR"
  listen: 127.0.0.1@PORT
database:
  storage: "DIR"
control:
  listen: "DIR/knot.sock"
log:
  - target: stderr
    any: info
key:
  - id: key.example
    algorithm: hmac-sha256
    secret: SECRET
remote:
  - id: primary
    address: 127.0.0.1@PRIMARY
    key: key.example
acl:
  - id: notify
    address: 127.0.0.1
    key: key.example
    action: notify
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: example
    storage: "DIR"
    master: primary
    acl: [notify, transfer]
`, "-c DIR/config"},
	{"nsd", "nsd", `
server:
  ip-address: 127.0.0.1@PORT
  zonesdir: "DIR"
  username: ""
  chroot: ""
  pidfile: "DIR/nsd.pid"
  xfrdfile: "DIR/xfrd.state"
  zonelistfile: "DIR/zone.list"
  xfrdir: "DIR"
  database: ""
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "key.example."
  algorithm: hmac-sha256
  secret: "SECRET"
zone:
  name: "example"
  zonefile: "example.zone"
  request-xfr: 127.0.0.1@PRIMARY key.example.
  allow-notify: 127.0.0.1 key.example.
  provide-xfr: 127.0.0.1 NOKEY
`, "-d -c DIR/config"},
	{"bind", "named", `
options {
  directory "DIR"; pid-file "DIR/named.pid"; session-keyfile "DIR/session.key"; managed-keys-directory "DIR";
  listen-on port PORT { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; allow-transfer { 127.0.0.1; };
  transfer-source 127.0.0.1; serial-query-rate 1000; min-refresh-time 1;
};
controls { };
key "key.example." { algorithm hmac-sha256; secret "SECRET"; };
zone "example" {
  type secondary; file "example.zone";
  primaries { 127.0.0.1 port PRIMARY key "key.example."; };
  allow-notify { key "key.example."; };
};
`, "-g -n 1 -c DIR/config"},
}

// quietPort is a port of the loopback that is free on UDP and TCP, and that the system gives to nobody who asks
// for any: another program is to bind it.
func quietPort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20_000 + rand.IntN(12_000)
		at := fmt.Sprintf("127.0.0.1:%d", port)
		u, err := net.ListenPacket("udp", at)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", at)
		u.Close()
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}

// startSecondary runs a secondary until the test ends and returns its address.
func startSecondary(t testing.TB, i int, primary netip.AddrPort, key Key) string {
	t.Helper()
	s := secondaries[i]
	path := tool(t, s.program)
	dir := t.TempDir()
	port := quietPort(t)
	fill := strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(port), "PRIMARY", fmt.Sprint(primary.Port()), "SECRET", secretOf(key))
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(fill.Replace(s.config)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, strings.Fields(fill.Replace(s.args))...)
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // NSD has children
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(deadline):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("%s says:\n%s", s.name, out.String())
		}
	})
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serialAt is the serial that a server has; false when it has none yet.
func serialAt(addr, origin string) (uint32, bool) {
	c := dns.Client{Timeout: time.Second}
	in, _, err := c.Exchange(question(origin, dns.TypeSOA), addr)
	if err != nil || len(in.Answer) != 1 {
		return 0, false
	}
	s, ok := in.Answer[0].(*dns.SOA)
	if !ok {
		return 0, false
	}
	return s.Serial, true
}

// TestSecondaries: name servers that aren't ours follow a zone by AXFR, then by NOTIFY and IXFR, and, when the
// journal doesn't reach back, by AXFR again; and at each serial they hold what we hold.
func TestSecondaries(t *testing.T) {
	t.Parallel()
	for i, secondary := range secondaries {
		t.Run(secondary.name, func(t *testing.T) {
			t.Parallel()
			tool(t, secondary.program)
			p := newPrimary(t, "example.", exampleZone)
			key := p.addKey("key.example.", HMACSHA256)
			p.allow = func(_ netip.Addr, name string) bool { return name == key.Name }
			s, addr := p.serve(Config{CookieSecrets: secrets})
			at := startSecondary(t, i, netip.MustParseAddrPort(addr), key)
			notifier := NewNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)))
			defer notifier.Close()
			follows := func() {
				t.Helper()
				eventually(t, fmt.Sprintf("%s has serial %d", secondary.name, p.serial), func() bool {
					serial, ok := serialAt(at, p.origin)
					return ok && serial == p.serial
				})
				rrs, err := transfer(t, at, axfr(p.origin), nil)
				if err != nil {
					t.Fatal(err)
				}
				checkZone(t, p, rrs)
			}
			tell := func() {
				notifier.Notify(p.origin, p.soa(), []Target{{netip.MustParseAddrPort(at), &key}})
			}
			follows()
			for _, changes := range [][]string{
				{"new.example. 60 NS ns1.new.example.", "ns1.new.example. 60 A 192.0.2.77"},
				{"foo.example. 3600 NS ns1.foo.example.\nfoo.example. 3600 NS ns9.elsewhere.test.", "example. 60 TXT \"changed\""},
				{"-new.example. 60 NS ns1.new.example.", "-ns1.new.example. 60 A 192.0.2.77"},
				{},
			} {
				p.publish(changes...)
				tell()
				follows()
			}
			whole := s.transfers.counts[0][transferDone].Load()
			if n := s.transfers.counts[1][transferDone].Load(); n < 4 || whole > 1 {
				t.Errorf("followed by %d IXFR and %d AXFR, want 4 and 1", n, whole)
			}
			for i := range 20 { // several steps in one transfer
				p.publish(fmt.Sprintf("n%d.example. 60 NS ns.elsewhere.test.", i))
			}
			tell()
			follows()
			p.publish("later.example. 60 NS ns.elsewhere.test.")
			p.forget(len(p.steps))
			tell()
			follows()
			eventually(t, "all NOTIFY are acknowledged", func() bool {
				return notifier.counts[notifyAcknowledged].Load() >= 5 && notifier.counts[notifyRefused].Load() == 0
			})
		})
	}
}
