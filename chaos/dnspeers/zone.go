// Package dnspeers holds the name server against others that serve the same zone on the same machine: NSD and Knot DNS.
package dnspeers

import (
	"bufio"
	"crypto"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Origin is the zone that the servers are compared with.
const Origin = "example."

// Zone says what a generated zone is like: what PERFORMANCE-minded registries see. Each delegation has two name servers; of a hundred,
// 30 have them below themselves with addresses as glue, and 40 have a DS record.
type Zone struct {
	Names  int  // delegations
	Signed bool // NSEC3 without salt or further iterations, ECDSA P-256, one key
	Seed   uint64
}

// Name is the i-th delegation.
func Name(i int) string { return fmt.Sprintf("d%08x.%s", uint32(i)*2654435761, Origin) }

func (z Zone) hasGlue(i int) bool { return i%10 < 3 }
func (z Zone) hasDS(i int) bool   { return i%5 < 2 }

// delegation are the records of a delegation, owner by owner.
func (z Zone) delegation(i int, random *rand.Rand) (cut []dns.RR, glue [][]dns.RR) {
	name := Name(i)
	header := func(owner string, typ uint16) dns.RR_Header {
		return dns.RR_Header{Name: owner, Rrtype: typ, Class: dns.ClassINET, Ttl: 3600}
	}
	for n := 1; n <= 2; n++ {
		host := fmt.Sprintf("ns%d.hoster%d.test.", n, i%1000)
		if z.hasGlue(i) {
			host = fmt.Sprintf("ns%d.%s", n, name)
			glue = append(glue, []dns.RR{&dns.A{Hdr: header(host, dns.TypeA), A: []byte{192, 0, 2, byte(i)}}})
		}
		cut = append(cut, &dns.NS{Hdr: header(name, dns.TypeNS), Ns: host})
	}
	if z.hasDS(i) {
		var digest [32]byte
		for j := 0; j < len(digest); j += 8 {
			v := random.Uint64()
			for k := range 8 {
				digest[j+k] = byte(v >> (8 * k))
			}
		}
		cut = append(cut, &dns.DS{Hdr: header(name, dns.TypeDS), KeyTag: uint16(i), Algorithm: 13, DigestType: 2, Digest: hex.EncodeToString(digest[:])})
	}
	return cut, glue
}

// apex are the records of the zone itself.
func apex() []dns.RR {
	var all []dns.RR
	for _, line := range []string{
		"@ 3600 IN SOA ns1.nic hostmaster.nic 1 900 300 1209600 900",
		"@ 3600 IN NS ns1.nic", "@ 3600 IN NS ns2.nic",
	} {
		rr, err := dns.NewRR("$ORIGIN " + Origin + "\n" + line)
		if err != nil {
			panic(err) // these lines are ours
		}
		all = append(all, rr)
	}
	return all
}

// signer signs RRsets with the zone's one key.
type signer struct {
	key     *dns.DNSKEY
	private crypto.Signer
	from    uint32
	until   uint32
}

func newSigner() (*signer, error) {
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: Origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := key.Generate(256)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &signer{key, private.(crypto.Signer), uint32(now.Add(-time.Hour).Unix()), uint32(now.Add(30 * 24 * time.Hour).Unix())}, nil
}

func (s *signer) sign(set []dns.RR) (dns.RR, error) {
	sig := &dns.RRSIG{
		Hdr: dns.RR_Header{Ttl: set[0].Header().Ttl}, Algorithm: s.key.Algorithm, SignerName: Origin, KeyTag: s.key.KeyTag(),
		Inception: s.from, Expiration: s.until,
	}
	return sig, sig.Sign(s.private, set)
}

// Write writes the zone file.
func (z Zone) Write(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	var s *signer
	if z.Signed {
		if s, err = newSigner(); err != nil {
			return err
		}
	}
	var chain []denial
	// put writes the records of one owner. Those with signatures are data of the zone; for a cut that is DS alone.
	put := func(owner string, records []dns.RR, cut, glue bool) error {
		byType := map[uint16][]dns.RR{}
		var types []uint16
		for _, rr := range records {
			t := rr.Header().Rrtype
			if byType[t] == nil {
				types = append(types, t)
			}
			byType[t] = append(byType[t], rr)
		}
		for _, t := range slices.Clone(types) {
			for _, rr := range byType[t] {
				fmt.Fprintln(w, rr)
			}
			if s == nil || glue || cut && t != dns.TypeDS {
				continue
			}
			sig, err := s.sign(byType[t])
			if err != nil {
				return err
			}
			fmt.Fprintln(w, sig)
			if !slices.Contains(types, dns.TypeRRSIG) {
				types = append(types, dns.TypeRRSIG)
			}
		}
		if s != nil && !glue {
			slices.Sort(types)
			chain = append(chain, denial{hash(owner), types})
		}
		return nil
	}
	top := apex()
	if s != nil {
		top = append(top, s.key, &dns.NSEC3PARAM{Hdr: dns.RR_Header{Name: Origin, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET, Ttl: 0}, Hash: dns.SHA1})
	}
	if err := put(Origin, top, false, false); err != nil {
		return err
	}
	if s != nil {
		chain = append(chain, denial{hash("nic." + Origin), nil}) // an empty non-terminal
	}
	for n := 1; n <= 2; n++ {
		host := fmt.Sprintf("ns%d.nic.%s", n, Origin)
		a := &dns.A{Hdr: dns.RR_Header{Name: host, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600}, A: []byte{192, 0, 2, byte(n)}}
		if err := put(host, []dns.RR{a}, false, false); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(z.Seed, 1))
	for i := range z.Names {
		cut, glue := z.delegation(i, random)
		if err := put(Name(i), cut, true, false); err != nil {
			return err
		}
		for _, set := range glue {
			if err := put(set[0].Header().Name, set, false, true); err != nil {
				return err
			}
		}
	}
	if err := writeChain(w, s, chain); err != nil {
		return err
	}
	return w.Flush()
}

// denial is a name in the chain of NSEC3.
type denial struct {
	hash  [20]byte
	types []uint16
}

func hash(name string) [20]byte {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(name, wire, 0, nil, false)
	if err != nil {
		panic(err) // generated
	}
	return sha1.Sum(wire[:n])
}

func writeChain(w *bufio.Writer, s *signer, chain []denial) error {
	slices.SortFunc(chain, func(a, b denial) int { return slices.Compare(a.hash[:], b.hash[:]) })
	for i, d := range chain {
		next := chain[(i+1)%len(chain)].hash
		owner := strings.ToLower(base32.HexEncoding.EncodeToString(d.hash[:])) + "." + Origin
		rr := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 900},
			Hash: dns.SHA1, HashLength: 20, NextDomain: base32.HexEncoding.EncodeToString(next[:]), TypeBitMap: d.types,
		}
		sig, err := s.sign([]dns.RR{rr})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n%s\n", rr, sig)
	}
	return nil
}
