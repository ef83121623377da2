package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/dnsserve/secondary"
	"quorate/node/admin"
)

// follower is a secondary that runs for the length of a test.
type follower struct{ name, address string }

// follow starts a secondary of the cluster's TLD, with every site as a primary, and has the cluster know of it.
func follow(t *testing.T, c *cluster.Cluster, program secondary.Program, secret string) follower {
	t.Helper()
	zone := secondary.Zone{Name: c.TLD(), Key: "follow.", Secret: secret}
	for _, site := range c.Endpoints().Sites {
		zone.Primaries = append(zone.Primaries, netip.MustParseAddrPort(site.DNS))
	}
	s, err := program.Start(t.TempDir(), zone)
	do(t, err)
	t.Cleanup(func() {
		if said := s.Stop(); t.Failed() {
			t.Logf("%s says:\n%s", program.Name, said)
		}
	})
	f := follower{program.Name, s.Address.String()}
	a, err := c.Admin(c.Sites()[0])
	do(t, err)
	_, err = a.PutSecondary(t.Context(), admin.Secondary{Zone: c.TLD(), Name: f.name + ".test", Notify: []string{f.address}, Networks: []string{"127.0.0.0/8"}, Key: "follow"})
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
	for _, p := range secondary.Programs {
		tool(t, p.Executable, p.Package)
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
	for _, p := range secondary.Programs {
		followers = append(followers, follow(t, c, p, key.Secret))
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
