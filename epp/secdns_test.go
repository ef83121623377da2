package epp

import (
	"encoding/base64"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
	"quorate/epp/secdns"
	"quorate/fsm"
	"quorate/fsm/registry"
)

const (
	sha256Digest = "3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B"
	ed448Key     = "7JCMl8WwNOyFNWF6GBuMlIdtf08Cr1bO/hToZ6xCvKcu4o5ShXBzbCgzTGJHovhoUgj9wsMA1aWA"
	ed25519Key   = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
)

// keyTLD opens a TLD that takes keys.
func keyTLD(t *testing.T, r *testRegistry, name string) {
	t.Helper()
	var tld registry.TLD
	if err := r.View(t.Context(), fsm.Local, 0, func(v fsm.View) error { tld, _ = v.TLD("tld"); return nil }); err != nil {
		t.Fatal(err)
	}
	tld.Name, tld.DNSSEC = name, registry.KeyInterface
	r.operate(t, registry.KindTLDCreate, registry.TLDCreate{TLD: tld})
}

// ds is an acceptable DS record.
func ds(tag uint16) client.DS {
	return client.DS{KeyTag: tag, Algorithm: 13, DigestType: 2, Digest: sha256Digest}
}

func TestSecDNS(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	const name = "secure.tld"
	want := func(what string, s *client.SecDNS) {
		t.Helper()
		for _, session := range []*client.Client{c, other} {
			if got := must(session.InfoDomain(soon(t), name, "", "")).SecDNS; !reflect.DeepEqual(got, s) {
				t.Errorf("%s: %+v; want %+v", what, got, s)
			}
		}
	}
	update := func(u client.SecDNSUpdate) error {
		_, err := c.UpdateDomain(soon(t), client.DomainUpdate{Name: name, SecDNS: u})
		return err
	}
	// Sorted, in capitals; the octets are what counts.
	lower := ds(9)
	lower.Digest = strings.ToLower(lower.Digest)
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: name, SecDNS: client.SecDNS{DS: []client.DS{lower, ds(3)}, MaxSigLife: 604800}}))
	want("created", &client.SecDNS{DS: []client.DS{ds(3), ds(9)}, MaxSigLife: 604800})
	wantCode(t, "add what is there", update(client.SecDNSUpdate{Add: client.SecDNS{DS: []client.DS{ds(9)}}}), 2306)
	wantCode(t, "remove what isn't", update(client.SecDNSUpdate{Remove: client.SecDNS{DS: []client.DS{ds(4)}}}), 2306)
	wantCode(t, "add twice", update(client.SecDNSUpdate{Add: client.SecDNS{DS: []client.DS{ds(5), ds(5)}}}), 2306)
	wantCode(t, "replace", update(client.SecDNSUpdate{Remove: client.SecDNS{DS: []client.DS{ds(9)}}, Add: client.SecDNS{DS: []client.DS{ds(9), ds(1)}}, Urgent: true}), 1000)
	want("replaced", &client.SecDNS{DS: []client.DS{ds(1), ds(3), ds(9)}, MaxSigLife: 604800})
	wantCode(t, "lifetime", update(client.SecDNSUpdate{MaxSigLife: 3600}), 1000)
	want("lifetime", &client.SecDNS{DS: []client.DS{ds(1), ds(3), ds(9)}, MaxSigLife: 3600})
	wantCode(t, "too long a lifetime", update(client.SecDNSUpdate{MaxSigLife: registry.DefaultSigLife + 1}), 2004)
	_, err := other.UpdateDomain(soon(t), client.DomainUpdate{Name: name, SecDNS: client.SecDNSUpdate{RemoveAll: true}})
	wantCode(t, "another registrar", err, 2201)
	wantCode(t, "all, and one more", update(client.SecDNSUpdate{RemoveAll: true, Add: client.SecDNS{DS: []client.DS{ds(3)}}}), 1000)
	want("all, and one more", &client.SecDNS{DS: []client.DS{ds(3)}, MaxSigLife: 3600})

	// With the key that it is the digest of.
	key := client.DNSKey{Flags: 257, Protocol: 3, Algorithm: 15, PublicKey: ed25519Key}
	withKey := client.DS{KeyTag: 3613, Algorithm: 15, DigestType: 2, Digest: sha256Digest, Key: &key}
	wantCode(t, "the key of another name", update(client.SecDNSUpdate{Add: client.SecDNS{DS: []client.DS{withKey}}}), 2306)
	withKey.Digest = "BADD4AADDB99A20E7F96F37EC22F3D8BF1B5E42D15A6B5CB04B2D4F44B4B2D40"
	wantCode(t, "another digest", update(client.SecDNSUpdate{Add: client.SecDNS{DS: []client.DS{withKey}}}), 2306)
	withKey.Digest = digestOf(t, name, key)
	wantCode(t, "with its key", update(client.SecDNSUpdate{RemoveAll: true, Add: client.SecDNS{DS: []client.DS{withKey}}}), 1000)
	want("with its key", &client.SecDNS{DS: []client.DS{withKey}, MaxSigLife: 3600})
	withKey.Key = nil
	wantCode(t, "removed without naming it", update(client.SecDNSUpdate{Remove: client.SecDNS{DS: []client.DS{withKey}}}), 1000)
	want("removed", nil)

	// Eight and no more.
	var many []client.DS
	for i := range uint16(9) {
		many = append(many, ds(i))
	}
	_, err = c.CreateDomain(soon(t), client.DomainCreate{Name: "many.tld", SecDNS: client.SecDNS{DS: many}})
	wantCode(t, "nine", err, 2306)
	_, err = c.CreateDomain(soon(t), client.DomainCreate{Name: "many.tld", SecDNS: client.SecDNS{DS: many[:8]}})
	wantCode(t, "eight", err, 1000)

	// Whoever did not name it at login is told nothing.
	plain := s.dial(t, "reg1")
	if r := send(t, plain, loginDoc()); r.Code != 1000 {
		t.Fatal(r.Err())
	}
	if d := must(plain.InfoDomain(soon(t), "many.tld", "", "")); d.SecDNS != nil {
		t.Errorf("without the extension: %+v", d.SecDNS)
	}
	_, err = plain.UpdateDomain(soon(t), client.DomainUpdate{Name: "many.tld", SecDNS: client.SecDNSUpdate{RemoveAll: true}})
	wantCode(t, "without the extension", err, 2103)
}

