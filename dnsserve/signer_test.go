package dnsserve

import (
	"crypto"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// testSigner signs zones for tests, as RFC 4035 §2 and RFC 5155 §7.1 say, with another implementation's keys,
// signatures and hashes.
type testSigner struct {
	origin string
	nsec3  bool
	optOut bool
	salt   string // hexadecimal
	rounds uint16
}

const (
	signedFrom  = 1577836800 // 2020
	signedUntil = 1893456000 // 2030
)

var testKey = sync.OnceValues(func() (*dns.DNSKEY, crypto.Signer) {
	key := &dns.DNSKEY{Flags: 257, Protocol: 3, Algorithm: dns.ED25519}
	private, err := key.Generate(256)
	if err != nil {
		panic(err)
	}
	return key, private.(crypto.Signer)
})

func keyOf(origin string) *dns.DNSKEY {
	shared, _ := testKey()
	key := *shared
	key.Hdr = dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}
	return &key
}

// sign returns the zone with keys, signatures and denial. until says when the signatures of a set end.
func (s *testSigner) sign(t testing.TB, rrs []dns.RR, until func(owner string, typ uint16) uint32) (all []dns.RR) {
	t.Helper()
	all = append(slices.Clone(rrs), keyOf(s.origin))
	if s.nsec3 {
		all = append(all, &dns.NSEC3PARAM{
			Hdr:  dns.RR_Header{Name: s.origin, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET, Ttl: 0},
			Hash: 1, Iterations: s.rounds, SaltLength: uint8(len(s.salt) / 2), Salt: s.salt,
		})
	}
	types := map[string][]uint16{}
	for _, rr := range all {
		if h := rr.Header(); !slices.Contains(types[h.Name], h.Rrtype) {
			types[h.Name] = append(types[h.Name], h.Rrtype)
		}
	}
	isCut := func(name string) bool {
		return name != s.origin && !strings.HasPrefix(name, "*.") && slices.Contains(types[name], dns.TypeNS)
	}
	occluded := func(name string) bool {
		for _, up, ok := strings.Cut(name, "."); ok && name != s.origin && dns.IsSubDomain(s.origin, up); _, up, ok = strings.Cut(up, ".") {
			if isCut(up) {
				return true
			}
		}
		return false
	}
	bitmaps := map[string][]uint16{} // of the names in the chain
	var sigs []dns.RR
	for owner, present := range types {
		if occluded(owner) {
			continue
		}
		var bitmap []uint16
		signed := false
		for _, typ := range present {
			if isCut(owner) && typ != dns.TypeDS && typ != dns.TypeNS {
				continue
			}
			bitmap = append(bitmap, typ)
			if !isCut(owner) || typ == dns.TypeDS {
				sigs = append(sigs, s.signature(t, all, owner, typ, until))
				signed = true
			}
		}
		if !signed && s.optOut {
			continue
		}
		if signed || !s.nsec3 {
			bitmap = append(bitmap, dns.TypeRRSIG)
		}
		if !s.nsec3 {
			bitmap = append(bitmap, dns.TypeNSEC)
		}
		bitmaps[owner] = bitmap
	}
	var chain []dns.RR
	if s.nsec3 {
		for owner := range bitmaps {
			for up := owner; up != s.origin; {
				_, up, _ = strings.Cut(up, ".")
				if up == "" {
					up = "."
				}
				if bitmaps[up] == nil {
					bitmaps[up] = []uint16{}
				}
			}
		}
		chain = s.chain3(bitmaps)
	} else {
		chain = s.chain(bitmaps)
	}
	for _, rr := range chain {
		sigs = append(sigs, s.signature(t, chain, rr.Header().Name, rr.Header().Rrtype, until))
	}
	return append(append(all, chain...), sigs...)
}

// minimum is the TTL of NSEC and NSEC3 here; the server's answers don't depend on it being right.
const minimum = 7

func (s *testSigner) chain(bitmaps map[string][]uint16) (chain []dns.RR) {
	var names []string
	for name := range bitmaps {
		names = append(names, name)
	}
	slices.SortFunc(names, compareCanonical)
	for i, name := range names {
		slices.Sort(bitmaps[name])
		chain = append(chain, &dns.NSEC{
			Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: minimum},
			NextDomain: names[(i+1)%len(names)], TypeBitMap: bitmaps[name],
		})
	}
	return chain
}

