package dnsserve

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, deadline)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	return c
}

// framed returns a message behind its length.
func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

func readFrame(t testing.TB, c net.Conn) *dns.Msg {
	t.Helper()
	var prefix [2]byte
	if _, err := io.ReadFull(c, prefix[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(prefix[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return m
}

// closedByServer fails unless the server ends the connection.
func closedByServer(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%s: the connection stays open", c.LocalAddr())
	}
}

func TestPipelining(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	c := dial(t, addr)
	const n = 500
	var batch []byte
	names := []string{"example.", "foo.example.", "nothing.example.", "a.b.wild.example."}
	for i := range n {
		m := question(names[i%len(names)], dns.TypeTXT)
		m.Id = uint16(i)
		batch = append(batch, framed(packed(t, m))...)
	}
	go c.Write(batch)
	for i := range n {
		if m := readFrame(t, c); m.Id != uint16(i) || m.Question[0].Name != names[i%len(names)] {
			t.Fatalf("answer %d is\n%v", i, m)
		}
	}
}

// TestOctetByOctet: where segments begin and end means nothing.
func TestOctetByOctet(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	c := dial(t, addr)
	for range 2 {
		for _, b := range framed(packed(t, question("example.", dns.TypeSOA))) {
			if _, err := c.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if m := readFrame(t, c); len(m.Answer) != 1 {
			t.Fatalf("got\n%v", m)
		}
	}
}

func TestTCPFrameBounds(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for _, prefix := range [][]byte{{0, 0}, {0, 11}, {0x10, 0x01}, {0xff, 0xff}} {
		c := dial(t, addr)
		// A good query before is answered; the bad length then ends the connection at once.
		c.Write(append(framed(packed(t, question("example.", dns.TypeSOA))), prefix...))
		readFrame(t, c)
		closedByServer(t, c)
	}
}

func TestTCPIdle(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{TCPIdle: 20 * time.Millisecond}, exampleZones(t))
	closedByServer(t, dial(t, addr))
	slow := dial(t, addr)
	slow.Write(framed(packed(t, question("example.", dns.TypeSOA)))[:9])
	closedByServer(t, slow)
}

func TestTCPLimits(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{MaxTCP: 3, TCPIdle: time.Hour}, {MaxTCPPerClient: 3, TCPIdle: time.Hour}} {
		s, addr := serve(t, cfg, exampleZones(t))
		var open []net.Conn
		for range 2 {
			c := dial(t, addr)
			c.Write(framed(packed(t, question("example.", dns.TypeSOA))))
			readFrame(t, c)
			open = append(open, c)
		}
		third := dial(t, addr)
		eventually(t, "third connection is open", func() bool { return s.conns.count.Load() == 3 })
		closedByServer(t, dial(t, addr))
		if s.conns.turnedAway.Load() != 1 {
			t.Errorf("%d connections turned away, want 1", s.conns.turnedAway.Load())
		}
		third.Close()
		open[0].Close()
		open[1].Close()
		eventually(t, "room again", func() bool { return s.conns.count.Load() == 0 })
		c := dial(t, addr)
		c.Write(framed(packed(t, question("example.", dns.TypeSOA))))
		readFrame(t, c)
	}
}

// TestSlowReader: a client that asks for much and reads nothing stops only itself.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, wideZone(t))
	glutton := dial(t, addr)
	glutton.(*net.TCPConn).SetReadBuffer(4096)
	query := framed(packed(t, question("huge.example.", dns.TypeTXT)))
	// Write until the server has stopped reading: its send buffer is full and so is its receive buffer.
	glutton.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	for {
		if _, err := glutton.Write(query); err != nil {
			break
		}
	}
	for range 10 {
		if in := exchange(t, "tcp", addr, question("huge.example.", dns.TypeTXT)); len(in.Answer) != 90 {
			t.Fatalf("%d records", len(in.Answer))
		}
	}
}

// TestShutdown: what was asked is answered, then the connection ends and so does Serve.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s, addr := serve(t, Config{TCPIdle: time.Hour}, exampleZones(t))
	c := dial(t, addr)
	c.Write(framed(packed(t, question("example.", dns.TypeSOA))))
	readFrame(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	for range 2 {
		if err := s.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
	closedByServer(t, c)
	if err := s.Serve(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if len(s.Addrs()) > 0 {
		t.Errorf("still bound to %v", s.Addrs())
	}
}