// digestOf is the SHA-256 digest of a key at a name, as DS records have it.
func digestOf(t *testing.T, name string, k client.DNSKey) string {
	t.Helper()
	made, ok := registry.DNSKeyData{Flags: k.Flags, Protocol: k.Protocol, Algorithm: k.Algorithm, PublicKey: must(base64.StdEncoding.DecodeString(k.PublicKey))}.DS(name, 2)
	if !ok {
		t.Fatal("no digest")
	}
	return fmt.Sprintf("%X", made.Digest)
}

// What a TLD that takes keys is given is shown again; the DS records are the registry's own.
func TestSecDNSKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	keyTLD(t, s.registry, "keys")
	c := s.login(t, "reg1")
	key := client.DNSKey{Flags: 257, Protocol: 3, Algorithm: 16, PublicKey: ed448Key}
	other := client.DNSKey{Flags: 257, Protocol: 3, Algorithm: 15, PublicKey: ed25519Key}
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "secure.keys", SecDNS: client.SecDNS{Keys: []client.DNSKey{key}}}))
	if got := must(c.InfoDomain(soon(t), "secure.keys", "", "")).SecDNS; !reflect.DeepEqual(got, &client.SecDNS{Keys: []client.DNSKey{key}}) {
		t.Errorf("%+v", got)
	}
	update := func(u client.SecDNSUpdate) error {
		_, err := c.UpdateDomain(soon(t), client.DomainUpdate{Name: "secure.keys", SecDNS: u})
		return err
	}
	wantCode(t, "DS records", update(client.SecDNSUpdate{Add: client.SecDNS{DS: []client.DS{ds(1)}}}), 2306)
	wantCode(t, "twice", update(client.SecDNSUpdate{Add: client.SecDNS{Keys: []client.DNSKey{key}}}), 2306)
	wantCode(t, "what isn't there", update(client.SecDNSUpdate{Remove: client.SecDNS{Keys: []client.DNSKey{other}}}), 2306)
	wantCode(t, "another", update(client.SecDNSUpdate{Remove: client.SecDNS{Keys: []client.DNSKey{key}}, Add: client.SecDNS{Keys: []client.DNSKey{other}}}), 1000)
	_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: "secure.tld", SecDNS: client.SecDNS{Keys: []client.DNSKey{key}}})
	wantCode(t, "keys where DS records are taken", err, 2306)
	var got []registry.DSData
	if err := s.registry.View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
		d, _ := v.Domain("secure.keys")
		got = d.DSRecords()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].KeyTag != 3613 || fmt.Sprintf("%X", got[0].Digest) != digestOf(t, "secure.keys", other) {
		t.Errorf("DS records: %v", got)
	}
}