func (s *testSigner) chain3(bitmaps map[string][]uint16) (chain []dns.RR) {
	byHash := map[string][]uint16{}
	var hashes []string
	for name, bitmap := range bitmaps {
		slices.Sort(bitmap)
		hash := strings.ToLower(dns.HashName(name, dns.SHA1, s.rounds, s.salt))
		byHash[hash] = bitmap
		hashes = append(hashes, hash)
	}
	slices.Sort(hashes)
	flags := uint8(0)
	if s.optOut {
		flags = 1
	}
	for i, hash := range hashes {
		chain = append(chain, &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: strings.TrimSuffix(hash+"."+s.origin, ".") + ".", Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: minimum},
			Hash: 1, Flags: flags, Iterations: s.rounds, SaltLength: uint8(len(s.salt) / 2), Salt: s.salt,
			HashLength: 20, NextDomain: strings.ToUpper(hashes[(i+1)%len(hashes)]), TypeBitMap: byHash[hash],
		})
	}
	return chain
}

func (s *testSigner) signature(t testing.TB, from []dns.RR, owner string, typ uint16, until func(string, uint16) uint32) dns.RR {
	var set []dns.RR
	for _, rr := range from {
		if h := rr.Header(); h.Name == owner && h.Rrtype == typ {
			set = append(set, rr)
		}
	}
	key, private := testKey()
	end := uint32(signedUntil)
	if until != nil {
		end = until(owner, typ)
	}
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Name: owner, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: set[0].Header().Ttl},
		Algorithm: key.Algorithm, KeyTag: keyOf(s.origin).KeyTag(), SignerName: s.origin, Inception: signedFrom, Expiration: end,
	}
	if err := sig.Sign(private, set); err != nil {
		t.Fatalf("sign %s %d: %v", owner, typ, err)
	}
	return sig
}

// compareCanonical orders names by RFC 4034 §6.1.
func compareCanonical(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

// validator judges an answer as a resolver does that has the zone's key: by RFC 4035 §5 and RFC 5155 §8.
type validator struct {
	origin string
	nsec   []*dns.NSEC
	nsec3  []*dns.NSEC3

	verified map[string]bool // signatures with what they cover, as text: answers have many in common
}

// verify checks a signature over a set as it was signed.
func (v *validator) verify(sig *dns.RRSIG, set []dns.RR) error {
	key := sig.String()
	for _, rr := range set {
		key += "\n" + rr.String()
	}
	if v.verified[key] {
		return nil
	}
	if err := sig.Verify(keyOf(v.origin), set); err != nil {
		return fmt.Errorf("%w:\n%v\n%v", err, sig, set)
	}
	if v.verified == nil {
		v.verified = make(map[string]bool)
	}
	v.verified[key] = true
	return nil
}

// validate returns why an answer to a question is not to be believed.
func (v *validator) validate(name string, typ uint16, m *dns.Msg) error {
	v.nsec, v.nsec3 = nil, nil
	for _, rr := range m.Ns {
		switch rr := rr.(type) {
		case *dns.NSEC:
			v.nsec = append(v.nsec, rr)
		case *dns.NSEC3:
			v.nsec3 = append(v.nsec3, rr)
		}
	}
	expanded, err := v.sections(m)
	if err != nil {
		return err
	}
	for owner, encloser := range expanded {
		if err := v.expansion(owner, encloser); err != nil {
			return fmt.Errorf("wildcard answer at %s: %w", owner, err)
		}
	}
	has := func(rrs []dns.RR, owner string, typ uint16) dns.RR {
		for _, rr := range rrs {
			if h := rr.Header(); (owner == "" || h.Name == owner) && h.Rrtype == typ {
				return rr
			}
		}
		return nil
	}
	if !m.Authoritative {
		ns := has(m.Ns, "", dns.TypeNS)
		if ns == nil || m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
			return fmt.Errorf("neither authoritative nor a referral")
		}
		cut := ns.Header().Name
		if has(m.Ns, cut, dns.TypeDS) == nil {
			return v.noData(cut, dns.TypeDS)
		}
		return nil
	}
	for range maxChain + 2 {
		if has(m.Answer, name, typ) != nil {
			return nil
		}
		alias, ok := has(m.Answer, name, dns.TypeCNAME).(*dns.CNAME)
		if !ok {
			break
		}
		name = alias.Target
	}
	switch {
	case m.Rcode == dns.RcodeNameError:
		return v.nameError(name)
	case has(m.Ns, "", dns.TypeSOA) != nil:
		return v.noData(name, typ)
	case len(m.Answer) == 0:
		return fmt.Errorf("no answer, no SOA")
	}
	return nil // the chain leads elsewhere
}

