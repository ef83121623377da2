package dnsserve

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// inBatches answers messages as they are when many come at once.
func inBatches(s *Server, msgs [][]byte) (answers []string) {
	r, out := s.responder(new(counters)), make([]byte, maxMessage)
	r.ahead = new(ahead)
	for some := range slices.Chunk(msgs, batchSize) {
		r.lookAhead(func(i int) []byte { return some[i] }, len(some))
		for i, msg := range some {
			answers = append(answers, string(out[:s.answerRead(r, r.ahead.query(i), out, msg, peer{})]))
		}
		r.ahead.forget()
	}
	return answers
}

// TestLookAhead: what is found ahead of answers changes none of them: queries of all kinds, in no order, in zones signed in all
// ways, and in images that are damaged.
func TestLookAhead(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 3))
	queries := slices.Collect(maps.Values(corpusQuestions()))
	for _, name := range []string{"x.", "test.", "a.test.", "EXAMPLE.", "WWW.Foo.example.", "www.plain.example.", "www.self.example.", "deleg.co.example.", "www.deleg.co.example."} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeAXFR, dns.TypeIXFR} {
			for _, do := range []bool{false, true} {
				queries = append(queries, packed(t, withOPT(question(name, typ), 1232, func(o *dns.OPT) { o.SetDo(do) })))
			}
		}
	}
	for _, class := range []uint16{dns.ClassCHAOS, dns.ClassANY} {
		m := question("www.foo.example.", dns.TypeA)
		m.Question[0].Qclass = class
		queries = append(queries, packed(t, m))
	}
	whole := queries
	for range 200 { // what is no query, or hardly
		q := slices.Clone(whole[rnd.IntN(len(whole))])
		q[rnd.IntN(len(q))] ^= byte(1 << rnd.IntN(8))
		queries = append(queries, q[:rnd.IntN(len(q)+1)], q)
	}
	compare := func(what string, zones func() *Zones) (failed int) {
		t.Helper()
		rnd.Shuffle(len(queries), func(i, j int) { queries[i], queries[j] = queries[j], queries[i] })
		server := func() *Server {
			s := NewServer(Config{}, zones())
			s.log, s.config.UDPSize = s.zones.images.Log, defaultUDPSize
			return s
		}
		s := server()
		r, out := s.responder(new(counters)), make([]byte, maxMessage)
		for i, got := range inBatches(server(), queries) {
			if want := string(out[:s.answer(r, out, queries[i], peer{})]); got != want {
				t.Fatalf("%s: %x gets\n%s\nalone\n%s", what, queries[i], shown(got), shown(want))
			} else if isServFail(want) {
				failed++
			}
		}
		return failed
	}
	for _, signer := range []testSigner{{}, {nsec3: true}, {nsec3: true, optOut: true}, {nsec3: true, salt: "beef", rounds: 3}} {
		signer.origin = "example."
		zones := NewZones()
		if err := zones.Load("example.", 7, sequence(rrsets(t, signer.sign(t, uniform(t, exampleZone), nil)))); err != nil {
			t.Fatal(err)
		}
		load(t, zones, "test.", "test. 60 SOA a. b. 3 1 1 1 1\ntest. 60 NS a.")
		if err := zones.Withhold("withheld.test.", NotReady); err != nil {
			t.Fatal(err)
		}
		compare(fmt.Sprintf("%+v", signer), func() *Zones { return zones })
	}
	compare("unsigned", func() *Zones { return exampleZones(t) })
	image, _ := damageable(t)
	failed := 0
	for range 20 {
		broken := make([]byte, headSize+reserveStep)
		copy(broken, image)
		for range 2 {
			broken[headSize+tableSize+rnd.IntN(len(image)-headSize-tableSize)] ^= 1
		}
		failed += compare("damaged", func() *Zones {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "example.zone"), broken, 0o600); err != nil {
				t.Fatal(err)
			}
			return openFolder(t, folder, 1)
		})
	}
	if failed == 0 {
		t.Error("no damage was met")
	}
	t.Logf("%d answers met damage", failed)
}

// TestNoAllocationsAhead is TestNoAllocations for queries that come together.
func TestNoAllocationsAhead(t *testing.T) {
	s := everything(t)
	r, out := s.responder(new(counters)), make([]byte, defaultUDPSize)
	r.ahead = new(ahead)
	var msgs [][]byte
	for i := range handlerQueries {
		msgs = append(msgs, handlerQuery(t, i))
	}
	from := peer{addr: netip.MustParseAddr("192.0.2.1"), now: 1}
	if n := testing.AllocsPerRun(100, func() {
		r.lookAhead(func(i int) []byte { return msgs[i] }, len(msgs))
		for i, msg := range msgs {
			s.answerRead(r, r.ahead.query(i), out, msg, from)
		}
		r.ahead.forget()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