// What isn't valid is 2001, what nothing is assigned to 2004, what can't be what it is said to be 2005, the rest 2306.
func TestSecDNSRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	keyTLD(t, s.registry, "keys")
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "there.tld", SecDNS: client.SecDNS{DS: []client.DS{ds(1)}}}))
	const xmlns = ` xmlns:s="` + secdns.URI + `"`
	record := func(name string, parts ...string) string {
		var b strings.Builder
		names := []string{"keyTag", "alg", "digestType", "digest"}
		if name == "keyData" {
			names = []string{"flags", "protocol", "alg", "pubKey"}
		}
		for i, n := range names {
			b.WriteString(`<s:` + n + `>` + parts[i] + `</s:` + n + `>`)
		}
		return `<s:` + name + `>` + b.String() + strings.Join(parts[4:], "") + `</s:` + name + `>`
	}
	dsData := func(parts ...string) string { return record("dsData", parts...) }
	keyData := func(parts ...string) string { return record("keyData", parts...) }
	good := dsData("1", "13", "2", sha256Digest)
	long := sha256Digest + sha256Digest[:32]
	at := 0
	create := func(inner string) string {
		at++
		tld := "tld"
		if strings.HasPrefix(inner, `<s:keyData>`) {
			tld = "keys"
		}
		return commandDoc(fmt.Sprintf(`<create><domain:create xmlns:domain="%s"><domain:name>d%d.%s</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`+
			`<extension><s:create%s>%s</s:create></extension>`, nsDomain, at, tld, xmlns, inner))
	}
	update := func(attrs, inner string) string {
		return commandDoc(`<update><domain:update xmlns:domain="` + nsDomain + `"><domain:name>there.tld</domain:name></domain:update></update>` +
			`<extension><s:update` + xmlns + attrs + `>` + inner + `</s:update></extension>`)
	}
	key := func(alg, public string) string { return keyData("257", "3", alg, public) }
	octets := func(n int) string { return base64.StdEncoding.EncodeToString(slices.Repeat([]byte{1}, n)) }
	rsa := func(head []byte, modulus int) string {
		return base64.StdEncoding.EncodeToString(append(head, slices.Repeat([]byte{0x9f}, modulus)...))
	}
	type row struct {
		what, doc string
		want      int
		element   string // the offender's local name; "" for any
	}
	rows := []row{
		{"good", create(good), 1000, ""},
		{"good, with space around", create(dsData(" 1 ", "\n13", "2\t", "\n"+sha256Digest+"\n")), 1000, ""},
		{"highest tag", create(dsData("65535", "13", "2", sha256Digest)), 1000, ""},
		{"lowest tag", create(dsData("0", "13", "2", sha256Digest)), 1000, ""},
		{"SHA-384", create(dsData("1", "14", "4", long)), 1000, ""},
		{"GOST 2012", create(dsData("1", "23", "5", sha256Digest)), 1000, ""},
		{"SM3", create(dsData("1", "17", "6", sha256Digest)), 1000, ""},
		{"longest lifetime", create(`<s:maxSigLife>7776000</s:maxSigLife>` + good), 1000, ""},

		{"empty", create(``), 2001, "create"},
		{"an attribute", strings.Replace(create(good), `<s:create`, `<s:create urgent="true"`, 1), 2001, "create"},
		{"only a lifetime", create(`<s:maxSigLife>1</s:maxSigLife>`), 2001, "create"},
		{"a lifetime at the end", create(good + `<s:maxSigLife>1</s:maxSigLife>`), 2001, "maxSigLife"},
		{"a lifetime of 0", create(`<s:maxSigLife>0</s:maxSigLife>` + good), 2001, "maxSigLife"},
		{"a lifetime beyond int", create(`<s:maxSigLife>2147483648</s:maxSigLife>` + good), 2001, "maxSigLife"},
		{"a lifetime beyond policy", create(`<s:maxSigLife>7776001</s:maxSigLife>` + good), 2004, "maxSigLife"},
		{"both interfaces", create(good + key("15", ed25519Key)), 2001, "keyData"},
		{"text", create(`x` + good), 2001, "create"},
		{"another element", create(good + `<s:foo/>`), 2001, "foo"},
		{"no tag", create(dsData("", "13", "2", sha256Digest)), 2001, "keyTag"},
		{"tag of -1", create(dsData("-1", "13", "2", sha256Digest)), 2001, "keyTag"},
		{"tag of 65536", create(dsData("65536", "13", "2", sha256Digest)), 2001, "keyTag"},
		{"no algorithm", create(dsData("1", "", "2", sha256Digest)), 2001, "alg"},
		{"algorithm -1", create(dsData("1", "-1", "2", sha256Digest)), 2001, "alg"},
		{"algorithm A", create(dsData("1", "A", "2", sha256Digest)), 2001, "alg"},
		{"algorithm 256", create(dsData("1", "256", "2", sha256Digest)), 2001, "alg"},
		{"no digest type", create(dsData("1", "13", "", sha256Digest)), 2001, "digestType"},
		{"digest type -1", create(dsData("1", "13", "-1", sha256Digest)), 2001, "digestType"},
		{"digest type A", create(dsData("1", "13", "A", sha256Digest)), 2001, "digestType"},
		{"digest type 255", create(dsData("1", "13", "255", sha256Digest)), 2004, "digestType"},
		{"digest type 0", create(dsData("1", "13", "0", sha256Digest)), 2004, "digestType"},
		{"digest type 7", create(dsData("1", "13", "7", sha256Digest)), 2004, "digestType"},
		{"SHA-1", create(dsData("1", "13", "1", sha256Digest[:40])), 2306, "digestType"},
		{"GOST", create(dsData("1", "13", "3", sha256Digest)), 2306, "digestType"},
		{"no digest", create(dsData("1", "13", "2", "")), 2005, "digest"},
		{"half an octet", create(dsData("1", "13", "2", sha256Digest[1:])), 2001, "digest"},
		{"no hex", create(dsData("1", "13", "2", "not hex!")), 2001, "digest"},
		{"short SHA-256", create(dsData("1", "13", "2", sha256Digest[2:])), 2005, "digest"},
		{"long SHA-256", create(dsData("1", "13", "2", sha256Digest+"00")), 2005, "digest"},
		{"short SHA-384", create(dsData("1", "13", "4", sha256Digest)), 2005, "digest"},
		{"a wrong value and a violation", create(dsData("1", "123", "2", sha256Digest) + `<s:foo/>`), 2001, "foo"},
		{"the key of another algorithm", create(dsData("3613", "13", "2", sha256Digest, key("15", ed25519Key))), 2306, "dsData"},
		{"the key is no key", create(dsData("3613", "15", "2", sha256Digest, key("15", ed448Key))), 2005, "pubKey"},

		{"key", create(key("15", ed25519Key)), 1000, ""},
		{"key with space inside", create(key("15", ed25519Key[:20]+"\n  "+ed25519Key[20:])), 1000, ""},
		{"flags of nothing", create(keyData("", "3", "15", ed25519Key)), 2001, "flags"},
		{"flags of -1", create(keyData("-1", "3", "15", ed25519Key)), 2001, "flags"},
		{"flags of A", create(keyData("A", "3", "15", ed25519Key)), 2001, "flags"},
		{"flags of 256", create(keyData("256", "3", "15", ed25519Key)), 2306, "flags"},
		{"flags of 1", create(keyData("1", "3", "15", ed25519Key)), 2306, "flags"},
		{"flags of a revoked key", create(keyData("385", "3", "15", ed25519Key)), 2306, "flags"},
		{"protocol of nothing", create(keyData("257", "", "15", ed25519Key)), 2001, "protocol"},
		{"protocol 256", create(keyData("257", "256", "15", ed25519Key)), 2001, "protocol"},
		{"protocol 1", create(keyData("257", "1", "15", ed25519Key)), 2004, "protocol"},
		{"key of no algorithm", create(key("", ed25519Key)), 2001, "alg"},
		{"key of algorithm 123", create(key("123", ed25519Key)), 2004, "alg"},
		{"no key", create(key("15", "")), 2001, "pubKey"},
		{"no base64", create(key("15", "this is not a DNSKEY.")), 2001, "pubKey"},
		{"base64 of something else", create(key("15", "AAAA")), 2005, "pubKey"},
		{"RSA", create(key("8", rsa([]byte{3, 1, 0, 1}, 256))), 1000, ""},
		{"RSA, long form", create(key("10", rsa([]byte{0, 0, 3, 1, 0, 1}, 512))), 1000, ""},
		{"short RSA", create(key("8", rsa([]byte{3, 1, 0, 1}, 63))), 2005, "pubKey"},
		{"long RSA", create(key("8", rsa([]byte{3, 1, 0, 1}, 513))), 2005, "pubKey"},
		{"RSA without an exponent", create(key("8", rsa([]byte{0, 0, 0}, 256))), 2005, "pubKey"},
		{"RSA that ends", create(key("8", "AA==")), 2005, "pubKey"},
		{"DSA", create(key("3", base64.StdEncoding.EncodeToString(append([]byte{8}, slices.Repeat([]byte{1}, 404)...)))), 1000, ""},
		{"DSA that is too long", create(key("6", base64.StdEncoding.EncodeToString(append([]byte{9}, slices.Repeat([]byte{1}, 428)...)))), 2005, "pubKey"},

		{"update of nothing", update(``, ``), 2003, "update"},
		{"urgent", update(` urgent="true"`, `<s:chg/>`), 1000, ""},
		{"urgent as a number", update(` urgent="0"`, `<s:chg/>`), 1000, ""},
		{"urgent as something", update(` urgent="yes"`, `<s:chg/>`), 2001, "update"},
		{"another attribute", update(` x="yes"`, `<s:chg/>`), 2001, "update"},
		{"rem of nothing", update(``, `<s:rem/>`), 2001, "rem"},
		{"add of nothing", update(``, `<s:add/>`), 2001, "add"},
		{"add before rem", update(``, `<s:add>`+dsData("2", "13", "2", sha256Digest)+`</s:add><s:rem>`+good+`</s:rem>`), 2001, "rem"},
		{"all that isn't", update(``, `<s:rem><s:all>false</s:all></s:rem>`), 1000, ""},
		{"all perhaps", update(``, `<s:rem><s:all>maybe</s:all></s:rem>`), 2001, "all"},
		{"all and one", update(``, `<s:rem><s:all>true</s:all>`+good+`</s:rem>`), 2001, "dsData"},
		{"two lifetimes", update(``, `<s:add><s:maxSigLife>5</s:maxSigLife>`+dsData("2", "13", "2", sha256Digest)+`</s:add><s:chg><s:maxSigLife>6</s:maxSigLife></s:chg>`), 2306, "maxSigLife"},
		{"add of algorithm 123", update(``, `<s:add>`+dsData("1", "123", "2", sha256Digest)+`</s:add>`), 2004, "alg"},
		{"rem of algorithm 123, which isn't there", update(``, `<s:rem>`+dsData("1", "123", "2", sha256Digest)+`</s:rem>`), 2306, "dsData"},
		{"rem of a key", update(``, `<s:rem>`+key("15", ed25519Key)+`</s:rem>`), 2306, "keyData"},
		{"rem of two, one twice", update(``, `<s:rem>`+good+good+`</s:rem>`), 2306, "dsData"},

		{"create in an update", strings.NewReplacer("s:update", "s:create").Replace(update(``, good)), 2001, "create"},
		{"infData", strings.NewReplacer("s:update", "s:infData").Replace(update(``, good)), 2001, "infData"},
		{"twice", strings.Replace(create(good), `</extension>`, `<t:create xmlns:t="`+secdns.URI+`">`+strings.ReplaceAll(good, "s:", "t:")+`</t:create></extension>`, 1), 2001, "create"},
		{"in a renew", commandDoc(`<renew><domain:renew xmlns:domain="` + nsDomain + `"><domain:name>there.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate></domain:renew></renew>` +
			`<extension><s:update` + xmlns + `><s:rem><s:all>true</s:all></s:rem></s:update></extension>`), 2103, "update"},
		{"secDNS-1.0", strings.ReplaceAll(create(good), secdns.URI, "urn:ietf:params:xml:ns:secDNS-1.0"), 2103, "create"},
	}
	// Every algorithm that there is a number for.
	fixed := map[int]string{12: octets(64), 13: octets(64), 14: octets(96), 15: octets(32), 16: octets(57), 17: octets(64), 23: octets(64)}
	for n := range 256 {
		digest, public, want, wantKey := dsData("1", fmt.Sprint(n), "2", sha256Digest), fixed[n], 2004, 2004
		switch {
		case fixed[n] != "":
			want, wantKey = 1000, 1000
			rows = append(rows, row{fmt.Sprintf("one octet less for algorithm %d", n), create(key(fmt.Sprint(n), fixed[n][4:])), 2005, "pubKey"})
		case n == 5 || n == 7 || n == 8 || n == 10:
			public, want, wantKey = rsa([]byte{3, 1, 0, 1}, 128), 1000, 1000
		case n == 3 || n == 6:
			public, want, wantKey = base64.StdEncoding.EncodeToString(append([]byte{0}, slices.Repeat([]byte{1}, 212)...)), 1000, 1000
		case slices.Contains([]int{1, 2, 252, 253, 254}, n):
			want, wantKey = 2306, 2306
		}
		if public == "" {
			public = octets(32)
		}
		rows = append(rows, row{fmt.Sprintf("DS record of algorithm %d", n), create(digest), want, ""},
			row{fmt.Sprintf("key of algorithm %d", n), create(key(fmt.Sprint(n), public)), wantKey, ""})
	}
	for _, row := range rows {
		r := send(t, c, row.doc)
		if r.Code != row.want || row.element != "" && (len(r.Details) != 1 || r.Details[0].Element != row.element) {
			t.Errorf("%s: %d, %v, about %+v; want %d about %s", row.what, r.Code, r.Err(), r.Details, row.want, row.element)
		}
	}
	if got := must(c.InfoDomain(soon(t), "there.tld", "", "")).SecDNS; !reflect.DeepEqual(got, &client.SecDNS{DS: []client.DS{ds(1)}}) {
		t.Errorf("after all that: %+v", got)
	}
}