// sections verifies every signature, and finds RRsets without; it returns names made from a wildcard, with its parent.
func (v *validator) sections(m *dns.Msg) (expanded map[string]string, err error) {
	expanded = map[string]string{}
	for n, section := range [][]dns.RR{m.Answer, m.Ns} {
		type id struct {
			owner string
			typ   uint16
		}
		sets, sigs := map[id][]dns.RR{}, map[id]*dns.RRSIG{}
		for _, rr := range section {
			h := rr.Header()
			if sig, ok := rr.(*dns.RRSIG); ok {
				sigs[id{h.Name, sig.TypeCovered}] = sig
				continue
			}
			if i := (id{h.Name, h.Rrtype}); !slices.ContainsFunc(sets[i], func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
				sets[i] = append(sets[i], rr)
			} else {
				return nil, fmt.Errorf("twice: %v", rr)
			}
		}
		for i, set := range sets {
			sig := sigs[i]
			delete(sigs, i)
			if sig == nil {
				// A cut's NS: of a referral, or where an alias leads below a cut.
				if i.typ == dns.TypeNS && (!m.Authoritative || n == 1 && i.owner != v.origin) || i.typ == dns.TypeCNAME && slices.ContainsFunc(section, func(rr dns.RR) bool {
					return rr.Header().Rrtype == dns.TypeDNAME && dns.IsSubDomain(rr.Header().Name, i.owner)
				}) {
					continue
				}
				return nil, fmt.Errorf("no signature: %v", set)
			}
			if sig.Hdr.Ttl != set[0].Header().Ttl || sig.Hdr.Ttl > sig.OrigTtl {
				return nil, fmt.Errorf("TTL of\n%v\n%v", sig, set)
			}
			whole := slices.Clone(set)
			for n, rr := range whole { // the TTL that was signed
				whole[n] = dns.Copy(rr)
				whole[n].Header().Ttl = sig.OrigTtl
			}
			if err := v.verify(sig, whole); err != nil {
				return nil, err
			}
			labels := dns.SplitDomainName(i.owner)
			if extra := len(labels) - int(sig.Labels); extra > 0 && labels[0] != "*" {
				expanded[i.owner] = dns.Fqdn(strings.Join(labels[extra:], "."))
			}
		}
		for i := range sigs {
			return nil, fmt.Errorf("a signature of nothing: %v", i)
		}
	}
	return expanded, nil
}

// delegates says of a bitmap whether it is a cut's. NS at a wildcard delegates nothing here (RFC 4592 §4.2).
func delegates(owner string, bitmap []uint16) bool {
	return slices.Contains(bitmap, dns.TypeNS) && !slices.Contains(bitmap, dns.TypeSOA) && !strings.HasPrefix(owner, "*.")
}

func up(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return dns.Fqdn(rest)
}

func (v *validator) match3(name string) *dns.NSEC3 {
	for _, n := range v.nsec3 {
		if n.Match(name) {
			return n
		}
	}
	return nil
}

func (v *validator) cover3(name string) *dns.NSEC3 {
	for _, n := range v.nsec3 {
		if n.Cover(name) {
			return n
		}
	}
	return nil
}

// encloser finds the closest provable encloser, and what covers the next closer name (RFC 5155 §8.3).
func (v *validator) encloser(name string) (string, *dns.NSEC3, error) {
	for closer := name; closer != v.origin; closer = up(closer) {
		if ce := v.match3(up(closer)); ce != nil {
			if slices.Contains(ce.TypeBitMap, dns.TypeDNAME) || delegates(up(closer), ce.TypeBitMap) {
				return "", nil, fmt.Errorf("%s is below a cut or DNAME", name)
			}
			if cover := v.cover3(closer); cover != nil {
				return up(closer), cover, nil
			}
			return "", nil, fmt.Errorf("next closer name %s isn't covered", closer)
		}
	}
	return "", nil, fmt.Errorf("no closest encloser of %s", name)
}

