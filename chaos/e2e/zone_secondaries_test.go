package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/node/admin"
)

// strangers are name servers that aren't ours, as secondaries of the TLD with every site as a primary. In the text, DIR, PORT, ZONE and
// SECRET are filled in, and the line with PRIMARY, which NEXT breaks into several, stands once for each site.
var strangers = []struct{ name, program, pkg, config, args string }{
	{"knot", "knotd", "knot", `
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
  - id: follow
    algorithm: hmac-sha256
    secret: SECRET
remote:
  - id: siteNUMBER NEXT    address: 127.0.0.1@PRIMARY NEXT    key: follow
acl:
  - id: notify
    address: 127.0.0.1
    key: follow
    action: notify
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: ZONE
    storage: "DIR"
    master: [site1, site2, site3]
    acl: [notify, transfer]
`, "-c DIR/config"},
	{"nsd", "nsd", "nsd", `
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
  name: "follow."
  algorithm: hmac-sha256
  secret: "SECRET"
zone:
  name: "ZONE"
  zonefile: "followed.zone"
  request-xfr: 127.0.0.1@PRIMARY follow.
  allow-notify: 127.0.0.1 follow.
  provide-xfr: 127.0.0.1 NOKEY
`, "-d -c DIR/config"},
	{"bind", "named", "bind9", `
options {
  directory "DIR"; pid-file "DIR/named.pid"; session-keyfile "DIR/session.key"; managed-keys-directory "DIR";
  listen-on port PORT { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; allow-transfer { 127.0.0.1; };
  transfer-source 127.0.0.1; serial-query-rate 1000; min-refresh-time 1;
};
controls { };
key "follow." { algorithm hmac-sha256; secret "SECRET"; };
zone "ZONE" {
  type secondary; file "followed.zone";
  primaries {
    127.0.0.1 port PRIMARY key "follow.";
  };
  allow-notify { key "follow."; };
};
`, "-g -n 1 -c DIR/config"},
}

// follower is a secondary that runs for the length of a test.
type follower struct{ name, address string }

// follow starts a secondary of the cluster's TLD and has the cluster know of it.
func follow(t *testing.T, c *cluster.Cluster, number int, secret string) follower {
	t.Helper()
	s := strangers[number]
	program := tool(t, s.program, s.pkg)
	dir := t.TempDir()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	do(t, err)
	_, port, _ := net.SplitHostPort(l.LocalAddr().String())
	do(t, l.Close())
	var config strings.Builder
	for line := range strings.Lines(s.config) {
		if !strings.Contains(line, "PRIMARY") {
			config.WriteString(line)
			continue
		}
		for i, site := range c.Endpoints().Sites {
			_, primary, _ := net.SplitHostPort(site.DNS)
			config.WriteString(strings.NewReplacer("PRIMARY", primary, "NUMBER", fmt.Sprint(i+1), " NEXT", "\n").Replace(line))
		}
	}
	fill := strings.NewReplacer("DIR", dir, "PORT", port, "SECRET", secret, "ZONE", c.TLD())
	do(t, os.WriteFile(filepath.Join(dir, "config"), []byte(fill.Replace(config.String())), 0o600))
	logged, err := os.Create(filepath.Join(dir, "log"))
	do(t, err)
	cmd := exec.Command(program, strings.Fields(fill.Replace(s.args))...)
	cmd.Stdout, cmd.Stderr = logged, logged
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // NSD has children
	do(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if said, err := os.ReadFile(logged.Name()); t.Failed() && err == nil {
			t.Logf("%s says:\n%s", s.name, said[max(0, len(said)-6000):])
		}
	})
	f := follower{s.name, net.JoinHostPort("127.0.0.1", port)}
	a, err := c.Admin(c.Sites()[0])
	do(t, err)
	_, err = a.PutSecondary(t.Context(), admin.Secondary{Zone: c.TLD(), Name: s.name + ".test", Notify: []string{f.address}, Networks: []string{"127.0.0.0/8"}, Key: "follow"})
	do(t, err)
	return f
}

// whole is the zone that a server transfers to who asks without a key, in canonical text and sorted.
func (f follower) whole(zone string) ([]string, error) {
	m := new(dns.Msg)
	m.SetAxfr(dns.Fqdn(zone))
	envelopes, err := new(dns.Transfer).In(m, f.address)
	if err != nil {
		return nil, err
	}
	var records []dns.RR
	for e := range envelopes {
		if e.Error != nil {
			return nil, e.Error
		}
		records = append(records, e.RR...)
	}
	return recordLines(records), nil
}

