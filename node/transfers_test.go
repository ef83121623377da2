package node

import (
	"encoding/base64"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// heard is a secondary that only hears of serials.
func heard(t *testing.T, key string, secret string) (at netip.AddrPort, last *atomic.Uint32) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	last = new(atomic.Uint32)
	s := &dns.Server{PacketConn: pc, TsigSecret: map[string]string{key: secret}, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if m.IsTsig() != nil && w.TsigStatus() == nil {
			last.Store(m.Answer[0].(*dns.SOA).Serial)
			r := new(dns.Msg).SetReply(m)
			r.SetTsig(key, m.IsTsig().Algorithm, 300, time.Now().Unix())
			w.WriteMsg(r)
		}
	})
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return netip.MustParseAddrPort(pc.LocalAddr().String()), last
}

// TestTransfersFromTheState: the secondaries and keys that operators set may transfer zones, and are told of serials.
func TestTransfersFromTheState(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	ctx := t.Context()
	n, _ := running(t, c)
	eventually(t, "the cluster is at its level", func() bool {
		at := registry.Level(0)
		n.machine.View(func(v fsm.View) error { at = v.Level(); return nil })
		return at == registry.HighestLevel && n.consensus.Reigns()
	})
	do := func(kind registry.Kind, body any) {
		t.Helper()
		r, _, err := n.consensus.Execute(ctx, registry.Actor{Role: registry.RoleOperator, Name: "op"}, "", kind, body)
		if err != nil || r.Fail != nil {
			t.Fatal(err, r.Fail)
		}
	}
	secret := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	sealed, err := n.sealer.Seal([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	at, last := heard(t, "key.test.", secret)
	do(registry.KindTLDCreate, registry.TLDCreate{TLD: registry.TLD{
		Name: "example", Currency: "USD", MaxYears: 10, SOA: registry.SOA{MName: "ns1.nic.example", RName: "hostmaster.nic.example", Refresh: 1, Retry: 1, Expire: 1, Minimum: 1},
		Nameservers: []registry.Nameserver{{Name: "ns1.nic.example", Addresses: [][]byte{{192, 0, 2, 1}}}},
	}, Serial: 41})
	do(registry.KindTSIGPut, registry.TSIGPut{Name: "key.test", Algorithm: "hmac-sha256", Secret: sealed})
	do(registry.KindSecondaryPut, registry.SecondaryPut{Secondary: registry.Secondary{
		Zone: "example", Name: "ops1", Key: "key.test", Notify: []registry.Endpoint{{Address: []byte{127, 0, 0, 1}, Port: at.Port()}},
	}})
	do(registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: "reg1", Name: "reg1"}})
	serial := func() (s uint32) { s, _ = n.zones.Serial("example."); return s }
	eventually(t, "the zone is served", func() bool { return serial() > 41 })
	before := serial()

	transfer := func(m *dns.Msg, signed bool) (types []string, err error) {
		tr := new(dns.Transfer)
		if signed {
			m.SetTsig("key.test.", "hmac-sha256.", 300, time.Now().Unix())
			tr.TsigSecret = map[string]string{"key.test.": secret}
		}
		ch, err := tr.In(m, n.dns.Addr().String())
		if err != nil {
			return nil, err
		}
		for e := range ch {
			if e.Error != nil {
				return nil, e.Error
			}
			for _, rr := range e.RR {
				types = append(types, strings.Fields(rr.String())[0]+" "+dns.TypeToString[rr.Header().Rrtype])
			}
		}
		return types, nil
	}
	got, err := transfer(new(dns.Msg).SetAxfr("example."), true)
	if err != nil || len(got) < 4 || got[0] != "example. SOA" || got[len(got)-1] != "example. SOA" || !slices.Contains(got, "ns1.nic.example. A") {
		t.Fatalf("AXFR: %v, %v", got, err)
	}
	if got, err := transfer(new(dns.Msg).SetAxfr("example."), false); err == nil {
		t.Errorf("AXFR without key: %v", got)
	}
	registrar := registry.Actor{Role: registry.RoleRegistrar, Name: "reg1"}
	for _, c := range []struct {
		kind registry.Kind
		body any
	}{
		{registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"}},
		{registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", Amount: 1000}},
		{registry.KindDomainCreate, registry.DomainCreate{Name: "new.example", Hosts: []string{"ns.elsewhere.test"}}},
	} {
		actor := registrar
		if c.kind == registry.KindRegistrarFund {
			actor = registry.Actor{Role: registry.RoleOperator, Name: "op"}
		}
		if r, _, err := n.consensus.Execute(ctx, actor, "", c.kind, c.body); err != nil || r.Fail != nil {
			t.Fatal(err, r.Fail)
		}
	}
	eventually(t, "the delegation is published and told of", func() bool { return serial() > before && last.Load() == serial() })
	got, err = transfer(new(dns.Msg).SetIxfr("example.", before, "a.", "b."), true)
	if err != nil || len(got) < 5 || got[1] != "example. SOA" || !slices.Contains(got, "new.example. NS") || slices.Contains(got, "ns1.nic.example. A") {
		t.Errorf("IXFR from %d: %v, %v", before, got, err)
	}
	if got, err := transfer(new(dns.Msg).SetIxfr("example.", serial(), "a.", "b."), true); err != nil || len(got) != 1 {
		t.Errorf("IXFR from now: %v, %v", got, err)
	}
	if got, err := transfer(new(dns.Msg).SetIxfr("example.", 7, "a.", "b."), true); err != nil || !slices.Contains(got, "ns1.nic.example. A") {
		t.Errorf("IXFR from long ago: %v, %v", got, err)
	}
}

func TestCookieSecrets(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	a, err := loadKEK(c.KEK)
	if err != nil {
		t.Fatal(err)
	}
	one, err := a.cookieSecrets(1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := a.cookieSecrets(2)
	if err != nil {
		t.Fatal(err)
	}
	if string(one[0]) != string(two[1]) || string(one[2]) != string(two[0]) || string(one[0]) == string(two[0]) || len(one[0]) != 16 {
		t.Errorf("neighbouring epochs don't take each other's: %x, %x", one, two)
	}
}
