package dnsserve

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// listener is a secondary that only hears; answer says what it replies with, nil for nothing.
func listener(t *testing.T, key *Key, answer func(m *dns.Msg, heard int) *dns.Msg) (netip.AddrPort, *atomic.Int64) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var heard atomic.Int64
	s := &dns.Server{PacketConn: pc, MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }}
	if key != nil {
		s.TsigSecret = map[string]string{key.Name: secretOf(*key)}
	}
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		if key != nil && (m.IsTsig() == nil || w.TsigStatus() != nil) {
			return
		}
		if a := answer(m, int(heard.Add(1))); a != nil {
			if key != nil {
				a.SetTsig(key.Name, key.Algorithm+".", 300, time.Now().Unix())
			}
			w.WriteMsg(a)
		}
	})
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return netip.MustParseAddrPort(pc.LocalAddr().String()), &heard
}

func quietNotifier() *Notifier {
	n := NewNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)))
	n.first = 10 * time.Millisecond
	return n
}

func (n *Notifier) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pending) == 0
}

func TestNotify(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	key := p.addKey("key.", HMACSHA512)
	serials := make(chan uint32, 100)
	reply := func(m *dns.Msg, _ int) *dns.Msg {
		if m.Opcode != dns.OpcodeNotify || !m.Authoritative || m.Question[0] != (dns.Question{Name: "example.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}) {
			t.Errorf("got\n%v", m)
		}
		serials <- m.Answer[0].(*dns.SOA).Serial
		return new(dns.Msg).SetReply(m)
	}
	signed, _ := listener(t, &key, reply)
	plain, _ := listener(t, nil, reply)
	n := quietNotifier()
	defer n.Close()
	n.Notify("example.", p.soa(), []Target{{signed, &key}, {plain, nil}})
	for range 2 {
		if got := <-serials; got != 7 {
			t.Errorf("serial %d", got)
		}
	}
	eventually(t, "both are told", func() bool { return n.idle() && n.counts[notifyAcknowledged].Load() == 2 })
}

// TestNotifyRetries: silence is met with repetition, up to a point; a newer serial takes an older's place.
func TestNotifyRetries(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	n := quietNotifier()
	defer n.Close()
	deaf, heard := listener(t, nil, func(*dns.Msg, int) *dns.Msg { return nil })
	n.Notify("example.", p.soa(), []Target{{deaf, nil}})
	eventually(t, "it is given up", func() bool { return n.idle() && n.counts[notifyUnanswered].Load() == 1 })
	if got := heard.Load(); got != notifyAttempts {
		t.Errorf("told %d times, want %d", got, notifyAttempts)
	}
	var last atomic.Uint32
	slow, heard := listener(t, nil, func(m *dns.Msg, times int) *dns.Msg {
		last.Store(m.Answer[0].(*dns.SOA).Serial)
		if times < 3 {
			return nil
		}
		return new(dns.Msg).SetReply(m)
	})
	n.Notify("example.", p.soa(), []Target{{slow, nil}})
	eventually(t, "it is told", func() bool { return heard.Load() > 0 })
	p.publish()
	n.Notify("example.", p.soa(), []Target{{slow, nil}})
	eventually(t, "it knows of the newer", func() bool { return n.idle() && last.Load() == 8 && n.counts[notifyAcknowledged].Load() == 1 })
}

func TestNotifyRefused(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	key := p.addKey("key.", HMACSHA256)
	n := quietNotifier()
	n.first = time.Hour // silence is no refusal
	defer n.Close()
	no, heard := listener(t, nil, func(m *dns.Msg, _ int) *dns.Msg { return new(dns.Msg).SetRcode(m, dns.RcodeRefused) })
	// An answer without signature to a NOTIFY with one could be anybody's.
	unsigned, _ := listener(t, nil, func(m *dns.Msg, _ int) *dns.Msg { return new(dns.Msg).SetRcode(m, dns.RcodeSuccess) })
	n.Notify("example.", p.soa(), []Target{{no, nil}, {unsigned, &key}})
	eventually(t, "both are given up", func() bool { return n.idle() && n.counts[notifyRefused].Load() == 2 })
	if heard.Load() != 1 {
		t.Errorf("told %d times", heard.Load())
	}
}

// TestNotifyClose: what is under way ends at once.
func TestNotifyClose(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	n := NewNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)))
	n.first = time.Hour
	deaf, heard := listener(t, nil, func(*dns.Msg, int) *dns.Msg { return nil })
	n.Notify("example.", p.soa(), []Target{{deaf, nil}})
	eventually(t, "it is told", func() bool { return heard.Load() > 0 })
	n.Close()
	n.Notify("example.", p.soa(), []Target{{deaf, nil}})
	if heard.Load() != 1 {
		t.Error("told after Close")
	}
}
