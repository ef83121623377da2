package publisher

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// records are a zone's records, signatures and all, as another implementation reads them.
func records(t testing.TB, v fsm.View, zone string) (all []dns.RR) {
	t.Helper()
	unpack := func(owner string, kind uint16, ttl uint32, rdata []byte) dns.RR {
		wire := wireName(owner)
		wire = binary.BigEndian.AppendUint16(wire, kind)
		wire = binary.BigEndian.AppendUint16(wire, dns.ClassINET)
		wire = binary.BigEndian.AppendUint32(wire, ttl)
		wire = binary.BigEndian.AppendUint16(wire, uint16(len(rdata)))
		rr, _, err := dns.UnpackRR(append(wire, rdata...), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, unknown := rr.(*dns.RFC3597); unknown {
			t.Fatalf("type %d", kind)
		}
		return rr
	}
	v.ZoneRRsets(zone, func(s registry.RRset) bool {
		for i, d := range s.Data {
			if i > 0 && bytes.Compare(s.Data[i-1], d) >= 0 {
				t.Errorf("%s type %d is not in canonical order", s.Owner, s.Type)
			}
			all = append(all, unpack(s.Owner, s.Type, s.TTL, d))
		}
		for _, d := range s.Sigs {
			all = append(all, unpack(s.Owner, dns.TypeRRSIG, s.TTL, d))
		}
		return true
	})
	return all
}

// verified are the signatures that were found good before: what is so at one serial is so at the next.
var verified sync.Map

func verify(sig *dns.RRSIG, key *dns.DNSKEY, set []dns.RR) error {
	hash := sha256.New()
	for _, rr := range append([]dns.RR{sig, key}, set...) {
		wire := make([]byte, dns.Len(rr)+1)
		n, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			return err
		}
		hash.Write(wire[:n])
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	if _, known := verified.Load(sum); known {
		return nil
	}
	err := sig.Verify(key, set)
	if err == nil {
		verified.Store(sum, true)
	}
	return err
}

type setKey struct {
	owner string
	kind  uint16
}

// validate holds a zone against RFC 4035 and RFC 5155 with another implementation of DNSSEC: every RRset that
// has to is signed with every algorithm of the zone's keys (RFC 4035 §2.2) and verifies, no other is, and the chain holds exactly the
// names that it has to.
func validate(t testing.TB, v fsm.View, zone string, form registry.Form) {
	t.Helper()
	sets, sigs := map[setKey][]dns.RR{}, map[setKey][]*dns.RRSIG{}
	var keys []*dns.DNSKEY
	for _, rr := range records(t, v, zone) {
		h := rr.Header()
		switch r := rr.(type) {
		case *dns.RRSIG:
			key := setKey{h.Name, r.TypeCovered}
			sigs[key] = append(sigs[key], r)
			continue
		case *dns.DNSKEY:
			keys = append(keys, r)
		}
		sets[setKey{h.Name, h.Rrtype}] = append(sets[setKey{h.Name, h.Rrtype}], rr)
	}
	apex := zone + "."
	cuts := map[string]bool{}
	for key := range sets {
		cuts[key.owner] = cuts[key.owner] || key.kind == dns.TypeNS && key.owner != apex
	}
	glue := func(owner string) bool {
		for _, i := range dns.Split(owner)[1:] {
			if cuts[owner[i:]] {
				return true
			}
		}
		return false
	}
	now := time.UnixMilli(int64(v.Now()))
	types := map[string][]uint16{}
	for key, set := range sets {
		cut := cuts[key.owner]
		want := form.Signed && !glue(key.owner) && (!cut || key.kind == dns.TypeDS || key.kind == dns.TypeNSEC)
		if want != (len(sigs[key]) > 0) {
			t.Errorf("%s %s has %d signatures; one is wanted: %v", key.owner, dns.TypeToString[key.kind], len(sigs[key]), want)
		}
		if want {
			for _, k := range keys {
				if !slices.ContainsFunc(sigs[key], func(s *dns.RRSIG) bool {
					return s.Algorithm == k.Algorithm && slices.ContainsFunc(keys, func(k *dns.DNSKEY) bool { return k.KeyTag() == s.KeyTag })
				}) {
					t.Errorf("%s %s has no signature of algorithm %d", key.owner, dns.TypeToString[key.kind], k.Algorithm)
				}
			}
		}
		for _, sig := range sigs[key] {
			i := slices.IndexFunc(keys, func(k *dns.DNSKEY) bool { return k.KeyTag() == sig.KeyTag && k.Algorithm == sig.Algorithm })
			if i < 0 {
				if key.kind == dns.TypeDNSKEY || !slices.ContainsFunc(v.ZoneKeys(zone), func(k registry.ZoneKey) bool { return k.Tag == sig.KeyTag && k.Algorithm == sig.Algorithm }) {
					t.Errorf("%s %s is signed by key %d, which isn't there", key.owner, dns.TypeToString[key.kind], sig.KeyTag)
				}
				continue
			}
			if err := verify(sig, keys[i], set); err != nil || !sig.ValidityPeriod(now) {
				t.Errorf("%s %s: %v; it is good now: %v", key.owner, dns.TypeToString[key.kind], err, sig.ValidityPeriod(now))
			}
		}
		if !glue(key.owner) && key.kind != dns.TypeNSEC && key.kind != dns.TypeNSEC3 && (!cut || key.kind == dns.TypeNS || key.kind == dns.TypeDS) {
			types[key.owner] = append(types[key.owner], key.kind)
		}
	}
	if form.Signed {
		validateChain(t, sets, types, cuts, apex, form)
	}
}

func validateChain(t testing.TB, sets map[setKey][]dns.RR, types map[string][]uint16, cuts map[string]bool, apex string, form registry.Form) {
	t.Helper()
	want := map[string][]uint16{} // by owner of the denial record
	names := map[string]string{}  // hash owner → name
	at := func(name string) string {
		if form.NSEC {
			return name
		}
		hash := strings.ToLower(dns.HashName(name, dns.SHA1, 0, "")) + "." + apex
		names[hash] = name
		return hash
	}
	for name, has := range types {
		ds := slices.Contains(has, dns.TypeDS)
		insecure := cuts[name] && !ds
		if !(insecure && form.OptOut) {
			if !insecure || form.NSEC {
				has = append(has, dns.TypeRRSIG)
			}
			if form.NSEC {
				has = append(has, dns.TypeNSEC)
			}
			slices.Sort(has)
			want[at(name)] = has
		}
		for i, end := dns.NextLabel(name, 0); !form.NSEC && !end && dns.IsSubDomain(apex, name[i:]) && name[i:] != apex; i, end = dns.NextLabel(name, i) {
			if _, is := types[name[i:]]; !is {
				want[at(name[i:])] = nil // an empty non-terminal
			}
		}
	}
	next := map[string]string{}
	for key, set := range sets {
		var bitmap []uint16
		switch r := set[0].(type) {
		case *dns.NSEC:
			next[key.owner], bitmap = r.NextDomain, r.TypeBitMap
		case *dns.NSEC3:
			next[key.owner], bitmap = strings.ToLower(r.NextDomain)+"."+apex, r.TypeBitMap
			if r.Iterations != 0 || r.Salt != "" || (r.Flags == 1) != form.OptOut {
				t.Errorf("NSEC3 %s: iterations %d, salt %q, flags %d", key.owner, r.Iterations, r.Salt, r.Flags)
			}
		default:
			continue
		}
		has, is := want[key.owner]
		if !is {
			t.Errorf("%s (%s) is in the chain and shouldn't be", key.owner, names[key.owner])
		} else if !slices.Equal(has, bitmap) {
			t.Errorf("%s (%s) has types %v in the chain, want %v", key.owner, names[key.owner], bitmap, has)
		}
	}
	for owner := range want {
		if _, is := next[owner]; !is {
			t.Errorf("%s (%s) is missing in the chain", owner, names[owner])
		}
	}
	var order []string
	for owner := range next {
		order = append(order, owner)
	}
	slices.SortFunc(order, canonical)
	for i, owner := range order {
		if after := order[(i+1)%len(order)]; next[owner] != after {
			t.Errorf("after %s comes %s in the chain, not %s", owner, next[owner], after)
		}
	}
}

// canonical is the order of RFC 4034 §6.1.
func canonical(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

// zoneFile writes a zone as a master file.
func zoneFile(t testing.TB, v fsm.View, zone string) string {
	t.Helper()
	var b strings.Builder
	all := records(t, v, zone)
	slices.SortStableFunc(all, func(a, b dns.RR) int {
		return soaFirst(a) - soaFirst(b)
	})
	for _, rr := range all {
		fmt.Fprintln(&b, rr)
	}
	file := filepath.Join(t.TempDir(), zone+".zone")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func soaFirst(rr dns.RR) int {
	if rr.Header().Rrtype == dns.TypeSOA {
		return 0
	}
	return 1
}

// judges are programs that aren't ours and say whether a signed zone is sound.
func judges(zone, file string, at registry.Time) [][]string {
	when := time.UnixMilli(int64(at)).UTC().Format("20060102150405")
	return [][]string{
		{"ldns-verify-zone", "-V", "1", "-t", when, file},
		{"dnssec-verify", "-z", "-o", zone, file},
		{"named-checkzone", "-i", "local", "-k", "fail", zone, file},
		{"kzonecheck", "-d", "on", "-t", fmt.Sprint(int64(at / registry.Second)), "-o", zone, file},
	}
}

// rolling says whether a zone has several keys for its records. Release 3.2 of kzonecheck then finds signatures missing that are there: it
// wants others of them, also in a zone that BIND has signed. Other programs judge such zones.
func rolling(v fsm.View, zone string) bool {
	n := 0
	for _, k := range v.ZoneKeys(zone) {
		if k.InZone(v.Now()) && k.Roles&registry.SignsZone != 0 {
			n++
		}
		if k.InZone(v.Now()) && k.State(v.Now()) != registry.KeyActive {
			return true
		}
	}
	return n > 1
}

// judge has a zone judged by all the programs that there are.
func judge(t *testing.T, v fsm.View, zone string) {
	t.Helper()
	file := zoneFile(t, v, zone)
	for _, command := range judges(zone, file, v.Now()) {
		if _, err := exec.LookPath(command[0]); err != nil {
			if os.Getenv("CI") == "true" {
				t.Errorf("%s is not installed", command[0])
			}
			t.Logf("%s is not installed", command[0])
			continue
		}
		if command[0] == "kzonecheck" && rolling(v, zone) {
			continue
		}
		if first, _ := v.FirstExpiry(zone); command[0] == "dnssec-verify" && (v.Now() > registry.Time(time.Now().UnixMilli())+registry.Hour || first < registry.Time(time.Now().UnixMilli())) {
			continue // it goes by the clock, whatever time it is in the zone
		}
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out[:min(len(out), 3000)])
		}
	}
}
