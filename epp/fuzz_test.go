package epp

import (
	"log/slog"
	"net"
	"testing"

	"quorate/epp/client"
	"quorate/epp/extension"
	"quorate/epp/secdns"
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// newBareSession is a session that is logged in and has no connection.
func newBareSession(t testing.TB, r Registry) *session {
	t.Helper()
	config := Config{ServerID: "epp.test.example", ClientCAs: testCredentials(t).ca.Pool(), Certificate: serverCertificate(t), Log: slog.New(slog.DiscardHandler)}
	s, err := NewServer(config, r)
	if err != nil {
		t.Fatal(err)
	}
	from, err := identify(testCredentials(t).clients["reg1"].Leaf, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &session{
		server: s, registry: r, log: s.log, registrar: "reg1", peer: from, extensions: map[string]*extension.Extension{secdns.URI: &secdns.Extension},
		objects: map[string]bool{nsDomain: true, nsHost: true, nsContact: true},
	}
}

// FuzzCommand holds against any frame: an answer comes, it is well-formed, its
// code is one of EPP's, and what goes to the log is what the registry accepts.
func FuzzCommand(f *testing.F) {
	const d = `xmlns:domain="` + nsDomain + `"`
	const auth = `<domain:authInfo><domain:pw roid="C1-QUORATE">x</domain:pw></domain:authInfo>`
	for _, seed := range []string{
		`<epp xmlns="` + nsEPP + `"><hello/></epp>`,
		loginDoc(),
		commandDoc(`<logout/>`),
		commandDoc(`<poll op="req"/>`),
		commandDoc(`<check><domain:check ` + d + `><domain:name>a.tld</domain:name><domain:name>B.tld</domain:name></domain:check></check>`),
		commandDoc(`<info><domain:info ` + d + `><domain:name hosts="sub">a.tld</domain:name>` + auth + `</domain:info></info>`),
		commandDoc(`<create><domain:create ` + d + `><domain:name>a.tld</domain:name><domain:period unit="y">2</domain:period><domain:ns><domain:hostObj>ns1.b.test</domain:hostObj></domain:ns>` +
			`<domain:registrant>jd1234</domain:registrant><domain:contact type="admin">sh8013</domain:contact>` + auth + `</domain:create></create>`),
		commandDoc(`<renew><domain:renew ` + d + `><domain:name>a.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate></domain:renew></renew>`),
		commandDoc(`<update><domain:update ` + d + `><domain:name>a.tld</domain:name><domain:add><domain:status s="clientHold"/></domain:add><domain:rem/><domain:chg><domain:registrant/>` +
			`<domain:authInfo><domain:null/></domain:authInfo></domain:chg></domain:update></update>`),
		commandDoc(`<delete><host:delete xmlns:host="` + nsHost + `"><host:name>ns1.a.tld</host:name></host:delete></delete>`),
		commandDoc(`<create><host:create xmlns:host="` + nsHost + `"><host:name>ns1.a.tld</host:name><host:addr ip="v6">2001:db8::1</host:addr></host:create></create>`),
		commandDoc(contactForm),
		commandDoc(`<update><contact:update xmlns:contact="` + nsContact + `"><contact:id>sh8013</contact:id><contact:add><contact:status s="clientDeleteProhibited"/></contact:add><contact:rem/>` +
			`<contact:chg><contact:postalInfo type="int"><contact:org/><contact:addr><contact:street>S</contact:street><contact:city>C</contact:city><contact:cc>DE</contact:cc></contact:addr></contact:postalInfo>` +
			`<contact:voice x="1">+1.5</contact:voice><contact:fax/><contact:email>a@b.test</contact:email><contact:authInfo><contact:pw>2fooBAR</contact:pw></contact:authInfo>` +
			`<contact:disclose flag="0"><contact:voice/></contact:disclose></contact:chg></contact:update></update>`),
		commandDoc(`<update><host:update xmlns:host="` + nsHost + `"><host:name>ns1.a.tld</host:name><host:add><host:addr ip="v4">192.0.2.2</host:addr><host:status s="clientUpdateProhibited"/></host:add>` +
			`<host:rem><host:addr ip="v6">2001:db8::1</host:addr></host:rem><host:chg><host:name>ns2.a.tld</host:name></host:chg></host:update></update>`),
		commandDoc(`<create><domain:create ` + d + `><domain:name>s.tld</domain:name>` + auth + `</domain:create></create><extension><create xmlns="` + secdns.URI + `"><dsData><keyTag>1</keyTag><alg>13</alg>` +
			`<digestType>2</digestType><digest>3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B</digest></dsData></create></extension>`),
		commandDoc(`<update><domain:update ` + d + `><domain:name>s.tld</domain:name></domain:update></update><extension><update xmlns="` + secdns.URI + `" urgent="1"><rem><all>1</all></rem><chg><maxSigLife>9</maxSigLife></chg></update></extension>`),
		commandDoc(`<check/><extension><hello/></extension>`),
		commandDoc(`<poll op="ack" msgID="1"/>`),
		commandDoc(`<transfer op="request"><domain:transfer ` + d + `><domain:name>a.tld</domain:name><domain:period unit="y">1</domain:period>` + auth + `</domain:transfer></transfer>`),
		commandDoc(`<transfer op="approve"><domain:transfer ` + d + `><domain:name>a.tld</domain:name></domain:transfer></transfer>`),
		commandDoc(`<transfer op="query"><domain:transfer ` + d + `/></transfer><extension><x:y xmlns:x="urn:x"/></extension>`),
	} {
		f.Add([]byte(seed))
	}
	r := newRegistry(f)
	if answer, _, err := newBareSession(f, r).answer(f.Context(), []byte(commandDoc(`<poll op="req"/>`))); err != nil || client.Code(answer) != 1300 {
		f.Fatalf("the session can do nothing: %v, %s", err, answer)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		s := newBareSession(t, r)
		answer, _, err := s.answer(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		if int(answer[2])<<8|int(answer[3]) != len(answer)&0xffff {
			t.Fatalf("header %x for %d octets", answer[:4], len(answer))
		}
		if _, err := xmltree.Parse(answer[4:]); err != nil {
			t.Fatalf("%v: %s", err, answer[4:])
		}
		code := registry.Code(client.Code(answer[4:]))
		if code != 0 && code.Text() == "" || code == registry.CommandFailed {
			t.Fatalf("code %d: %s", code, answer[4:])
		}
	})
}