// An error answer binds the prefix of the element that it names.
func TestSecDNSOffender(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	create := func(alg, tag string) string {
		return commandDoc(`<create><domain:create xmlns:domain="` + nsDomain + `"><domain:name>a.tld</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>` +
			`<extension><create xmlns="` + secdns.URI + `">` + strings.Repeat(`<dsData><keyTag>`+tag+`</keyTag><alg>`+alg+`</alg><digestType>2</digestType><digest>`+sha256Digest+`</digest></dsData>`, 2) + `</create></extension>`)
	}
	for doc, want := range map[string]string{
		create("123", "7"): `<extValue><value><secDNS:alg xmlns:secDNS="` + secdns.URI + `">123</secDNS:alg></value><reason lang="en">`,     // found here
		create("13", "7"):  `<extValue><value><secDNS:dsData xmlns:secDNS="` + secdns.URI + `">7</secDNS:dsData></value><reason lang="en">`, // found in the log
	} {
		if a := string(must(c.Raw(soon(t), []byte(doc)))); !strings.Contains(a, want) {
			t.Errorf("%s\nwant %s", a, want)
		}
	}
}

// ICANN's rows for domain:create, RST case epp-14: those about DNSSEC, by both interfaces, and their like that pass.
func TestRSTDomainCreateDNSSEC(t *testing.T) {
	t.Parallel()
	all := rows(t, "epp-14-data.csv")
	s := newServer(t, nil)
	keyTLD(t, s.registry, "keys")
	c := s.login(t, "reg1")
	tried := map[string]int{}
	for i, row := range all {
		if !strings.Contains(row["errorCode"], "DNSSEC") && i > 0 {
			continue
		}
		for _, tld := range []string{"tld", "keys"} {
			secured := `<s:dsData><s:keyTag>` + fill(row["keyTag"], "12345") + `</s:keyTag><s:alg>` + fill(row["dsDataAlg"], "") + `</s:alg><s:digestType>` + fill(row["digestType"], "") +
				`</s:digestType><s:digest>` + strings.ReplaceAll(fill(row["digest"], ""), "{RANDHEX(32)}", sha256Digest) + `</s:digest></s:dsData>`
			if tld == "keys" {
				secured = `<s:keyData><s:flags>` + fill(row["flags"], "") + `</s:flags><s:protocol>` + fill(row["protocol"], "") + `</s:protocol><s:alg>` + fill(row["keyDataAlg"], "") +
					`</s:alg><s:pubKey>` + fill(row["pubKey"], "") + `</s:pubKey></s:keyData>`
			}
			if is := map[string]string{"tld": "dsData", "keys": "keyData"}[tld]; row["secDNSInterface"] != is && row["secDNSInterface"] != "either" {
				continue
			}
			name := fmt.Sprintf("rst14-%d.%s", i, tld)
			r := send(t, c, commandDoc(`<create><domain:create xmlns:domain="`+nsDomain+`"><domain:name>`+name+`</domain:name>`+
				`<domain:authInfo><domain:pw/></domain:authInfo></domain:create></create><extension><s:create xmlns:s="`+secdns.URI+`">`+secured+`</s:create></extension>`))
			judge(t, i, row, r)
			tried[row["passOrFail"]+" "+tld]++
			if r.Code == 1000 {
				if d := must(c.InfoDomain(soon(t), name, "", "")); d.SecDNS == nil || len(d.SecDNS.DS)+len(d.SecDNS.Keys) != 1 {
					t.Errorf("row %d: %+v", i+2, d.SecDNS)
				}
			}
		}
	}
	if len(tried) != 4 || tried["fail tld"] < 8 || tried["fail keys"] < 10 {
		t.Errorf("tried %v", tried)
	}
}

