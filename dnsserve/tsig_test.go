package dnsserve

import (
	"encoding/base64"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// tool returns a program's path; without it the test skips, but not where everything must be there.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err == nil {
			return path
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

func secretOf(k Key) string { return base64.StdEncoding.EncodeToString(k.Secret) }

// TestTSIG: queries of every kind are checked, and their answers signed, as another implementation wants it.
func TestTSIG(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	_, addr := p.serve(Config{NSID: "node-1"})
	for _, algorithm := range []string{HMACSHA256, HMACSHA384, HMACSHA512} {
		key := p.addKey(algorithm+".example.", algorithm)
		for _, network := range []string{"udp", "tcp"} {
			for _, m := range []*dns.Msg{
				question("example.", dns.TypeSOA), question("www.foo.example.", dns.TypeA), question("com.", dns.TypeA), question("nothing.example.", dns.TypeA),
				withOPT(question("example.", dns.TypeSOA), 1232, func(o *dns.OPT) { o.SetVersion(1) }),
				withOPT(question("example.", dns.TypeNS), 1232, func(o *dns.OPT) { o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}) }),
			} {
				m.SetTsig(strings.ToUpper(key.Name), algorithm+".", 300, time.Now().Unix())
				c := dns.Client{Net: network, Timeout: deadline, TsigSecret: map[string]string{strings.ToUpper(key.Name): secretOf(key), key.Name: secretOf(key)}}
				in, _, err := c.Exchange(m, addr)
				if err != nil || in.IsTsig() == nil || in.IsTsig().Error != 0 {
					t.Errorf("%s %s: %v\n%v", algorithm, network, err, in)
				}
			}
		}
	}
}

// TestTSIGErrors: what is wrong with a signature is said as RFC 8945 §5.2 wants it.
func TestTSIGErrors(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	key := p.addKey("key.example.", HMACSHA256)
	s, addr := p.serve(Config{})
	other := key
	other.Secret = []byte("another secret")
	sign := func(name, algorithm string, secret Key, when time.Time) []byte {
		m := question("example.", dns.TypeSOA)
		m.SetTsig(name, algorithm, 300, when.Unix())
		b, _, err := dns.TsigGenerate(m, secretOf(secret), "", false)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	now := time.Now()
	cut := func(b []byte, octets int) []byte { // shortens the MAC
		mac := len(b) - 6 - 32
		b = append(b[:mac+32-octets:mac+32-octets], b[len(b)-6:]...)
		b[mac-1] -= byte(octets)
		rdlength := mac - 2 - 8 - len("\x0bhmac-sha256\x00") - 2
		b[rdlength+1] -= byte(octets)
		return b
	}
	good := sign(key.Name, "hmac-sha256.", key, now)
	first := func(edit func([]byte) []byte) []byte { return edit(append([]byte(nil), good...)) }
	tests := []struct {
		name   string
		msg    []byte
		rcode  int
		failed uint16
		signed bool
	}{
		{"good", good, dns.RcodeSuccess, 0, true},
		{"unknown key", sign("nobody.", "hmac-sha256.", key, now), dns.RcodeNotAuth, 17, false},
		{"another algorithm than the key's", sign(key.Name, "hmac-sha512.", key, now), dns.RcodeNotAuth, 17, false},
		{"SHA-1", sign(key.Name, "hmac-sha1.", key, now), dns.RcodeNotAuth, 17, false},
		{"another secret", sign(key.Name, "hmac-sha256.", other, now), dns.RcodeNotAuth, 16, false},
		{"changed after signing", first(func(b []byte) []byte { b[3] ^= 0x10; return b }), dns.RcodeNotAuth, 16, false},
		{"too old", sign(key.Name, "hmac-sha256.", key, now.Add(-time.Hour)), dns.RcodeNotAuth, 18, true},
		{"from the future", sign(key.Name, "hmac-sha256.", key, now.Add(time.Hour)), dns.RcodeNotAuth, 18, true},
		{"half a MAC", cut(sign(key.Name, "hmac-sha256.", key, now), 16), dns.RcodeNotAuth, 22, false},
		{"less than half", cut(sign(key.Name, "hmac-sha256.", key, now), 17), dns.RcodeFormatError, 0, false},
		{"twice", first(func(b []byte) []byte {
			b[11] = 2
			return append(b, b[len(packed(t, question("example.", dns.TypeSOA))):]...)
		}), dns.RcodeFormatError, 0, false},
		{"not last", first(func(b []byte) []byte {
			b[11] = 2
			return append(b, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0)
		}), dns.RcodeFormatError, 0, false},
		{"cut short", first(func(b []byte) []byte {
			head := len(packed(t, question("example.", dns.TypeSOA))) + len("\x03key\x07example\x00")
			b = b[:head+10]
			b[head+8], b[head+9] = 0, 0
			return b
		}), dns.RcodeFormatError, 0, false},
	}
	for _, test := range tests {
		out := raw(t, addr, test.msg)
		in := new(dns.Msg)
		if err := in.Unpack(out); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		record := in.IsTsig()
		if in.Rcode != test.rcode || (len(in.Answer) > 0) != (test.rcode == dns.RcodeSuccess) {
			t.Errorf("%s: got\n%v", test.name, in)
		}
		if test.rcode == dns.RcodeFormatError {
			continue
		}
		if record == nil || record.Error != test.failed || (record.MACSize > 0) != test.signed || (test.failed == 18) != (record.OtherLen == 6) {
			t.Errorf("%s: got\n%v", test.name, in)
			continue
		}
		if test.signed {
			q := new(dns.Msg)
			if err := q.Unpack(test.msg); err != nil {
				t.Fatal(err)
			}
			if err := dns.TsigVerify(out, secretOf(key), q.IsTsig().MAC, false); err != nil && test.failed != 18 {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
	var n [len(signedLabels)]uint64
	for i := range s.udpStats {
		for j := range n {
			n[j] += s.udpStats[i].signed[j].Load()
		}
	}
	if n != [len(signedLabels)]uint64{signedGood: 1, signedBadKey: 3, signedBadSig: 2, signedBadTime: 2, signedBadTrunc: 1} {
		t.Errorf("counted %v", n)
	}
}

// TestTSIGTools: BIND's and Knot's clients take our signatures.
func TestTSIGTools(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	keys := []Key{p.addKey("a.", HMACSHA256), p.addKey("b.", HMACSHA384), p.addKey("c.", HMACSHA512)}
	_, addr := p.serve(Config{})
	host, port, _ := strings.Cut(addr, ":")
	for _, name := range []string{"dig", "kdig"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := tool(t, name)
			for _, key := range keys {
				for _, what := range []string{"SOA", "AXFR", "IXFR=7"} {
					out, err := exec.Command(path, "@"+host, "-p", port, "-y", key.Algorithm+":"+key.Name+":"+secretOf(key), "+norec", "example.", what).CombinedOutput()
					text := string(out)
					if err != nil || !strings.Contains(text, "hostmaster.example.") || strings.Contains(strings.ToLower(text), "could") || strings.Contains(text, "fail") || strings.Contains(text, "WARNING") {
						t.Errorf("%s %s %s: %v\n%s", name, key.Algorithm, what, err, text)
					}
				}
			}
		})
	}
}
