package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/epp/client"
)

// askSite asks a site's name server for DNSSEC's part too, and returns the answer as it came, but for its id.
func askSite(ctx context.Context, address, name string, qtype uint16) (*dns.Msg, []byte, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.RecursionDesired = false
	q.SetEdns0(1232, true)
	wire, err := q.Pack()
	if err != nil {
		return nil, nil, err
	}
	c := dns.Client{Timeout: patience}
	conn, err := c.DialContext(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(wire); err != nil {
		return nil, nil, err
	}
	buffer := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(buffer)
	if err != nil {
		return nil, nil, err
	}
	m := new(dns.Msg)
	return m, buffer[2:n], m.Unpack(buffer[:n])
}

// serial is the serial of the zone that a site serves.
func serial(ctx context.Context, address, zone string) (uint32, error) {
	m, _, err := askSite(ctx, address, zone, dns.TypeSOA)
	if err != nil {
		return 0, err
	}
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, errors.New("no SOA")
}

// alike asks all sites the same questions while they are at one serial, and compares what comes octet by octet. It is an error if they
// weren't at one serial from beginning to end.
func alike(ctx context.Context, t *testing.T, c *cluster.Cluster, questions []dns.Question) (at uint32, err error) {
	sites := c.Endpoints().Sites
	serials := func() (first uint32, err error) {
		for i, s := range sites {
			n, err := serial(ctx, s.DNS, c.TLD())
			if err != nil {
				return 0, err
			}
			if i > 0 && n != first {
				return 0, fmt.Errorf("%s is at serial %d, %s at %d", sites[0].Name, first, s.Name, n)
			}
			first = n
		}
		return first, nil
	}
	before, err := serials()
	if err != nil {
		return 0, err
	}
	answers := make([][][]byte, len(sites))
	for i, s := range sites {
		for _, q := range questions {
			_, wire, err := askSite(ctx, s.DNS, q.Name, q.Qtype)
			if err != nil {
				return 0, err
			}
			answers[i] = append(answers[i], wire)
		}
	}
	after, err := serials()
	if err != nil {
		return 0, err
	}
	if before != after {
		return 0, fmt.Errorf("the serial went from %d to %d", before, after)
	}
	for i := 1; i < len(sites); i++ {
		for j, q := range questions {
			if !bytes.Equal(answers[i][j], answers[0][j]) {
				t.Errorf("at serial %d, %s %s: %s answers\n%s and %s\n%s", before, q.Name, dns.Type(q.Qtype),
					sites[0].Name, hex.Dump(answers[0][j]), sites[i].Name, hex.Dump(answers[i][j]))
			}
		}
	}
	return before, nil
}

// All sites answer with the same octets at a serial, signatures included, while registrars change the zone and the lead goes from site to
// site, 80 ms apart. The serial never goes back at a site, and goes up by one at a time.
func TestSitesAnswerAlike(t *testing.T) {
	t.Parallel()
	c := wide(t)
	s := login(t, c, c.Sites()[1], "reg1")
	furnish(t, s)
	var questions []dns.Question
	for _, q := range []string{
		"%s SOA", "%s NS", "%s DNSKEY", "%s NSEC3PARAM", "%s TXT", "nic.%s A", "ns1.nic.%s A", "no-such-name.%s A", "a.b.c.%s AAAA",
		"alike-0.%s A", "www.alike-0.%s A", "alike-0.%s DS", "alike-1.%s NS", "alike-2.%s A", "alike-5.%s DS",
	} {
		name, qtype, _ := strings.Cut(fmt.Sprintf(q, c.TLD()), " ")
		questions = append(questions, dns.Question{Name: name, Qtype: dns.StringToType[qtype]})
	}
	watch, stop := context.WithCancel(t.Context())
	defer stop()
	var watchers sync.WaitGroup
	for _, site := range c.Endpoints().Sites {
		watchers.Go(func() {
			last := uint32(0)
			for watch.Err() == nil {
				n, err := serial(watch, site.DNS, c.TLD())
				if err == nil && n < last {
					t.Errorf("%s went from serial %d back to %d", site.Name, last, n)
				}
				if err == nil {
					last = n
				}
			}
		})
	}
	seen := map[uint32]bool{}
	for round := range 6 {
		name := fmt.Sprintf("alike-%d.%s", round, c.TLD())
		create(t, s, name)
		if round%2 == 1 {
			_, err := s.UpdateDomain(t.Context(), client.DomainUpdate{Name: name, Remove: client.DomainParts{Hosts: nameservers[:1]}})
			do(t, err)
		}
		await(t, "all sites at one serial", func(ctx context.Context) error {
			at, err := alike(ctx, t, c, questions)
			if err == nil {
				seen[at] = true
			}
			return err
		})
		leads, _ := leader(t, c)
		client, err := c.Admin(leads)
		do(t, err, client.TransferLeadership(t.Context()))
	}
	stop()
	watchers.Wait()
	if len(seen) < 4 {
		t.Errorf("only the serials %v were compared", seen)
	}
}