// The shared frames about DS records, one after the other, on a domain that is as they want it.
func TestSecDNSFrames(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateHost(soon(t), "ns1.example.net"))
	must(c.CreateHost(soon(t), "ns2.example.net"))
	frame := func(name string) string {
		doc := string(must(os.ReadFile(needFile(t, shared("data", "epp-frames", name)))))
		return strings.NewReplacer("ns1.example.tld", "ns1.example.net", "ns2.example.tld", "ns2.example.net").Replace(doc)
	}
	digestType := strings.NewReplacer("<secDNS:digestType>1<", "<secDNS:digestType>2<", "38EC35D5B3A34B44C39B", sha256Digest)
	for _, row := range []struct {
		doc   string
		want  int
		after int // DS records
	}{
		{frame("domain_create_dsdata_9_records.xml"), 2306, -1},
		{frame("domain_create_dsdata_bad_algorithms.xml"), 2004, -1},
		{frame("domain_create_dsdata_bad_digest_types.xml"), 2004, -1},
		{frame("domain_create_dsdata_8_records.xml"), 1000, 8},
		{frame("domain_update_dsdata_add_rem.xml"), 2306, 8}, // adds one that is there
		{frame("domain_update_dsdata_urgent.xml"), 2306, 8},  // SHA-1
		{frame("domain_update_dsdata_rem_all.xml"), 1000, 0},
		{frame("domain_update_dsdata_add_rem.xml"), 2306, 0}, // removes one that isn't there
		{digestType.Replace(frame("domain_update_dsdata_urgent.xml")), 1000, 1},
		{frame("domain_update_maxsiglife.xml"), 1000, 1},
		{digestType.Replace(frame("domain_update_dsdata_urgent.xml")), 1000, 1}, // all are removed before
	} {
		if r := send(t, c, row.doc); r.Code != row.want {
			t.Errorf("%d, %v; want %d for\n%s", r.Code, r.Err(), row.want, row.doc)
		}
		if row.after < 0 {
			continue
		}
		got := must(c.InfoDomain(soon(t), "example.tld", "", "")).SecDNS
		if row.after == 0 && got != nil || row.after > 0 && (got == nil || len(got.DS) != row.after) {
			t.Errorf("%+v; want %d records after\n%s", got, row.after, row.doc)
		}
	}
}

