package epp

import (
	"context"
	"crypto/tls"
	"testing"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

func serverCertificate(t testing.TB) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p := testCredentials(t)
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &p.server, nil }
}

// instantRegistry answers every command at once: what is left is the front door's own cost.
type instantRegistry struct {
	*testRegistry
	result registry.Result
	id     registry.CommandID
}

func (r *instantRegistry) Execute(context.Context, Request) (registry.Result, registry.CommandID, error) {
	return r.result, r.id, nil
}

func (r *instantRegistry) View(_ context.Context, _ fsm.Level, _ uint64, fn func(fsm.View) error) error {
	return r.machine.View(fn)
}

func (r *instantRegistry) NextID() string { return "n1-1-1" }

func benchmarkAnswer(b *testing.B, doc string) {
	b.Helper()
	s := newBareSession(b, &instantRegistry{
		testRegistry: newRegistry(b), id: registry.CommandID{Node: "n1", Epoch: 1, Sequence: 1},
		result: registry.Result{Code: registry.Success, Reply: store.Encode(registry.DomainCreated{Name: "a.tld", Created: testNow, Expires: testNow.AddMonths(12)})},
	})
	b.ReportAllocs()
	for b.Loop() {
		answer, _, err := s.answer(b.Context(), []byte(doc))
		if err != nil || client.Code(answer) != 1000 {
			b.Fatalf("%s, %v", answer, err)
		}
		s.out = answer
	}
}

func BenchmarkDomainCheck(b *testing.B) {
	benchmarkAnswer(b, commandDoc(`<check><domain:check xmlns:domain="`+nsDomain+`"><domain:name>a.tld</domain:name></domain:check></check>`))
}

func BenchmarkDomainCreate(b *testing.B) {
	benchmarkAnswer(b, commandDoc(`<create><domain:create xmlns:domain="`+nsDomain+`"><domain:name>a.tld</domain:name><domain:period unit="y">1</domain:period>`+
		`<domain:ns><domain:hostObj>ns1.elsewhere.test</domain:hostObj><domain:hostObj>ns2.elsewhere.test</domain:hostObj></domain:ns><domain:registrant>jd1234</domain:registrant>`+
		`<domain:contact type="admin">jd1234</domain:contact><domain:contact type="tech">jd1234</domain:contact><domain:authInfo><domain:pw>2fooBAR</domain:pw></domain:authInfo>`+
		`</domain:create></create>`))
}

// BenchmarkRoundTrip is one connection over TLS on loopback.
func BenchmarkRoundTrip(b *testing.B) {
	s := newServer(b, func(c *Config) { c.Log = nil })
	c := s.login(b, "reg1")
	c.Trace = nil
	must(c.CreateDomain(soon(b), client.DomainCreate{Name: "a.tld"}))
	ctx := b.Context()
	b.Run("hello", func(b *testing.B) {
		for b.Loop() {
			must(c.Hello(ctx))
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			must(c.CheckDomains(ctx, "b.tld"))
		}
	})
	b.Run("info", func(b *testing.B) {
		for b.Loop() {
			must(c.InfoDomain(ctx, "a.tld", "", ""))
		}
	})
	b.Run("check, raw", func(b *testing.B) {
		doc := []byte(commandDoc(`<check><domain:check xmlns:domain="` + nsDomain + `"><domain:name>b.tld</domain:name></domain:check></check>`))
		for b.Loop() {
			if got := client.Code(must(c.Raw(ctx, doc))); got != 1000 {
				b.Fatal(got)
			}
		}
	})
}