func (v *validator) match(name string) *dns.NSEC {
	for _, n := range v.nsec {
		if n.Hdr.Name == name {
			return n
		}
	}
	return nil
}

func (v *validator) cover(name string) *dns.NSEC {
	for _, n := range v.nsec {
		below := dns.IsSubDomain(n.Hdr.Name, name) && delegates(n.Hdr.Name, n.TypeBitMap)
		if compareCanonical(n.Hdr.Name, name) < 0 && (compareCanonical(name, n.NextDomain) < 0 || n.NextDomain == v.origin) && !below {
			return n
		}
	}
	return nil
}

// common is the longest name that two have.
func common(a, b string) string {
	for !dns.IsSubDomain(a, b) {
		a = up(a)
	}
	return a
}

func (v *validator) nameError(name string) error {
	if len(v.nsec3) > 0 {
		ce, cover, err := v.encloser(name)
		if err == nil && v.cover3("*."+ce) == nil && cover.Flags&1 == 0 {
			err = fmt.Errorf("the wildcard below %s isn't denied", ce)
		}
		return err
	}
	n := v.cover(name)
	if n == nil {
		return fmt.Errorf("%s isn't covered", name)
	}
	if dns.IsSubDomain(name, n.NextDomain) {
		return fmt.Errorf("%s is an empty non-terminal", name)
	}
	ce, other := common(n.Hdr.Name, name), common(n.NextDomain, name)
	if dns.IsSubDomain(ce, other) {
		ce = other
	}
	if v.cover("*."+ce) == nil {
		return fmt.Errorf("the wildcard below %s isn't denied", ce)
	}
	return nil
}

// lacks checks that a bitmap denies a type (RFC 4035 §5.4, RFC 5155 §8.5, §8.6).
func lacks(bitmap []uint16, typ uint16, owner, name string) error {
	if slices.Contains(bitmap, typ) || slices.Contains(bitmap, dns.TypeCNAME) || delegates(owner, bitmap) && typ != dns.TypeDS {
		return fmt.Errorf("%s has types %v, which do not deny %d for %s", owner, bitmap, typ, name)
	}
	return nil
}

func (v *validator) noData(name string, typ uint16) error {
	if len(v.nsec3) > 0 {
		if n := v.match3(name); n != nil {
			return lacks(n.TypeBitMap, typ, name, name)
		}
		ce, cover, err := v.encloser(name)
		if err != nil {
			return err
		}
		star := "*." + ce
		if n := v.match3(star); n != nil {
			return lacks(n.TypeBitMap, typ, star, name)
		}
		if cover.Flags&1 == 0 {
			return fmt.Errorf("no NSEC3 for %s and no opt-out", name)
		}
		return nil
	}
	if n := v.match(name); n != nil {
		return lacks(n.TypeBitMap, typ, name, name)
	}
	n := v.cover(name)
	if n == nil {
		return fmt.Errorf("no NSEC is about %s", name)
	}
	if dns.IsSubDomain(name, n.NextDomain) {
		return nil // an empty non-terminal
	}
	ce, other := common(n.Hdr.Name, name), common(n.NextDomain, name)
	if dns.IsSubDomain(ce, other) {
		ce = other
	}
	star := "*." + ce
	if n := v.match(star); n != nil {
		return lacks(n.TypeBitMap, typ, star, name)
	}
	if n := v.cover(star); n != nil && dns.IsSubDomain(star, n.NextDomain) {
		return nil // the wildcard is an empty non-terminal
	}
	return fmt.Errorf("neither %s nor %s is there", name, star)
}

// expansion checks that the wildcard below the encloser is the nearest.
func (v *validator) expansion(owner, encloser string) error {
	if len(v.nsec3) == 0 {
		if v.cover(owner) == nil {
			return fmt.Errorf("isn't covered")
		}
		return nil
	}
	for up(owner) != encloser {
		owner = up(owner)
	}
	if v.cover3(owner) == nil {
		return fmt.Errorf("next closer name %s isn't covered", owner)
	}
	return nil
}
