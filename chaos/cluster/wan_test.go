package cluster

import (
	"errors"
	"net"
	"testing"
	"time"

	"quorate/chaos/wan"
	"quorate/node/config"
)

func TestSitesDialThroughTheWideArea(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{Sites: SiteNames(9), WAN: RoundTrip(80 * time.Millisecond)})
	seen := map[string]bool{}
	for _, s := range c.Sites() {
		cfg, err := config.Load(c.configFile(s), nil)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Raft.Heartbeat != config.Default().Raft.Heartbeat {
			t.Errorf("%s: heartbeat %v at 80 ms", s, time.Duration(cfg.Raft.Heartbeat))
		}
		for _, a := range []string{cfg.Transport.Listen, cfg.EPP.Listen, cfg.WHOIS.Listen, cfg.RDAP.Listen, cfg.DNS.Listen[0], cfg.Admin.Listen, cfg.Metrics.Listen} {
			seen[a] = true
		}
		for _, p := range cfg.Peers {
			if p.Address != c.Addresses(p.ID).Transport || (p.Dial == "") != (p.ID == s) {
				t.Errorf("%s has peer %+v", s, p)
			}
			if p.Dial != "" && seen[p.Dial] {
				t.Errorf("%s is the address of more than one", p.Dial)
			}
			seen[p.Dial] = true
		}
	}
}

func TestHeartbeatFitsTheRoundTrip(t *testing.T) {
	t.Parallel()
	for _, h := range []struct {
		o    Options
		want time.Duration
	}{
		{Options{}, 250 * time.Millisecond},
		{Options{WAN: RoundTrip(200 * time.Millisecond)}, 600 * time.Millisecond},
		{Options{WAN: &WAN{Link: wan.Link{Delay: 50 * time.Millisecond, Jitter: 10 * time.Millisecond}}}, 360 * time.Millisecond},
		{Options{WAN: RoundTrip(time.Second), Heartbeat: time.Second}, time.Second},
	} {
		if got := time.Duration(newCluster(t, h.o).siteConfig("site1").Raft.Heartbeat); got != h.want {
			t.Errorf("%+v: heartbeat %v, want %v", h.o.WAN, got, h.want)
		}
	}
}

// The wide area in this process lives from start to stop, carries packets to the sites, and can be controlled from another process.
func TestWideAreaLife(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{WAN: RoundTrip(2 * time.Millisecond)})
	for range 2 {
		if err := c.startWAN(t.Context()); err != nil {
			t.Fatal(err)
		}
		target, err := net.ListenPacket("udp", c.Addresses("site3").Transport)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("udp", c.relayAddress("site2", "site3"))
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 8)
		target.SetReadDeadline(time.Now().Add(startTimeout))
		if _, err := conn.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		n, _, err := target.ReadFrom(buffer)
		if err = errors.Join(err, target.Close(), conn.Close()); err != nil || string(buffer[:n]) != "hello" {
			t.Errorf("%q arrived, %v", buffer[:n], err)
		}
		elsewhere, err := Open(c.Dir(), c.options.Binary)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := elsewhere.WANControl().Apply(t.Context(), wan.Isolate("site1")...); err != nil || len(all) != 6 {
			t.Errorf("%d directions, %v", len(all), err)
		}
		cut := 0
		for _, d := range c.WAN().Directions() {
			if d.Link.Delay != time.Millisecond || d.From == "site2" && d.To == "site3" && d.Counts.Delivered != 1 {
				t.Errorf("%+v", d)
			}
			if d.Link.Cut {
				cut++
			}
		}
		if cut != 4 {
			t.Errorf("%d directions are cut, want 4", cut)
		}
		if err := c.StopAll(); err != nil {
			t.Error(err)
		}
		if _, err := elsewhere.WANControl().Directions(t.Context()); !errors.Is(err, wan.ErrControl) || c.WAN() != nil {
			t.Errorf("after the stop: %v", err)
		}
	}
}

func TestRelayPortInUse(t *testing.T) {
	t.Parallel()
	for _, process := range []bool{false, true} {
		w := RoundTrip(time.Millisecond)
		w.Process = process
		c := newCluster(t, Options{WAN: w})
		taken, err := net.ListenPacket("udp", c.relayAddress("site3", "site1"))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		if err := c.Up(t.Context(), nil); !errors.Is(err, ErrPortInUse) {
			t.Errorf("Up: %v", err)
		}
		for _, s := range append(c.Sites(), wanName) {
			if c.Running(s) {
				t.Errorf("%s is left running", s)
			}
		}
	}
}
