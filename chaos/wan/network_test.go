package wan

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must come. It is a bound for failure, never a pause.
const patience = time.Minute

func newNetwork(t testing.TB, initial Link) *Network {
	t.Helper()
	n, err := New(1, initial, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func relayTo(t testing.TB, n *Network, from, to string, target net.Addr) netip.AddrPort {
	t.Helper()
	a, err := n.Relay(from, to, "127.0.0.1:0", target.String())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func apply(t testing.TB, n *Network, changes []Change) {
	t.Helper()
	if err := n.Apply(changes...); err != nil {
		t.Fatal(err)
	}
}

func udp(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echo is a socket that sends everything back.
func echo(t testing.TB) *net.UDPConn {
	t.Helper()
	conn := udp(t)
	var loop sync.WaitGroup
	loop.Go(func() {
		receive(conn, func(data []byte, from netip.AddrPort) { conn.WriteToUDPAddrPort(data, from) })
	})
	t.Cleanup(func() {
		conn.Close()
		loop.Wait()
	})
	return conn
}

func send(t testing.TB, conn *net.UDPConn, to netip.AddrPort, data []byte) {
	t.Helper()
	if _, err := conn.WriteToUDPAddrPort(data, to); err != nil {
		t.Fatal(err)
	}
}

// next is the next datagram, which must come.
func next(t testing.TB, conn *net.UDPConn) []byte {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, maxDatagram)
	k, _, err := conn.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:k]
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// stateOf is the state of a direction.
func stateOf(t testing.TB, n *Network, from, to string) Direction {
	t.Helper()
	for _, d := range n.Directions() {
		if d.From == from && d.To == to {
			return d
		}
	}
	t.Fatalf("no direction from %s to %s", from, to)
	return Direction{}
}

// awaitCounts waits until the direction's counts are as wanted.
func awaitCounts(t testing.TB, n *Network, from, to string, wanted func(Counts) bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !wanted(stateOf(t, n, from, to).Counts) {
		if time.Now().After(deadline) {
			t.Fatalf("%s to %s counts %+v", from, to, stateOf(t, n, from, to).Counts)
		}
		time.Sleep(time.Millisecond)
	}
}

// No echo is early, and one of some is exact: on a busy machine the others may wait for a core.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Delayed(20*ms))
	front := relayTo(t, n, "a", "b", echo(t).LocalAddr())
	conn := udp(t)
	var excess []time.Duration
	for deadline := time.Now().Add(patience); len(excess) < 10 || slices.Min(excess) > 3*ms; {
		if time.Now().After(deadline) {
			t.Fatalf("every echo is late; the best by %v", slices.Min(excess))
		}
		begin := time.Now()
		send(t, conn, front, number(uint32(len(excess))))
		got := next(t, conn)
		took := time.Since(begin)
		if binary.BigEndian.Uint32(got) != uint32(len(excess)) {
			t.Fatalf("echo %d is %x", len(excess), got)
		}
		if took < 40*ms {
			t.Fatalf("an echo over two times 20 ms took %v", took)
		}
		excess = append(excess, took-40*ms)
	}
	slices.Sort(excess)
	t.Logf("%d echoes over 40 ms; beyond it p50 %v, most %v", len(excess), excess[len(excess)/2], excess[len(excess)-1])
}

// The way there and the way back are two directions.
func TestDirectionsDiffer(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{})
	target := udp(t)
	front := relayTo(t, n, "a", "b", target.LocalAddr())
	apply(t, n, Make("b", "a", Link{Loss: 1}))
	conn := udp(t)
	for i := range 3 {
		send(t, conn, front, number(uint32(i)))
		if got := binary.BigEndian.Uint32(next(t, target)); got != uint32(i) {
			t.Errorf("packet %d came as %d", i, got)
		}
	}
	if d := stateOf(t, n, "b", "a"); d.Link.Loss != 1 || stateOf(t, n, "a", "b").Link.Loss != 0 {
		t.Errorf("both directions changed: %+v", n.Directions())
	}
}

// Two nodes dial each other through a relay each; what one of them sends to the other takes the same direction either way.
func TestBothDial(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{})
	a, b := echo(t), udp(t)
	toB := relayTo(t, n, "a", "b", b.LocalAddr())
	toA := relayTo(t, n, "b", "a", a.LocalAddr())
	send(t, b, toA, number(1)) // b dials a, whose echo goes from a to b
	next(t, b)
	send(t, a, toB, number(2))
	next(t, b)
	if ab, ba := stateOf(t, n, "a", "b").Counts, stateOf(t, n, "b", "a").Counts; ab.Delivered != 2 || ba.Delivered != 1 {
		t.Errorf("a to b delivered %d, b to a %d; want 2 and 1", ab.Delivered, ba.Delivered)
	}
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Delayed(ms))
	front := relayTo(t, n, "a", "b", echo(t).LocalAddr())
	var clients sync.WaitGroup
	for c := range uint32(60) {
		conn := udp(t)
		clients.Go(func() {
			for i := range uint32(20) {
				if _, err := conn.WriteToUDPAddrPort(number(c<<16|i), front); err != nil {
					t.Error(err)
					return
				}
				conn.SetReadDeadline(time.Now().Add(patience))
				var buffer [8]byte
				k, from, err := conn.ReadFromUDPAddrPort(buffer[:])
				if err != nil || k != 4 || binary.BigEndian.Uint32(buffer[:]) != c<<16|i || from != front {
					t.Errorf("client %d got %x from %v, %v", c, buffer[:k], from, err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// A relay remembers so many clients; the one heard of least recently makes room, and is known again when it sends.
func TestClientsAreBounded(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{})
	front := relayTo(t, n, "a", "b", echo(t).LocalAddr())
	var conns []*net.UDPConn
	for i := range maxClients + 3 {
		conns = append(conns, udp(t))
		send(t, conns[i], front, number(uint32(i)))
		next(t, conns[i])
		if i > 0 { // this one stays
			send(t, conns[0], front, number(0))
			next(t, conns[0])
		}
	}
	r := n.relays[pair{"a", "b"}]
	known := func(c *net.UDPConn) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, ok := r.clients[c.LocalAddr().(*net.UDPAddr).AddrPort()]
		return ok && len(r.clients) == maxClients
	}
	if !known(conns[0]) || known(conns[1]) || !known(conns[maxClients+2]) {
		t.Errorf("of %d clients, the wrong ones are known", len(conns))
	}
	send(t, conns[1], front, number(1))
	next(t, conns[1])
}

func TestCutAndHeal(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Delayed(5*ms))
	target := udp(t)
	front := relayTo(t, n, "a", "b", target.LocalAddr())
	conn := udp(t)
	sent := uint64(0)
	for round := range uint32(5) {
		// Some are under way when the cut comes, some are sent into it. All that is sent before the cut counts as delivered or cut when it is
		// made; nothing comes after it.
		for range 10 {
			send(t, conn, front, number(round))
			sent++
		}
		awaitCounts(t, n, "a", "b", func(c Counts) bool { return c.Sent == sent })
		apply(t, n, Cut("a", "b"))
		passed := stateOf(t, n, "a", "b").Counts.Delivered
		for range 10 {
			send(t, conn, front, number(1000+round))
			sent++
		}
		awaitCounts(t, n, "a", "b", func(c Counts) bool { return c.Sent == sent && c.Cut+c.Delivered == sent })
		apply(t, n, Heal())
		send(t, conn, front, number(2000+round))
		sent++
		for {
			got := binary.BigEndian.Uint32(next(t, target))
			if got == 2000+round {
				break
			}
			if got != round {
				t.Fatalf("%d came through a cut", got)
			}
		}
		if c := stateOf(t, n, "a", "b").Counts; c.Delivered != passed+1 {
			t.Errorf("%d were delivered when the path was cut, %d after it was healed and used once", passed, c.Delivered)
		}
	}
}

func TestChangesFitDirections(t *testing.T) {
	t.Parallel()
	sites := []string{"a", "b", "c"}
	n := newNetwork(t, Delayed(ms))
	for _, from := range sites {
		for _, to := range sites {
			if from != to {
				relayTo(t, n, from, to, udp(t).LocalAddr())
			}
		}
	}
	cuts := func() (all string) {
		for _, d := range n.Directions() {
			if d.Link.Cut {
				all += d.From + d.To + " "
			}
			if d.Link.Delay != ms {
				t.Errorf("%s to %s now has delay %v", d.From, d.To, d.Link.Delay)
			}
		}
		return all
	}
	for _, step := range []struct {
		changes []Change
		want    string
	}{
		{Cut("a", "b"), "ab ba "},
		{CutOneWay("c", "a"), "ab ba ca "},
		{HealBetween("a", "b"), "ca "},
		{Isolate("b"), "ab ba bc ca cb "},
		{HealBetween("b", ""), "ca "},
		{CutOneWay("", "b"), "ab ca cb "},
		{Heal(), ""},
		{Cut("", ""), "ab ac ba bc ca cb "},
		{append(Heal(), Isolate("c")...), "ac bc ca cb "},
		{Heal(), ""},
	} {
		apply(t, n, step.changes)
		if got := cuts(); got != step.want {
			t.Errorf("after %+v cut are %q, want %q", step.changes, got, step.want)
		}
	}
	// All or nothing.
	for _, bad := range [][]Change{
		append(Isolate("a"), CutOneWay("a", "nowhere")...),
		append(Isolate("a"), CutOneWay("a", "a")...),
		append(Isolate("a"), Change{Loss: new(1.5)}),
		append(Isolate("a"), Change{Delay: new(-ms)}),
		append(Isolate("a"), Change{Rate: new(int64(MaxRate + 1))}),
		append(Isolate("a"), Change{Queue: new(-1)}),
	} {
		if err := n.Apply(bad...); !errors.Is(err, ErrLink) && !errors.Is(err, ErrNoDirection) {
			t.Errorf("%+v: %v", bad[1:], err)
		}
		if got := cuts(); got != "" {
			t.Errorf("a change that was refused cut %q", got)
		}
	}
}

func TestImpossibleNetworks(t *testing.T) {
	t.Parallel()
	if _, err := New(1, Link{Loss: 2}, nil); !errors.Is(err, ErrLink) {
		t.Errorf("New with a loss of 2: %v", err)
	}
	n := newNetwork(t, Link{})
	taken := udp(t).LocalAddr().String()
	relayTo(t, n, "a", "b", udp(t).LocalAddr())
	for _, r := range [][4]string{
		{"a", "c", taken, taken}, {"a", "c", "127.0.0.1:0", "nonsense"}, {"a", "c", "nonsense", taken},
		{"a", "a", "127.0.0.1:0", taken}, {"", "a", "127.0.0.1:0", taken}, {"a", "b", "127.0.0.1:0", taken},
	} {
		if a, err := n.Relay(r[0], r[1], r[2], r[3]); err == nil {
			t.Errorf("relay %v is at %v", r, a)
		}
	}
	n.Close()
	if _, err := n.Relay("x", "y", "127.0.0.1:0", taken); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a relay of a closed network: %v", err)
	}
}

// A target that is down and comes back at the same address misses what came meanwhile, and gets the rest.
func TestTargetRestarts(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{})
	target := udp(t)
	front := relayTo(t, n, "a", "b", target.LocalAddr())
	conn := udp(t)
	send(t, conn, front, number(1))
	next(t, target)
	address := target.LocalAddr().(*net.UDPAddr)
	target.Close()
	for i := range uint64(3) {
		send(t, conn, front, number(2))
		awaitCounts(t, n, "a", "b", func(c Counts) bool { return c.Delivered == 2+i })
	}
	again, err := net.ListenUDP("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	send(t, conn, front, number(3))
	if got := binary.BigEndian.Uint32(next(t, again)); got != 3 {
		t.Errorf("the first packet after the restart is number %d", got)
	}
}

// What others than the target send to a client's socket goes nowhere.
func TestStrangersAreNotRelayed(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{})
	target := udp(t)
	front := relayTo(t, n, "a", "b", target.LocalAddr())
	conn := udp(t)
	send(t, conn, front, number(1))
	buffer := make([]byte, 16)
	target.SetReadDeadline(time.Now().Add(patience))
	_, behind, err := target.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	send(t, udp(t), behind, number(666))
	send(t, target, behind, number(2))
	if got := binary.BigEndian.Uint32(next(t, conn)); got != 2 {
		t.Errorf("the client got %d", got)
	}
	if c := stateOf(t, n, "b", "a").Counts; c.Sent != 1 {
		t.Errorf("%d packets took the way back", c.Sent)
	}
}

// Datagrams of any size pass whole.
func TestSizes(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, Link{Duplicate: 1})
	front := relayTo(t, n, "a", "b", echo(t).LocalAddr())
	for _, octets := range []int{0, 1, smallPacket, smallPacket + 1, 9000} {
		conn := udp(t)
		data := make([]byte, octets)
		for i := range data {
			data[i] = byte(i * 7)
		}
		send(t, conn, front, data)
		for range 4 { // doubled on both ways
			if got := next(t, conn); !slices.Equal(got, data) {
				t.Errorf("%d octets came back as %d", octets, len(got))
			}
		}
	}
}

func BenchmarkRelay(b *testing.B) {
	n := newNetwork(b, Link{})
	front := relayTo(b, n, "a", "b", echo(b).LocalAddr())
	conn := udp(b)
	for b.Loop() {
		send(b, conn, front, number(1))
		next(b, conn)
	}
}
