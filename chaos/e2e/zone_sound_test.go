package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/epp/client"
	"quorate/node/admin"
)

const (
	// judgedDelegations is how large a zone other software judges.
	judgedDelegations = 10_000
	// builders is how many sessions register them: as many as keep a site busy.
	builders = 24
)

var secured = client.DS{KeyTag: 12345, Algorithm: 13, DigestType: 2, Digest: strings.Repeat("5A", 32)}

// populate registers the zone's domains: two of five have DS records, one of twenty a name server of its own. Every eleventh wishes for
// short-lived signatures.
func populate(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	furnish(t, login(t, c, c.Sites()[0], "reg1"))
	var next atomic.Int64
	var work sync.WaitGroup
	failed := make(chan error, builders)
	for range builders {
		s := login(t, c, c.Sites()[0], "reg1")
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < judgedDelegations; i = int(next.Add(1)) - 1 {
				if err := populateOne(t.Context(), s, fmt.Sprintf("d%d.%s", i, c.TLD()), i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	work.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

func populateOne(ctx context.Context, s *client.Client, name string, i int) error {
	d := domain(name, 1)
	if i%5 < 2 {
		d.SecDNS.DS = []client.DS{secured}
		if i%11 == 0 {
			d.SecDNS.MaxSigLife = 86400
		}
	}
	_, err := s.CreateDomain(ctx, d)
	if err != nil || i%20 != 0 {
		return err
	}
	return ownServer(ctx, s, name)
}

// ownServer delegates a domain to a name server in it.
func ownServer(ctx context.Context, s *client.Client, name string) error {
	host := "ns1." + name
	if _, err := s.CreateHost(ctx, host, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")); err != nil {
		return err
	}
	_, err := s.UpdateDomain(ctx, client.DomainUpdate{Name: name, Add: client.DomainParts{Hosts: []string{host}}})
	return err
}

// unrest changes the zone in every way, again and again, until ctx ends; of removals there are fewer than the breaker minds.
func unrest(ctx context.Context, s *client.Client, tld string, who int) error {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("u%d-%d.%s", who, n, tld)
		old := fmt.Sprintf("d%d.%s", (n*builders+who)%judgedDelegations, tld)
		d := domain(name, 1)
		d.SecDNS.DS = []client.DS{secured}
		other := secured
		other.KeyTag = uint16(n)
		steps := []func() error{
			func() error { _, err := s.CreateDomain(ctx, d); return err },
			func() error { return ownServer(ctx, s, name) },
			func() error {
				_, err := s.UpdateDomain(ctx, client.DomainUpdate{Name: name, SecDNS: client.SecDNSUpdate{RemoveAll: true, Add: client.SecDNS{DS: []client.DS{other}}}})
				return err
			},
			func() error {
				_, err := s.UpdateDomain(ctx, client.DomainUpdate{Name: old, SecDNS: client.SecDNSUpdate{RemoveAll: true}})
				return err
			},
			func() error {
				_, err := s.UpdateDomain(ctx, client.DomainUpdate{Name: name, Remove: client.DomainParts{Hosts: nameservers}})
				return err
			},
		}
		if n < 100 {
			steps = append(steps, func() error {
				_, err := s.UpdateDomain(ctx, client.DomainUpdate{Name: name, Add: client.DomainParts{Statuses: []string{"clientHold"}}})
				return err
			})
		}
		for _, step := range steps {
			if err := step(); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
	}
	return nil
}

// transferred is the zone as a site transfers it whole.
func transferred(address, zone string) (serial uint32, records []dns.RR, err error) {
	m := new(dns.Msg)
	m.SetAxfr(dns.Fqdn(zone))
	envelopes, err := new(dns.Transfer).In(m, address)
	if err != nil {
		return 0, nil, err
	}
	for e := range envelopes {
		if e.Error != nil {
			return 0, nil, e.Error
		}
		records = append(records, e.RR...)
	}
	soa, ok := records[0].(*dns.SOA)
	if !ok {
		return 0, nil, errors.New("the transfer doesn't begin with the SOA")
	}
	return soa.Serial, records[:len(records)-1], nil
}

// Software that isn't ours finds the zone sound, transferred at several serials while registrars change it, and in every form of denial;
// each form is made in the background meanwhile. Resolvers validate its answers.
func TestAZoneIsSoundWhileItChanges(t *testing.T) {
	t.Parallel()
	verify, bind := tool(t, "ldns-verify-zone", "ldnsutils"), tool(t, "dnssec-verify", "bind9-utils")
	knot, check := tool(t, "kzonecheck", "knot-dnssecutils"), tool(t, "named-checkzone", "bind9-utils")
	delv := tool(t, "delv", "bind9-dnsutils")
	o := options(t)
	o.Heartbeat, o.Sites = relaxed, cluster.SiteNames(1) // what is in the zone is decided by one
	c, err := cluster.New(o)
	do(t, err)
	up(t, c)
	zone, address := c.TLD(), c.Endpoints().Sites[0].DNS
	a, err := c.Admin(c.Sites()[0])
	do(t, err)
	_, err = a.PutSecondary(t.Context(), admin.Secondary{Zone: zone, Name: "judges.test", Networks: []string{"127.0.0.0/8"}})
	do(t, err)
	populate(t, c)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var changing sync.WaitGroup
	for who := range 2 {
		s := login(t, c, c.Sites()[0], "reg1")
		changing.Go(func() {
			if err := unrest(ctx, s, zone, who); err != nil {
				t.Errorf("while the zone was to change: %v", err)
			}
		})
	}
	last := uint32(0)
	var records []dns.RR
	judge := func(form string) {
		t.Helper()
		await(t, "a later serial", func(context.Context) error {
			serial, all, err := transferred(address, zone)
			if err == nil && serial < last+10 {
				err = fmt.Errorf("serial %d after %d", serial, last)
			}
			if err == nil {
				last, records = serial, all
			}
			return err
		})
		var text strings.Builder
		delegations := 0
		for _, rr := range records {
			fmt.Fprintln(&text, rr)
			if rr.Header().Rrtype == dns.TypeNS {
				delegations++
			}
		}
		if delegations < judgedDelegations*2 {
			t.Errorf("serial %d has %d NS records", last, delegations)
		}
		file := filepath.Join(t.TempDir(), "zone")
		do(t, os.WriteFile(file, []byte(text.String()), 0o600))
		for _, command := range [][]string{
			{verify, "-V", "1", file}, {bind, "-q", "-z", "-o", zone, file},
			{knot, "-d", "on", "-o", zone, file}, {check, "-q", "-i", "local", "-k", "fail", zone, file},
		} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%s, at serial %d: %s: %v\n%s", form, last, strings.Join(command, " "), err, out[:min(len(out), 2000)])
			}
		}
		t.Logf("%s, serial %d: %d records", form, last, len(records))
	}
	judge("nsec3")
	judge("nsec3")
	lives(t, records)
	for _, form := range []string{"nsec3-opt-out", "nsec"} {
		_, err := a.SetZonePolicy(t.Context(), zone, admin.ZonePolicyChange{Form: &form})
		do(t, err)
		await(t, "the zone is "+form, func(ctx context.Context) error {
			z, err := a.Zone(ctx, zone)
			if err == nil && (z.Form != form || z.Building != nil) {
				err = fmt.Errorf("it is %s", z.Form)
			}
			return err
		})
		judge(form)
	}

	// A validating resolver that knows nothing but the zone's key. What unrest takes from has a number of 8n or 8n+1.
	ds, err := a.DelegationSigners(t.Context(), zone)
	do(t, err)
	fields := strings.Fields(ds.DS[0])
	anchors := filepath.Join(t.TempDir(), "anchors")
	do(t, os.WriteFile(anchors, fmt.Appendf(nil, "trust-anchors { %q static-ds %s %s %s \"%s\"; };\n", zone+".", fields[4], fields[5], fields[6], strings.Join(fields[7:], "")), 0o600))
	host, port, err := net.SplitHostPort(address)
	do(t, err)
	for question, want := range map[string]string{
		"d5006." + zone + " DS":       "; fully validated\nd5006." + zone,
		"d5003." + zone + " DS":       "; negative response, fully validated",
		zone + " SOA":                 "; fully validated\n" + zone,
		"no-such-name." + zone + " A": "; negative response, fully validated",
	} {
		name, qtype, _ := strings.Cut(question, " ")
		out, err := exec.Command(delv, "@"+host, "-p", port, "-a", anchors, "+root="+zone, name, qtype).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("delv %s: %v\n%s", question, err, out)
		}
	}
	stop()
	changing.Wait()
	z, err := a.Zone(t.Context(), zone)
	do(t, err)
	if z.Held != 0 || len(z.Troubles) != 0 {
		t.Errorf("%d names are held back, troubles: %v", z.Held, z.Troubles)
	}
}

// lives holds signatures over DS records against what their domains wish for (RFC 5910 §3.3): a day is less than can be, a day more than the
// time of renewal, 15 days; others last for 18 days and more.
func lives(t *testing.T, records []dns.RR) {
	t.Helper()
	const day = 24 * time.Hour
	short := 0
	for _, rr := range records {
		sig, ok := rr.(*dns.RRSIG)
		if !ok || sig.TypeCovered != dns.TypeDS || !strings.HasPrefix(sig.Hdr.Name, "d") {
			continue
		}
		var i int
		if _, err := fmt.Sscanf(sig.Hdr.Name, "d%d.", &i); err != nil {
			continue
		}
		left := time.Until(time.Unix(int64(sig.Expiration), 0))
		wish := i%11 == 0
		if wish {
			short++
		}
		if wish != (left < 16*day) || left < 15*day || left > 21*day {
			t.Errorf("the signature over the DS records of %s is good for %s; a short one was wished for: %v", sig.Hdr.Name, left, wish)
		}
	}
	if short < judgedDelegations/11*2/5-50 {
		t.Errorf("only %d domains wish for short-lived signatures", short)
	}
}
