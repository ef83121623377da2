package dnsserve

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// reference answers from a plain list of records, as slowly and as close to the text of RFC 1034 §4.3.2 and
// RFC 4592 as can be. It knows neither index nor ready answers.
type reference struct {
	origin string
	rrs    []dns.RR
	out    *dns.Msg
}

func (z *reference) at(name string, typ uint16) (rrs []dns.RR) {
	for _, rr := range z.rrs {
		if h := rr.Header(); h.Name == name && (typ == dns.TypeANY || h.Rrtype == typ) {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}

func (z *reference) exists(name string) bool {
	return slices.ContainsFunc(z.rrs, func(rr dns.RR) bool {
		return rr.Header().Name == name || strings.HasSuffix(rr.Header().Name, "."+name)
	})
}

// cut returns the topmost delegation at or above a name.
func (z *reference) cut(name string, typ uint16) string {
	labels := dns.SplitDomainName(name)
	for i := len(labels) - dns.CountLabel(z.origin) - 1; i >= 0; i-- {
		at := dns.Fqdn(strings.Join(labels[i:], "."))
		if len(z.at(at, dns.TypeNS)) > 0 && labels[i] != "*" && (at != name || typ != dns.TypeDS) {
			return at
		}
	}
	return ""
}

// source returns the owner whose records stand for a name, or nothing.
func (z *reference) source(name string) string {
	if z.exists(name) {
		return name
	}
	encloser := name
	for !z.exists(encloser) {
		_, encloser, _ = strings.Cut(encloser, ".")
	}
	if star := "*." + encloser; z.exists(star) {
		return star
	}
	return ""
}

func as(owner string, rrs []dns.RR) (out []dns.RR) {
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		out = append(out, rr)
	}
	return out
}

func (z *reference) glue(ns []dns.RR) {
	for _, rr := range ns {
		target := rr.(*dns.NS).Ns
		z.out.Extra = append(z.out.Extra, z.at(target, dns.TypeA)...)
		z.out.Extra = append(z.out.Extra, z.at(target, dns.TypeAAAA)...)
	}
}

func (z *reference) deny() {
	soa := dns.Copy(z.at(z.origin, dns.TypeSOA)[0]).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	z.out.Ns = append(z.out.Ns, soa)
}

func (z *reference) answer(name string, typ uint16) *dns.Msg {
	z.out = new(dns.Msg)
	if cut := z.cut(name, typ); cut != "" {
		z.out.Ns = z.at(cut, dns.TypeNS)
		z.glue(z.out.Ns)
		return z.out
	}
	z.out.Authoritative = true
	seen := map[string]bool{}
	for {
		source := z.source(name)
		if source == "" {
			z.out.Rcode = dns.RcodeNameError
			z.deny()
			return z.out
		}
		if seen[source] || len(seen) > maxChain {
			return z.out
		}
		seen[source] = true
		if rrs := z.at(source, typ); len(rrs) > 0 {
			z.out.Answer = append(z.out.Answer, as(name, rrs)...)
			if typ == dns.TypeNS && len(seen) == 1 {
				z.glue(rrs)
			}
			return z.out
		}
		alias := z.at(source, dns.TypeCNAME)
		if len(alias) == 0 {
			z.deny()
			return z.out
		}
		z.out.Answer = append(z.out.Answer, as(name, alias)...)
		name = alias[0].(*dns.CNAME).Target
		if !dns.IsSubDomain(z.origin, name) {
			return z.out
		}
		if cut := z.cut(name, typ); cut != "" {
			z.out.Ns = z.at(cut, dns.TypeNS)
			return z.out
		}
	}
}

// randomName makes a name at or below z. of few labels, so that names meet.
func randomName(rnd *rand.Rand) string {
	name := "z."
	for range rnd.IntN(4) {
		name = []string{"a", "b", "c", "*"}[rnd.IntN(4)] + "." + name
	}
	return name
}

// randomZone makes a zone of a few names with every kind of thing in it.
func randomZone(rnd *rand.Rand, serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "z. 300 SOA a.z. h.z. %d 1 1 1 %d\nz. 300 NS a.z.\n", serial, rnd.IntN(600))
	alias := map[string]bool{"z.": true}
	other := map[string]bool{"z.": true}
	for range rnd.IntN(12) {
		owner := randomName(rnd)
		kind := rnd.IntN(7)
		if kind == 0 && (other[owner] || alias[owner]) || kind > 0 && alias[owner] && owner != "z." {
			continue
		}
		switch kind {
		case 0:
			alias[owner] = true
			target := randomName(rnd)
			if rnd.IntN(5) == 0 {
				target = "out.side."
			}
			fmt.Fprintf(&b, "%s 60 CNAME %s\n", owner, target)
			continue
		case 1, 2:
			if owner != "z." {
				fmt.Fprintf(&b, "%s 60 NS %s\n", owner, randomName(rnd))
			}
		case 3:
			fmt.Fprintf(&b, "%s 70 DS %d 13 2 00\n", owner, rnd.IntN(100))
		case 4:
			fmt.Fprintf(&b, "%s 80 A 192.0.2.%d\n", owner, rnd.IntN(250))
		case 5:
			fmt.Fprintf(&b, "%s 90 AAAA 2001:db8::%d\n", owner, 1+rnd.IntN(250))
		case 6:
			fmt.Fprintf(&b, "%s 50 MX %d %s\n", owner, rnd.IntN(9), randomName(rnd))
		}
		other[owner] = true
	}
	return b.String()
}