// recordLines are records in canonical text, each once, sorted.
func recordLines(records []dns.RR) (all []string) {
	for _, rr := range records {
		all = append(all, strings.ToLower(strings.Join(strings.Fields(rr.String()), " ")))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Name servers that aren't ours follow the zone from whichever site lives, through the death of the leader under load, and end with the
// zone that all sites have.
func TestSecondariesFollowThroughAFailover(t *testing.T) {
	t.Parallel()
	for _, s := range strangers {
		tool(t, s.program, s.pkg)
	}
	c := start(t, 0)
	sites := c.Sites()
	a, err := c.Admin(sites[0])
	do(t, err)
	_, err = a.PutTSIGKey(t.Context(), "follow", admin.TSIGKey{Algorithm: "hmac-sha256"})
	do(t, err)
	key, err := a.TSIGKey(t.Context(), "follow")
	do(t, err)
	furnish(t, login(t, c, sites[0], "reg1"))
	var followers []follower
	for i := range strangers {
		followers = append(followers, follow(t, c, i, key.Secret))
	}
	_, j, stop := underLoad(t, c, seed(t))
	advance(t, j, 60)
	for range 2 {
		victim, _ := leader(t, c)
		do(t, c.Kill(victim))
		advance(t, j, 60)
		do(t, c.Start(victim), c.AwaitReady(t.Context(), sites...))
		advance(t, j, 30)
	}
	stop()
	agree(t, c)
	zone := filepath.Join(t.TempDir(), "zone")
	for _, f := range followers {
		await(t, f.name+" has the zone", func(ctx context.Context) error {
			records, err := exportZone(ctx, c, c.TLD(), zone)
			if err != nil {
				return err
			}
			theirs, err := f.whole(c.TLD())
			if err != nil {
				return err
			}
			if ours := recordLines(records); !slices.Equal(ours, theirs) {
				return fmt.Errorf("it has %d records, we have %d; the first that differ: %s", len(theirs), len(ours), firstDifference(ours, theirs))
			}
			return nil
		})
	}
	whole, steps := 0, 0
	for _, site := range sites {
		w, s := transfers(t, c, site)
		whole, steps = whole+w, steps+s
	}
	t.Logf("%d AXFR, %d IXFR, %v", whole, steps, j)
	if steps == 0 {
		t.Error("nobody followed by IXFR")
	}
}

func firstDifference(ours, theirs []string) string {
	for i := range max(len(ours), len(theirs)) {
		switch {
		case i >= len(ours):
			return "theirs: " + theirs[i]
		case i >= len(theirs):
			return "ours: " + ours[i]
		case ours[i] != theirs[i]:
			return "ours: " + ours[i] + ", theirs: " + theirs[i]
		}
	}
	return "none"
}

// transfers are the zone transfers that a site has made since it started.
func transfers(t *testing.T, c *cluster.Cluster, site string) (whole, steps int) {
	t.Helper()
	for line := range bytes.Lines(metricsOf(t, c, site)) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if !strings.HasPrefix(name, "quorate_dns_transfers_total{") || !strings.Contains(name, `result="done"`) {
			continue
		}
		var n int
		fmt.Sscan(value, &n)
		if strings.Contains(name, `type="ixfr"`) {
			steps += n
		} else {
			whole += n
		}
	}
	return whole, steps
}

// metricsOf are a site's metrics, as text.
func metricsOf(t *testing.T, c *cluster.Cluster, site string) []byte {
	t.Helper()
	for _, s := range c.Endpoints().Sites {
		if s.Name != site {
			continue
		}
		r, err := http.Get(s.Metrics)
		do(t, err)
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		do(t, err)
		return b
	}
	t.Fatalf("there is no %s", site)
	return nil
}

// exportZone writes a zone to a file, as quorate zone export does, and reads it.
func exportZone(ctx context.Context, c *cluster.Cluster, zone, path string) ([]dns.RR, error) {
	cmd := exec.CommandContext(ctx, binary, "zone", "export", zone, "--endpoints", c.EndpointsFile(), "--out", path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("quorate zone export: %w: %s", err, out)
	}
	return readZone(path)
}

func readZone(path string) (records []dns.RR, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := dns.NewZoneParser(f, ".", path)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		records = append(records, rr)
	}
	return records, p.Err()
}