func TestSecDNSCLI(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	keyTLD(t, s.registry, "keys")
	endpoints := endpointsFile(t, s)
	const one, two = "12345,13,2," + sha256Digest, "12346,13,2," + sha256Digest
	for _, row := range []struct{ line, want string }{
		{"create domain a.tld --ds " + one + " --ds " + two + " --max-sig-life 3600", "domain a.tld is registered until"},
		{"info domain a.tld", "DS           12345 13 2 " + sha256Digest + "\n  DS           12346 13 2 " + sha256Digest + "\n  maxSigLife   3600 s"},
		{"info domain a.tld --json", `"keyTag": 12345`},
		{"update domain a.tld --rem-ds " + one, "domain a.tld is changed"},
		{"update domain a.tld --rem-ds " + one, "error: EPP 2306"},
		{"update domain a.tld --rem-all-ds --add-ds " + one, "domain a.tld is changed"},
		{"update domain a.tld --rem-all-ds --rem-ds " + one, "error: if any flags in the group"},
		{"update domain a.tld --add-ds 1,13,2", "error: \"1,13,2\" is no DS record"},
		{"update domain a.tld --add-ds 1,13,2,xyz", "error: \"1,13,2,xyz\" is no DS record: the digest is not in hex"},
		{"update domain a.tld --add-key 257,3,13,-", "error: \"257,3,13,-\" is no key"},
		{"update domain a.tld --add-ds 70000,13,2,aa", "error: \"70000,13,2,aa\" is no DS record"},
		{"create domain a.keys --key 257,3,15," + ed25519Key, "domain a.keys is registered until"},
		{"info domain a.keys", "DNSKEY       257 3 15 " + ed25519Key},
		{"update domain a.keys --rem-key 257,3,15," + ed25519Key + " --add-key 257,3,16," + ed448Key, "domain a.keys is changed"},
	} {
		out, _, err := runCLI("", append(strings.Fields(row.line), "--endpoints", endpoints)...)
		if err != nil {
			out = "error: " + err.Error()
		}
		if !strings.Contains(out, row.want) {
			t.Errorf("%s: %s\nwant %s", row.line, out, row.want)
		}
	}
}