// sorted shows an answer with the records of each section in one order, each once.
func sorted(m *dns.Msg) string {
	lines := strings.Split(strings.TrimSpace(dump(m)), "\n")
	slices.Sort(lines[1:])
	return strings.Join(slices.Compact(lines), "\n")
}

// uniform gives the records of each RRset one TTL and drops doubles, as a zone must have them.
func uniform(t testing.TB, text string) (rrs []dns.RR) {
	for _, rr := range records(t, text) {
		if !slices.ContainsFunc(rrs, func(o dns.RR) bool { return o.String() == rr.String() }) {
			rrs = append(rrs, rr)
		}
	}
	return rrs
}

// difference makes the changes that lead from one list of RRsets to another.
func difference(from, to []RRset) (changes []Change) {
	same := func(a RRset) func(RRset) bool {
		return func(b RRset) bool { return a.Owner == b.Owner && a.Type == b.Type && a.Covers == b.Covers }
	}
	for _, s := range from {
		if !slices.ContainsFunc(to, same(s)) {
			changes = append(changes, Change{Owner: s.Owner, Type: s.Type, Covers: s.Covers})
		}
	}
	for i, s := range to {
		if j := slices.IndexFunc(from, same(s)); j < 0 || fmt.Sprint(from[j]) != fmt.Sprint(s) {
			changes = append(changes, Change{Owner: s.Owner, Type: s.Type, Covers: s.Covers, Set: &to[i]})
		}
	}
	return changes
}

// TestAgainstReference asks random zones everything and compares. Each zone after the first comes by a
// publication of the difference to the one before; every tenth is also loaded whole elsewhere.
func TestAgainstReference(t *testing.T) {
	t.Parallel()
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS, dns.TypeMX, dns.TypeCNAME, dns.TypeSOA}
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var zones *Zones
		var before []RRset
		for serial := 1; serial <= 100; serial++ {
			text := randomZone(rnd, serial)
			rrs := uniform(t, text)
			sets := rrsets(t, rrs)
			if zones == nil || serial%10 == 0 {
				zones = NewZones()
				if err := zones.Load("z.", uint32(serial), sequence(sets)); err != nil {
					t.Fatal(err)
				}
			} else if err := zones.Publish("z.", uint32(serial-1), uint32(serial), difference(before, sets)); err != nil {
				t.Fatal(err)
			}
			before = sets
			r := &responder{zones: zones, udpSize: defaultUDPSize, stats: new(counters)}
			out := make([]byte, maxMessage)
			want := &reference{origin: "z.", rrs: rrs}
			for range 150 {
				name, typ := randomName(rnd), types[rnd.IntN(len(types))]
				for range rnd.IntN(3) {
					name = []string{"a", "x", "*"}[rnd.IntN(3)] + "." + name
				}
				var got dns.Msg
				if err := got.Unpack(out[:r.respond(out, packed(t, question(name, typ)), peer{tcp: true})]); err != nil {
					t.Fatalf("%s %d: %v", name, typ, err)
				}
				if got, want := sorted(&got), sorted(want.answer(name, typ)); got != want {
					t.Fatalf("seed %d serial %d\n%s\n%s %s\ngot:\n%s\nwant:\n%s", seed, serial, text, name, dns.TypeToString[typ], got, want)
				}
			}
		}
	}
}
