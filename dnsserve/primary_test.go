package dnsserve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// primary is a zone with a journal: what a node makes of its state, in short.
type primary struct {
	t      testing.TB
	origin string
	zones  *Zones
	allow  func(client netip.Addr, key string) bool
	stuck  chan struct{} // a snapshot waits for it in the middle

	mu     sync.Mutex // guards what follows
	keys   map[string]Key
	serial uint32
	sets   map[string]RRset
	steps  []Step
	first  uint32 // the serial before steps[0]
}

func setKey(s *RRset) string { return fmt.Sprintf("%s %05d %05d", s.Owner, s.Type, s.Covers) }

func newPrimary(t testing.TB, origin, text string) *primary {
	t.Helper()
	p := &primary{t: t, origin: origin, zones: NewZones(), keys: map[string]Key{}, sets: map[string]RRset{},
		allow: func(netip.Addr, string) bool { return true }}
	for _, s := range rrsets(t, records(t, text)) {
		if s.Type == typeSOA {
			p.serial = soaSerial(s.RData[0])
		}
		p.sets[setKey(&s)] = s
	}
	p.first = p.serial
	if err := p.zones.Load(origin, p.serial, sequence(slices.Collect(maps.Values(p.sets)))); err != nil {
		t.Fatal(err)
	}
	return p
}

// addKey makes a TSIG key.
func (p *primary) addKey(name, algorithm string) Key {
	k := Key{Name: name, Algorithm: algorithm, Secret: bytes.Repeat([]byte(name), 4)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[name] = k
	return k
}

// publish changes RRsets, given as zone file text, each owner and type whole; "-" before the text removes them.
func (p *primary) publish(changes ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var step Step
	var served []Change
	put := func(s RRset, remove bool) {
		if was, ok := p.sets[setKey(&s)]; ok {
			step.Removed = append(step.Removed, was)
			delete(p.sets, setKey(&s))
		}
		c := Change{Owner: s.Owner, Type: s.Type, Covers: s.Covers}
		if !remove {
			step.Added = append(step.Added, s)
			p.sets[setKey(&s)] = s
			c.Set = &s
		}
		served = append(served, c)
	}
	for _, c := range changes {
		text, remove := strings.CutPrefix(c, "-")
		for _, s := range rrsets(p.t, records(p.t, text)) {
			put(s, remove)
		}
	}
	soa := p.soa()
	rd := bytes.Clone(soa.RData[0])
	at := len(rd) - soaFixed
	base := p.serial
	p.serial++
	copy(rd[at:], []byte{byte(p.serial >> 24), byte(p.serial >> 16), byte(p.serial >> 8), byte(p.serial)})
	soa.RData = [][]byte{rd}
	put(soa, false)
	p.steps = append(p.steps, step)
	if err := p.zones.Publish(p.origin, base, p.serial, served); err != nil {
		p.t.Fatal(err)
	}
}

// forget takes the oldest steps out of the journal.
func (p *primary) forget(steps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = p.steps[steps:]
	p.first += uint32(steps)
}

func (p *primary) soa() RRset { return p.sets[setKey(&RRset{Owner: p.origin, Type: typeSOA})] }

// lines are all records as text, in order.
func (p *primary) lines() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sets {
		for _, rd := range s.RData {
			all = append(all, recordText(p.t, &s, rd))
		}
	}
	slices.Sort(all)
	return all
}

func recordText(t testing.TB, s *RRset, rd []byte) string {
	t.Helper()
	rr, err := toRR(s, rd)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ToLower(rr.String())
}

func toRR(s *RRset, rd []byte) (dns.RR, error) {
	h := dns.RR_Header{Name: s.Owner, Rrtype: s.Type, Class: dns.ClassINET, Ttl: s.TTL, Rdlength: uint16(len(rd))}
	rr, _, err := dns.UnpackRRWithHeader(h, rd, 0)
	return rr, err
}

// Key implements Transfers.
func (p *primary) Key(name string) (Key, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.keys[name]
	return k, ok
}

// Allowed implements Transfers.
func (p *primary) Allowed(zone string, client netip.Addr, key string) bool {
	return zone == p.origin && p.allow(client, key)
}

// Snapshot implements Transfers.
func (p *primary) Snapshot(ctx context.Context, zone string) (RRset, iter.Seq2[RRset, error], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if zone != p.origin {
		return RRset{}, nil, errors.New("no such zone")
	}
	sets := slices.Collect(maps.Values(p.sets))
	return p.soa(), func(yield func(RRset, error) bool) {
		for i, s := range sets {
			if p.stuck != nil && i == len(sets)/2 {
				select {
				case <-p.stuck:
				case <-ctx.Done():
					yield(RRset{}, ctx.Err())
					return
				}
			}
			if !yield(s, nil) {
				return
			}
		}
	}, nil
}

// Journal implements Transfers.
func (p *primary) Journal(_ context.Context, _ string, from uint32) (RRset, iter.Seq2[Step, error], bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	after := from - p.first
	if after > uint32(len(p.steps)) {
		return p.soa(), nil, false, nil
	}
	steps := slices.Clone(p.steps[after:])
	return p.soa(), func(yield func(Step, error) bool) {
		for _, s := range steps {
			if !yield(s, nil) {
				return
			}
		}
	}, true, nil
}

// serve serves the zone with transfers.
func (p *primary) serve(cfg Config) (*Server, string) {
	p.t.Helper()
	cfg.Transfers = p
	return serve(p.t, cfg, p.zones)
}
