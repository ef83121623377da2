package dnsserve

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

func TestConfigRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cfg  Config
		want string
	}{
		{Config{}, "no address"},
		{Config{Listen: []string{"localhost:53"}}, "not IP:port"},
		{Config{Listen: []string{"127.0.0.1"}}, "not IP:port"},
		{Config{Listen: []string{"0.0.0.0:0"}}, "list the addresses"},
		{Config{Listen: []string{"127.0.0.1:0"}, UDPSize: 511}, "UDP size"},
		{Config{Listen: []string{"127.0.0.1:0"}, UDPSize: 4097}, "UDP size"},
		{Config{Listen: []string{"127.0.0.1:0"}, NSID: strings.Repeat("x", 129)}, "NSID"},
		{Config{Listen: []string{"127.0.0.1:0"}, UDPWorkers: -1}, "workers"},
		{Config{Listen: []string{"127.0.0.1:0"}, MaxTCP: -1}, "negative"},
		{Config{Listen: []string{"192.0.2.1:0"}}, "listen on UDP 192.0.2.1:0"},
	}
	for _, test := range tests {
		s := NewServer(test.cfg, NewZones())
		if err := s.ListenAndServe(context.Background()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.cfg, err, test.want)
		}
		if s.Addr().IsValid() {
			t.Errorf("%+v: still bound to %v", test.cfg, s.Addr())
		}
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, NewZones())
	s := NewServer(Config{Listen: []string{"127.0.0.1:0", addr}}, NewZones())
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
	if len(s.Addrs()) != 0 {
		t.Errorf("still bound to %v", s.Addrs())
	}
}

// everywhere serves every IPv4 address on a port that is free on the loopback; should another address, or
// another process in between, have it, on the next such port.
func everywhere(t *testing.T) (*Server, uint16) {
	for tries := 20; ; tries-- {
		probe := NewServer(Config{Listen: []string{"127.0.0.1:0"}}, NewZones())
		if err := probe.Listen(); err != nil {
			t.Fatal(err)
		}
		addr := probe.Addr()
		if err := probe.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		listen := []string{"0.0.0.0:" + strconv.Itoa(int(addr.Port())), addr.String()}
		s := NewServer(Config{Listen: listen}, exampleZones(t))
		err := s.Listen()
		if err == nil {
			run(t, s)
			return s, addr.Port()
		}
		if tries == 0 {
			t.Fatal(err)
		}
	}
}

// TestUnspecifiedAddress: one socket for each address of the machine, so that answers come from where they
// were asked for. The client's connected socket would not take them from elsewhere.
func TestUnspecifiedAddress(t *testing.T) {
	t.Parallel()
	s, port := everywhere(t)
	addrs := s.Addrs()
	loopback := false
	for _, a := range addrs {
		loopback = loopback || a == netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
		for _, network := range []string{"udp", "tcp"} {
			if in := exchange(t, network, a.String(), question("example.", dns.TypeSOA)); len(in.Answer) != 1 {
				t.Errorf("%s %s:\n%v", network, a, in)
			}
		}
	}
	if !loopback {
		t.Errorf("127.0.0.1 is not among %v", addrs)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	s := NewServer(Config{Listen: []string{"[::1]:0"}}, exampleZones(t))
	if err := s.Listen(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no IPv6 loopback: %v", err)
		}
		t.Skipf("no IPv6 loopback: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, Config{Listen: []string{"[::1]:0"}}, exampleZones(t))
	for _, network := range []string{"udp", "tcp"} {
		if in := exchange(t, network, addr, question("example.", dns.TypeSOA)); len(in.Answer) != 1 {
			t.Errorf("%s:\n%v", network, in)
		}
	}
}

func TestServeEndsWithContext(t *testing.T) {
	t.Parallel()
	s := NewServer(Config{Listen: []string{"127.0.0.1:0"}}, exampleZones(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.ListenAndServe(ctx) }()
	eventually(t, "listening", func() bool { return s.Addr().IsValid() })
	if in := exchange(t, "tcp", s.Addr().String(), question("example.", dns.TypeSOA)); len(in.Answer) != 1 {
		t.Errorf("got\n%v", in)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Fatal("Serve goes on")
	}
}

// TestFaultIsFenced: a panic over one message is counted and costs no other message its answer.
func TestFaultIsFenced(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	s, addr := serve(t, Config{UDPWorkers: 1}, zones)
	load(t, zones, "broken.", "broken. 1 SOA a. b. 1 1 1 1 1")
	// A version without names is what no Load makes: the walk from the apex falls over it.
	zones.table.Load().zones["\x06broken\x00"].version.Store(&version{origin: []byte("\x06broken\x00"), labels: 1})
	c, err := dns.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteMsg(question("x.broken.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "fault counted", func() bool { return s.udpStats[0].panics.Load() == 1 })
	if in := exchange(t, "udp", addr, question("example.", dns.TypeSOA)); len(in.Answer) != 1 {
		t.Errorf("got\n%v", in)
	}
	zones.Drop("broken.")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	s, addr := serve(t, Config{}, zones)
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(s); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		exchange(t, "udp", addr, question("example.", dns.TypeSOA))
	}
	exchange(t, "udp", addr, question("nothing.example.", 257))
	exchange(t, "tcp", addr, question("com.", 65000))
	exchange(t, "tcp", addr, withOPT(question("example.", dns.TypeA), 1232, func(o *dns.OPT) { o.SetVersion(9) }))
	raw(t, addr, make([]byte, 12))
	want := map[string]float64{
		"quorate_dns_queries_total tcp A":          1,
		"quorate_dns_queries_total tcp other":      1,
		"quorate_dns_queries_total udp CAA":        1,
		"quorate_dns_queries_total udp SOA":        3,
		"quorate_dns_queries_total udp none":       1,
		"quorate_dns_responses_total BADVERS tcp":  1,
		"quorate_dns_responses_total REFUSED tcp":  1,
		"quorate_dns_responses_total NOERROR udp":  3,
		"quorate_dns_responses_total NXDOMAIN udp": 1,
		"quorate_dns_responses_total FORMERR udp":  1,
		"quorate_dns_dropped_total udp":            0,
		"quorate_dns_dropped_total tcp":            0,
		"quorate_dns_faults_total udp":             0,
		"quorate_dns_faults_total tcp":             0,
		"quorate_dns_truncated_total udp":          0,
		"quorate_dns_truncated_total tcp":          0,
		"quorate_dns_tcp_connections":              0,
		"quorate_dns_tcp_turned_away_total":        0,
		"quorate_zone_serial example.":             7,
		"quorate_zone_names example.":              28,
		"quorate_zone_image_damages_total":         0,

		"quorate_zone_image_bytes example.":        float64(served(s.zones, "\x07example\x00").next) * unit,
		"quorate_zone_image_unused_bytes example.": float64(served(s.zones, "\x07example\x00").garbage),
	}
	eventually(t, "connections gone", func() bool { return s.conns.count.Load() == 0 })
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			key := f.GetName()
			if f.GetName() == "quorate_dns_queries_total" {
				key += " " + m.Label[0].GetValue() + " " + m.Label[1].GetValue()
			} else {
				for _, l := range m.Label {
					key += " " + l.GetValue()
				}
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for key, value := range want {
		if v, ok := got[key]; !ok || v != value {
			t.Errorf("%s: %v (%v), want %v", key, v, ok, value)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("unexpected %s = %v", key, got[key])
		}
	}
}
