package dnsserve

import (
	"encoding/hex"
	"testing"

	"github.com/miekg/dns"
)

// withOPT adds an OPT to a question.
func withOPT(m *dns.Msg, size uint16, edit func(*dns.OPT)) *dns.Msg {
	o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	o.SetUDPSize(size)
	if edit != nil {
		edit(o)
	}
	m.Extra = append(m.Extra, o)
	return m
}

func TestEDNS(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{NSID: "node-1"}, exampleZones(t))
	tests := []struct {
		name  string
		edit  func(*dns.OPT)
		rcode int
		check func(*dns.OPT) bool
	}{
		{"plain", nil, dns.RcodeSuccess, func(o *dns.OPT) bool { return !o.Do() && len(o.Option) == 0 }},
		{"DO copied", func(o *dns.OPT) { o.SetDo() }, dns.RcodeSuccess, func(o *dns.OPT) bool { return o.Do() }},
		{"Z bits cleared", func(o *dns.OPT) { o.Hdr.Ttl |= 0x7fff }, dns.RcodeSuccess,
			func(o *dns.OPT) bool { return o.Hdr.Ttl == 0 }},
		{"unknown option ignored", func(o *dns.OPT) {
			o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("??")})
		}, dns.RcodeSuccess, func(o *dns.OPT) bool { return len(o.Option) == 0 }},
		{"NSID", func(o *dns.OPT) { o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}) }, dns.RcodeSuccess,
			func(o *dns.OPT) bool {
				return len(o.Option) == 1 && o.Option[0].(*dns.EDNS0_NSID).Nsid == hex.EncodeToString([]byte("node-1"))
			}},
		{"version 1", func(o *dns.OPT) { o.SetVersion(1) }, dns.RcodeBadVers,
			func(o *dns.OPT) bool { return o.Version() == 0 && len(o.Option) == 0 }},
		{"version 255 with DO", func(o *dns.OPT) { o.SetVersion(255); o.SetDo() }, dns.RcodeBadVers,
			func(o *dns.OPT) bool { return o.Version() == 0 && o.Do() }},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, test := range tests {
			in := exchange(t, network, addr, withOPT(question("example.", dns.TypeSOA), 4096, test.edit))
			o := in.IsEdns0()
			if o == nil {
				t.Errorf("%s %s: no OPT in\n%v", network, test.name, in)
				continue
			}
			if in.Rcode != test.rcode || !test.check(o) || o.UDPSize() != 1232 {
				t.Errorf("%s %s: got\n%v", network, test.name, in)
			}
			if answered := len(in.Answer) == 1; answered != (test.rcode == dns.RcodeSuccess) {
				t.Errorf("%s %s: %d answers", network, test.name, len(in.Answer))
			}
		}
	}
	if in := exchange(t, "udp", addr, question("example.", dns.TypeSOA)); in.IsEdns0() != nil {
		t.Errorf("OPT in the answer to a query without:\n%v", in)
	}
	for _, m := range []*dns.Msg{question("com.", dns.TypeA), question("x.example.", dns.TypeA), question("foo.example.", dns.TypeA)} {
		if in := exchange(t, "udp", addr, withOPT(m, 1232, nil)); in.IsEdns0() == nil {
			t.Errorf("no OPT in\n%v", in)
		}
	}
}

func TestNSIDNotConfigured(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	in := exchange(t, "udp", addr, withOPT(question("example.", dns.TypeSOA), 1232, func(o *dns.OPT) {
		o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}))
	if o := in.IsEdns0(); o == nil || len(o.Option) > 0 {
		t.Errorf("got\n%v", in)
	}
}

// TestBrokenOPT: an OPT that can't be read gets FORMERR, with an OPT (RFC 6891 §7).
func TestBrokenOPT(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	opt := []byte{0, 0, 41, 4, 208, 0, 0, 0, 0}
	tests := []struct {
		name       string
		an, ns, ar byte
		tail       []byte
	}{
		{"two", 0, 0, 2, append(append(append([]byte{}, opt...), 0, 0), append(opt, 0, 0)...)},
		{"option cut short", 0, 0, 1, append(append([]byte{}, opt...), 0, 3, 0, 3, 0)},
		{"option longer than OPT", 0, 0, 1, append(append([]byte{}, opt...), 0, 4, 0, 3, 0, 1)},
		{"not owned by the root", 0, 0, 1, append(append([]byte{1, 'x'}, opt...), 0, 0)},
		{"in the answer section", 1, 0, 0, append(append([]byte{}, opt...), 0, 0)},
		{"in the authority section", 0, 1, 0, append(append([]byte{}, opt...), 0, 0)},
	}
	for _, test := range tests {
		msg, err := question("example.", dns.TypeSOA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		msg[7], msg[9], msg[11] = test.an, test.ns, test.ar
		var in dns.Msg
		if err := in.Unpack(raw(t, addr, append(msg, test.tail...))); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if in.Rcode != dns.RcodeFormatError || in.IsEdns0() == nil || len(in.Question) != 1 || len(in.Answer) > 0 {
			t.Errorf("%s: got\n%v", test.name, &in)
		}
	}
}
