package registry

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// Record types (RFC 1035 §3.2.2, RFC 3596 §2.1).
const (
	TypeA    uint16 = 1
	TypeNS   uint16 = 2
	TypeSOA  uint16 = 6
	TypeAAAA uint16 = 28
)

// delegated says whether a domain is in its zone: it has name servers and
// neither a hold nor its end before it (RFC 5731 §2.3).
func (v *View) delegated(d *Domain) bool {
	return len(d.Hosts)+len(d.Attributes) > 0 && !d.Statuses.Has(AnyHold|PendingDelete)
}

// content is what a zone should have at a name: the apex, a delegation, glue,
// or more than one of these, or nothing. The SOA, which every publication renews, is apart.
func (v *View) content(tld *TLD, owner string) (sets []RRset) {
	if owner == tld.Name {
		var names []string
		for _, ns := range tld.Nameservers {
			names = append(names, ns.Name)
		}
		return []RRset{nsSet(owner, tld.TTL.Apex, names)}
	}
	if d, ok := v.Domain(owner); ok && v.delegated(&d) && v.zoneOf(d.TLD) == tld.Name {
		sets = append(sets, nsSet(owner, tld.TTL.Delegation, v.HostNames(d)))
		if ds := dsSet(&d); len(ds) > 0 {
			sets = append(sets, RRset{Owner: owner, Type: TypeDS, TTL: tld.TTL.Delegation, Data: ds})
		}
	}
	return append(sets, addressSets(owner, tld.TTL.Glue, v.glue(tld, owner))...)
}

// glue are the addresses that a zone should have at owner: those of the
// apex's own name servers, and those of hosts that a delegation in this zone refers to (narrow glue).
func (v *View) glue(tld *TLD, owner string) [][]byte {
	for _, ns := range tld.Nameservers {
		if ns.Name == owner {
			return ns.Addresses
		}
	}
	if addresses := v.attributeGlue(tld.Name, owner); len(addresses) > 0 {
		return addresses
	}
	if s, leaving := v.leaving(owner); leaving {
		return s.Addresses
	}
	h, ok := v.Host(owner)
	if !ok {
		return nil
	}
	wanted := false
	hostLinks.Scan(v.r, numberKey(h.Number), nil, func(_ []byte, name string) bool {
		d, ok := v.Domain(name)
		wanted = ok && v.delegated(&d) && v.zoneOf(d.TLD) == tld.Name
		return !wanted
	})
	if !wanted {
		return nil
	}
	return h.Addresses
}

func nsSet(owner string, ttl uint32, names []string) RRset {
	s := RRset{Owner: owner, Type: TypeNS, TTL: ttl}
	for _, n := range names {
		s.Data = append(s.Data, wireName(n))
	}
	slices.SortFunc(s.Data, bytes.Compare)
	return s
}

func addressSets(owner string, ttl uint32, addresses [][]byte) (sets []RRset) {
	for _, t := range []struct {
		kind uint16
		size int
	}{{TypeA, 4}, {TypeAAAA, 16}} {
		s := RRset{Owner: owner, Type: t.kind, TTL: ttl}
		for _, a := range addresses {
			if len(a) == t.size {
				s.Data = append(s.Data, a)
			}
		}
		if len(s.Data) > 0 {
			slices.SortFunc(s.Data, bytes.Compare)
			sets = append(sets, s)
		}
	}
	return sets
}

// soa is the SOA record at a serial (RFC 1035 §3.3.13).
func (t *TLD) soa(serial uint32) RRset {
	b := append(wireName(t.SOA.MName), wireName(t.SOA.RName)...)
	for _, n := range []uint32{serial, t.SOA.Refresh, t.SOA.Retry, t.SOA.Expire, t.SOA.Minimum} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return RRset{Owner: t.Name, Type: TypeSOA, TTL: t.TTL.Apex, Data: [][]byte{b}}
}

// wireName is a valid name in wire form (RFC 1035 §3.1).
func wireName(name string) []byte {
	b := make([]byte, 0, len(name)+2)
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
