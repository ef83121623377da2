package fsm_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// dsOf reads DS records of a scenario: TAG:ALGORITHM:DIGESTTYPE:DIGEST.
func dsOf(all []string) (records []registry.DSData) {
	for _, s := range all {
		f, raw := fieldsOf(s)
		records = append(records, registry.DSData{KeyTag: uint16(f[0]), Algorithm: uint8(f[1]), DigestType: uint8(f[2]), Digest: raw})
	}
	return records
}

// keysOf reads keys of a scenario: FLAGS:PROTOCOL:ALGORITHM:KEY.
func keysOf(all []string) (keys []registry.DNSKeyData) {
	for _, s := range all {
		f, raw := fieldsOf(s)
		keys = append(keys, registry.DNSKeyData{Flags: uint16(f[0]), Protocol: uint8(f[1]), Algorithm: uint8(f[2]), PublicKey: raw})
	}
	return keys
}

// fieldsOf are three numbers and octets in hex, with colons between them.
func fieldsOf(s string) (numbers [3]int, raw []byte) {
	parts := strings.Split(s, ":")
	if len(parts) != 4 {
		panic("not of the form N:N:N:HEX: " + s)
	}
	for i := range numbers {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			panic(err)
		}
		numbers[i] = n
	}
	raw, err := hex.DecodeString(parts[3])
	if err != nil {
		panic(err)
	}
	return numbers, raw
}

func seconds(w words, name string) *uint32 {
	if _, ok := w.named[name]; !ok {
		return nil
	}
	n := uint32(w.number(name))
	return &n
}

// tld opens another TLD, with a policy for DNSSEC.
func (s *scenario) tld(w words) string {
	t := defaultTLD(w.plain[1])
	t.MaxDS, t.MaxSigLife = uint8(w.number("max_ds")), uint32(w.number("max_sig_life"))
	if w.named["interface"] == "key" {
		t.DNSSEC = registry.KeyInterface
	}
	return s.result(s.rig.do(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: t, Unsigned: true}))
}

// ds shows what secures a delegation: DS records, made of keys or not, and the lifetime that is wished for.
func (s *scenario) ds(name string) (text string) {
	s.rig.view(func(v fsm.View) {
		d, ok := v.Domain(name)
		if !ok {
			text = "gone"
			return
		}
		all := []string{}
		for _, ds := range d.DSRecords() {
			all = append(all, fmt.Sprintf("%d:%d:%d", ds.KeyTag, ds.Algorithm, ds.DigestType))
		}
		if len(d.Keys) > 0 {
			all = append(all, fmt.Sprintf("keys=%d", len(d.Keys)))
		}
		if d.MaxSigLife > 0 {
			all = append(all, fmt.Sprintf("max_sig_life=%d", d.MaxSigLife))
		}
		if text = strings.Join(all, " "); text == "" {
			text = "unsigned"
		}
	})
	return text
}

// DS records are made of keys as RFC 4034 §5.4, RFC 6605 §6 and RFC 8080 §6 show.
func TestDSOfKeys(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		owner     string
		flags     uint16
		algorithm uint8
		key       string
		tag       uint16
		digest    string
		kind      uint8
	}{
		{"example.net", 257, 13, "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==", 55648,
			"b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", 2},
		{"example.net", 257, 14, "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40", 10771,
			"72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6", 4},
		{"example.com", 257, 15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", 3613, "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b", 2},
		{"example.com", 257, 16, "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA", 9713,
			"6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7", 2},
	} {
		public, err := base64.StdEncoding.DecodeString(row.key)
		if err != nil {
			t.Fatal(err)
		}
		ds, ok := registry.DNSKeyData{Flags: row.flags, Protocol: 3, Algorithm: row.algorithm, PublicKey: public}.DS(row.owner, row.kind)
		want := fmt.Sprintf("%d %d %d %s", row.tag, row.algorithm, row.kind, strings.ToUpper(row.digest))
		if !ok || ds.String() != want {
			t.Errorf("%s: %s; want %s", row.owner, ds, want)
		}
	}
}

// randomSecDNS is an update of a domain's DS records, often of such as are there.
func randomSecDNS(r *rig, rng *rand.Rand, actor registry.Actor, name string) registry.Command {
	var d registry.Domain
	r.view(func(v fsm.View) {
		var ok bool
		if d, ok = v.Domain(name); ok && rng.IntN(4) > 0 {
			actor = registrar(d.Sponsor)
		}
	})
	u := registry.DomainUpdate{Name: name, RemoveAllDS: rng.IntN(8) == 0}
	for range rng.IntN(4) {
		u.AddDS = append(u.AddDS, registry.DSData{KeyTag: uint16(rng.IntN(30)), Algorithm: 13, DigestType: 2, Digest: []byte{byte(rng.IntN(2))}})
	}
	if len(d.DS) > 0 && rng.IntN(2) == 0 {
		u.RemoveDS = []registry.DSData{d.DS[rng.IntN(len(d.DS))]}
	}
	if rng.IntN(4) == 0 {
		life := uint32(rng.IntN(3))
		u.MaxSigLife = &life
	}
	return r.command(actor, registry.KindDomainUpdate, u)
}

// checkSecDNS holds that DS records are sorted, each there once, and no more than allowed.
func checkSecDNS(t *testing.T, v fsm.View) {
	t.Helper()
	v.Domains("example", "", func(d registry.Domain) bool {
		if len(d.DS) > registry.DefaultDomainDS || len(d.Keys) > 0 {
			t.Fatalf("%s has %d DS records and %d keys", d.Name, len(d.DS), len(d.Keys))
		}
		for i, ds := range d.DS {
			if i > 0 && (d.DS[i-1].KeyTag > ds.KeyTag || d.DS[i-1].String() == ds.String()) {
				t.Fatalf("%s: %v after %v", d.Name, ds, d.DS[i-1])
			}
		}
		return true
	})
}
