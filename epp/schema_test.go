package epp

import (
	"strings"
	"testing"
)

// What is not valid by the schemas of RFC 5730 to 5733 is refused with 2001, and
// what RFC 5730 §3 has a code for with that; what stock clients do is accepted.
func TestFrames(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	const d = `xmlns:domain="` + nsDomain + `"`
	check := func(inner string) string {
		return `<check><domain:check ` + d + `>` + inner + `</domain:check></check>`
	}
	const name = `<domain:name>a.tld</domain:name>`
	epp := func(inner string) string { return `<epp xmlns="` + nsEPP + `">` + inner + `</epp>` }
	create := func(inner string) string {
		return commandDoc(`<create><domain:create ` + d + `>` + inner + `</domain:create></create>`)
	}
	update := func(inner string) string {
		return commandDoc(`<update><domain:update ` + d + `><domain:name>none.tld</domain:name>` + inner + `</domain:update></update>`)
	}
	const auth = `<domain:authInfo><domain:pw/></domain:authInfo>`
	for _, row := range []struct {
		what string
		doc  string
		want int
	}{
		// Accepted.
		{"plain", commandDoc(check(name)), 1000},
		{"EPP with a prefix", `<e:epp xmlns:e="` + nsEPP + `" ` + d + `><e:command><e:check><domain:check>` + name + `</domain:check></e:check><e:clTRID>ABC-12345</e:clTRID></e:command></e:epp>`, 1000},
		{"all namespaces on epp", `<epp xmlns="` + nsEPP + `" ` + d + ` xmlns:host="` + nsHost + `" xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><command>` + check(name) + `</command></epp>`, 1000},
		{"schema locations", `<epp xmlns="` + nsEPP + `" xmlns:xsi="` + nsXSI + `" xsi:schemaLocation="a b"><command><check><domain:check ` + d + ` xsi:schemaLocation="c d">` + name + `</domain:check></check></command></epp>`, 1000},
		{"comments, CDATA, space", commandDoc("<!-- x -->" + check("<domain:name>\n <![CDATA[a]]>.tld<!-- y -->\t</domain:name>\r\n")), 1000},
		{"declaration and CRLF", `<?xml version="1.0" encoding="utf-8" standalone="yes"?>` + "\r\n" + commandDoc(check(name)) + "\r\n", 1000},
		{"no clTRID", epp(`<command>` + check(name) + `</command>`), 1000},
		{"empty clTRID", epp(`<command>` + check(name) + `<clTRID></clTRID></command>`), 1000},
		{"longest clTRID", epp(`<command>` + check(name) + `<clTRID>` + strings.Repeat("x", 64) + `</clTRID></command>`), 1000},

		// No XML, or none that EPP has a use for.
		{"no XML", "hello", 2001},
		{"doctype", `<!DOCTYPE epp>` + commandDoc(check(name)), 2001},
		{"entities", `<!DOCTYPE epp [<!ENTITY a "a">]>` + commandDoc(check(`<domain:name>&a;.tld</domain:name>`)), 2001},
		{"processing instruction", commandDoc(`<?php ?>` + check(name)), 2001},
		{"two declarations", `<?xml version="1.0"?><?xml version="1.0"?>` + commandDoc(check(name)), 2001},
		{"xml bound anew", `<epp xmlns="` + nsEPP + `" xmlns:xml="urn:x"><hello/></epp>`, 2001},
		{"unbound prefix", commandDoc(`<check><domain:check>` + name + `</domain:check></check>`), 2001},

		// The envelope.
		{"another root", `<EPP xmlns="` + nsEPP + `"><hello/></EPP>`, 2001},
		{"another namespace", `<epp xmlns="urn:ietf:params:xml:ns:epp-2.0"><hello/></epp>`, 2001},
		{"no namespace", `<epp><hello/></epp>`, 2001},
		{"attribute on epp", `<epp xmlns="` + nsEPP + `" x="y"><hello/></epp>`, 2001},
		{"empty epp", epp(``), 2001},
		{"hello and hello", epp(`<hello/><hello/>`), 2001},
		{"hello with content", epp(`<hello>x</hello>`), 2001},
		{"a greeting", epp(`<greeting/>`), 2001},
		{"a response", epp(`<response/>`), 2001},
		{"protocol extension", epp(`<extension><x:y xmlns:x="urn:x"/></extension>`), 2103},
		{"empty command", epp(`<command/>`), 2001},
		{"only clTRID", epp(`<command><clTRID>ABC-12345</clTRID></command>`), 2000},
		{"text in command", epp(`<command>x` + check(name) + `</command>`), 2001},
		{"two verbs", epp(`<command>` + check(name) + check(name) + `</command>`), 2001},
		{"clTRID first", epp(`<command><clTRID>ABC-12345</clTRID>` + check(name) + `</command>`), 2001},
		{"clTRID twice", epp(`<command>` + check(name) + `<clTRID>ABC-1</clTRID><clTRID>ABC-2</clTRID></command>`), 2001},
		{"short clTRID", epp(`<command>` + check(name) + `<clTRID>ab</clTRID></command>`), 2001},
		{"long clTRID", epp(`<command>` + check(name) + `<clTRID>` + strings.Repeat("x", 65) + `</clTRID></command>`), 2001},
		{"element in clTRID", epp(`<command>` + check(name) + `<clTRID><b/></clTRID></command>`), 2001},
		{"unknown verb", commandDoc(`<frob/>`), 2000},
		{"verb of another namespace", commandDoc(`<x:check xmlns:x="urn:x"/>`), 2000},
		{"verb with an attribute", commandDoc(strings.Replace(check(name), "<check>", `<check x="y">`, 1)), 2001},
		{"verb without an object", commandDoc(`<check/>`), 2001},
		{"verb with two objects", commandDoc(`<check><domain:check ` + d + `>` + name + `</domain:check><domain:check ` + d + `>` + name + `</domain:check></check>`), 2001},
		{"verb with an object of EPP", commandDoc(`<check><check/></check>`), 2001},
		{"another verb inside", commandDoc(`<check><domain:info ` + d + `>` + name + `</domain:info></check>`), 2001},
		{"empty extension", commandDoc(check(name) + `<extension/>`), 2001},
		{"extension", commandDoc(check(name) + `<extension><x:y xmlns:x="urn:x">z</x:y></extension>`), 2103},
		{"extension of EPP", commandDoc(check(name) + `<extension><y/></extension>`), 2001},
		{"extension before the verb", commandDoc(`<extension><x:y xmlns:x="urn:x"/></extension>` + check(name)), 2001},

		// What comes later.
		{"transfer without op", commandDoc(`<transfer><domain:transfer ` + d + `>` + name + `</domain:transfer></transfer>`), 2001},
		{"transfer with another op", commandDoc(`<transfer op="steal"><domain:transfer ` + d + `>` + name + `</domain:transfer></transfer>`), 2001},
		{"a host:update of nothing", commandDoc(`<update><host:update xmlns:host="` + nsHost + `"><host:name>a.tld</host:name></host:update></update>`), 2003},
		{"host:renew, which RFC 5732 does not know", commandDoc(`<renew><host:renew xmlns:host="` + nsHost + `"/></renew>`), 2101},
		{"a contact:update of nothing", commandDoc(`<update><contact:update xmlns:contact="` + nsContact + `"><contact:id>sh8013</contact:id></contact:update></update>`), 2003},
		{"an object service of others", commandDoc(`<check><org:check xmlns:org="urn:ietf:params:xml:ns:epp:org-1.0"/></check>`), 2307},

		{"poll", commandDoc(`<poll op="req"/>`), 1300},
		{"poll without op", commandDoc(`<poll/>`), 2001},
		{"poll with another op", commandDoc(`<poll op="all"/>`), 2001},
		{"poll with content", commandDoc(`<poll op="req"><x/></poll>`), 2001},
		{"poll with text", commandDoc(`<poll op="req">x</poll>`), 2001},
		{"poll with another attribute", commandDoc(`<poll op="req" id="1"/>`), 2001},
		{"poll with an extension", commandDoc(`<poll op="req"/><extension><x:y xmlns:x="urn:x"/></extension>`), 2103},
		{"ack of nothing", commandDoc(`<poll op="ack"/>`), 2003},
		{"ack with an empty id", commandDoc(`<poll op="ack" msgID=" "/>`), 2001},
		{"ack of no message", commandDoc(`<poll op="ack" msgID="12345"/>`), 2303},
		{"ack of no number", commandDoc(`<poll op="ack" msgID="5-2011"/>`), 2303},

		{"domain:transfer of nothing", commandDoc(`<transfer op="query"><domain:transfer ` + d + `>` + name + `</domain:transfer></transfer>`), 2303},
		{"a request without authInfo", commandDoc(`<transfer op="request"><domain:transfer ` + d + `>` + name + `</domain:transfer></transfer>`), 2003},
		{"transfer without a name", commandDoc(`<transfer op="query"><domain:transfer ` + d + `/></transfer>`), 2001},
		{"transfer with authInfo before the period", commandDoc(`<transfer op="request"><domain:transfer ` + d + `>` + name + auth + `<domain:period unit="y">1</domain:period></domain:transfer></transfer>`), 2001},
		{"transfer with another authInfo", commandDoc(`<transfer op="approve"><domain:transfer ` + d + `>` + name + `<domain:authInfo><domain:ext><x xmlns="urn:x"/></domain:ext></domain:authInfo></domain:transfer></transfer>`), 2102},
		{"transfer of a bad name", commandDoc(`<transfer op="cancel"><domain:transfer ` + d + `><domain:name>-.tld</domain:name></domain:transfer></transfer>`), 2005},
		{"transfer with long authInfo", commandDoc(`<transfer op="reject"><domain:transfer ` + d + `>` + name + `<domain:authInfo><domain:pw>` + strings.Repeat("x", MaxAuthInfo+1) + `</domain:pw></domain:authInfo></domain:transfer></transfer>`), 2306},
		{"host:transfer, which RFC 5732 does not know", commandDoc(`<transfer op="query"><host:transfer xmlns:host="` + nsHost + `"/></transfer>`), 2101},

		// Objects.
		{"empty check", commandDoc(check(``)), 2001},
		{"text in check", commandDoc(check(`x` + name)), 2001},
		{"unknown element in check", commandDoc(check(name + `<domain:id>x</domain:id>`)), 2001},
		{"element of another namespace", commandDoc(check(`<name>a.tld</name>`)), 2001},
		{"element without namespace", commandDoc(check(`<name xmlns="">a.tld</name>`)), 2001},
		{"attribute on name", commandDoc(check(`<domain:name hosts="all">a.tld</domain:name>`)), 2001},
		{"empty name", commandDoc(check(`<domain:name> </domain:name>`)), 2001},
		{"long name", commandDoc(check(`<domain:name>` + strings.Repeat("x", 256) + `</domain:name>`)), 2001},
		{"element in name", commandDoc(check(`<domain:name><b xmlns=""/></domain:name>`)), 2001},
		{"attribute on check", commandDoc(strings.Replace(check(name), `<domain:check`, `<domain:check x="y"`, 1)), 2001},
		{"info of two", commandDoc(`<info><domain:info ` + d + `>` + name + name + `</domain:info></info>`), 2001},
		{"info with odd hosts", commandDoc(`<info><domain:info ` + d + `><domain:name hosts="some">a.tld</domain:name></domain:info></info>`), 2001},

		{"period without unit", create(name + `<domain:period>1</domain:period>` + auth), 2001},
		{"period in weeks", create(name + `<domain:period unit="w">1</domain:period>` + auth), 2001},
		{"period of -1", create(name + `<domain:period unit="y">-1</domain:period>` + auth), 2001},
		{"period of 1.5", create(name + `<domain:period unit="y">1.5</domain:period>` + auth), 2001},
		{"period of 100", create(name + `<domain:period unit="y">100</domain:period>` + auth), 2001},
		{"period of nothing", create(name + `<domain:period unit="y"/>` + auth), 2001},
		{"period of many digits", create(name + `<domain:period unit="y">18446744073709551617</domain:period>` + auth), 2001},
		{"period of five months", create(name + `<domain:period unit="m">5</domain:period>` + auth), 2306},
		{"empty ns", create(name + `<domain:ns/>` + auth), 2001},
		{"hosts both ways", create(name + `<domain:ns><domain:hostObj>a.b</domain:hostObj><domain:hostAttr><domain:hostName>a.b</domain:hostName></domain:hostAttr></domain:ns>` + auth), 2001},
		{"hosts as attributes", create(name + `<domain:ns><domain:hostAttr><domain:hostName>a.b</domain:hostName><domain:hostAddr ip="v6">2001:db8::1</domain:hostAddr></domain:hostAttr></domain:ns>` + auth), 2306},
		{"bad host attribute", create(name + `<domain:ns><domain:hostAttr><domain:hostAddr>192.0.2.1</domain:hostAddr></domain:hostAttr></domain:ns>` + auth), 2001},
		{"ns before period", create(name + `<domain:ns><domain:hostObj>a.b</domain:hostObj></domain:ns><domain:period unit="y">1</domain:period>` + auth), 2001},
		{"contact without type", create(name + `<domain:contact>sh8013</domain:contact>` + auth), 2003},
		{"no authInfo", create(name), 2001},
		{"empty authInfo", create(name + `<domain:authInfo/>`), 2001},
		{"two passwords", create(name + `<domain:authInfo><domain:pw/><domain:pw/></domain:authInfo>`), 2001},
		{"something after authInfo", create(name + auth + name), 2001},
		{"a wrong value and a missing element", create(`<domain:name>!</domain:name>`), 2001},

		{"update of nothing", update(``), 2003},
		{"update with an empty add", update(`<domain:add/>`), 2303},
		{"update with empty parts", update(`<domain:add/><domain:rem/><domain:chg/>`), 2303},
		{"rem before add", update(`<domain:rem/><domain:add/>`), 2001},
		{"add twice", update(`<domain:add/><domain:add/>`), 2001},
		{"status before ns", update(`<domain:add><domain:status s="clientHold"/><domain:ns><domain:hostObj>a.b</domain:hostObj></domain:ns></domain:add>`), 2001},
		{"status with language and text", update(`<domain:add><domain:status s="clientHold" lang="en">Payment overdue.</domain:status></domain:add>`), 2303},
		{"status in no language", update(`<domain:add><domain:status s="clientHold" lang="?"/></domain:add>`), 2001},
		{"status without a value", update(`<domain:add><domain:status/></domain:add>`), 2001},
		{"twelve statuses", update(`<domain:add>` + strings.Repeat(`<domain:status s="clientHold"/>`, 12) + `</domain:add>`), 2001},
		{"name in chg", update(`<domain:chg><domain:name>b.tld</domain:name></domain:chg>`), 2001},
		{"long registrant", update(`<domain:chg><domain:registrant>seventeen-letters</domain:registrant></domain:chg>`), 2001},
		{"null with content", update(`<domain:chg><domain:authInfo><domain:null>x</domain:null></domain:authInfo></domain:chg>`), 2001},
	} {
		if r := send(t, c, row.doc); r.Code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
	}
	// All of that on one session, which is none the worse for it.
	if r := send(t, c, commandDoc(check(name))); r.Code != 1000 || r.ClTRID != "ABC-12345" {
		t.Errorf("afterwards: %+v", r)
	}
}

func TestClTRIDIsEchoed(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	for doc, want := range map[string]string{
		commandDoc(`<check/>`): "ABC-12345", // as far as it could be read
		commandDoc(`<frob/>`):  "ABC-12345",
		strings.Replace(commandDoc(`<poll op="req"/>`), "ABC-12345", " a &lt;b&gt;\n c ", 1): "a <b> c",
		strings.Replace(commandDoc(`<poll op="req"/>`), "ABC-12345", "ab", 1):                "",
		strings.Replace(commandDoc(`<poll op="req"/>`), "ABC-12345", "", 1):                  "",
	} {
		if r := send(t, c, doc); r.ClTRID != want || r.SvTRID == "" {
			t.Errorf("clTRID %q, svTRID %q; want %q", r.ClTRID, r.SvTRID, want)
		}
	}
}
