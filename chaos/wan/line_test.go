package wan

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

// numbered is a packet of so many octets that begins with a number.
func numbered(n uint32, octets int) packet {
	data := make([]byte, max(4, octets))
	binary.BigEndian.PutUint32(data, n)
	return packet{data: data}
}

// arrival is which packet came, and when.
type arrival struct {
	number uint32
	at     time.Duration
}

// drain takes all arrivals until the line is empty, each at its time.
func drain(l *line) (all []arrival) {
	for {
		at, any := l.next()
		if !any {
			return all
		}
		p, ok := l.arrive(at)
		if !ok {
			panic("what is next doesn't arrive at its time")
		}
		all = append(all, arrival{binary.BigEndian.Uint32(p.data), at})
	}
}

// pour sends n packets of so many octets, one each interval, and returns all arrivals.
func pour(l *line, n, octets int, interval time.Duration) []arrival {
	for i := range n {
		l.send(time.Duration(i)*interval, numbered(uint32(i), octets))
	}
	return drain(l)
}

func TestDelay(t *testing.T) {
	t.Parallel()
	l := newLine(1, "a", "b", Delayed(40*ms))
	l.send(3*ms, numbered(7, 100))
	if _, ok := l.arrive(43*ms - 1); ok {
		t.Error("a packet is early")
	}
	if p, ok := l.arrive(43 * ms); !ok || binary.BigEndian.Uint32(p.data) != 7 {
		t.Error("a packet isn't there in time")
	}
	if _, ok := l.arrive(time.Hour); ok {
		t.Error("a packet came twice")
	}
}

func TestJitterKeepsTheOrder(t *testing.T) {
	t.Parallel()
	const n = 2000
	l := newLine(1, "a", "b", Link{Delay: 10 * ms, Jitter: 6 * ms})
	got := pour(l, n, 100, ms)
	var least, most time.Duration = math.MaxInt64, 0
	for i, a := range got {
		if a.number != uint32(i) {
			t.Fatalf("packet %d came as number %d", a.number, i)
		}
		took := a.at - time.Duration(i)*ms
		least, most = min(least, took), max(most, took)
	}
	if len(got) != n || least < 10*ms || least > 11*ms || most > 16*ms || most < 15*ms {
		t.Errorf("%d packets took %v to %v, want %d from 10 to 16 ms", len(got), least, most, n)
	}
}

// within reports whether n of total is the share to five standard deviations: with a fixed seed a matter of the seed, not of luck.
func within(t *testing.T, what string, n uint64, share float64, total int) {
	t.Helper()
	mean, deviation := share*float64(total), math.Sqrt(share*(1-share)*float64(total))
	if math.Abs(float64(n)-mean) > 5*deviation {
		t.Errorf("%s: %d of %d, want about %.0f", what, n, total, mean)
	}
}

func TestLossAndDuplicates(t *testing.T) {
	t.Parallel()
	const n = 100_000
	l := newLine(2, "a", "b", Link{Delay: ms, Jitter: ms, Loss: 0.05, Duplicate: 0.02})
	got := pour(l, n, 100, 10*time.Microsecond)
	times := make([]int, n)
	for _, a := range got {
		times[a.number]++
	}
	var lost, twice uint64
	for _, k := range times {
		switch k {
		case 0:
			lost++
		case 2:
			twice++
		case 1:
		default:
			t.Fatalf("a packet came %d times", k)
		}
	}
	within(t, "lost", lost, 0.05, n)
	within(t, "doubled", twice, 0.95*0.02, n)
	c := l.counts
	if c.Lost != lost || c.Duplicated != twice || c.Sent != n || c.Delivered != uint64(len(got)) || c.Octets != 100*c.Delivered {
		t.Errorf("counted %+v; lost %d, doubled %d, delivered %d", c, lost, twice, len(got))
	}
}

func TestReorder(t *testing.T) {
	t.Parallel()
	const n = 20_000
	l := newLine(3, "a", "b", Link{Delay: 20 * ms, Reorder: 0.1})
	got := pour(l, n, 100, 100*time.Microsecond)
	overtaken := uint64(0) // packets that come after one sent later
	newest := uint32(0)
	for _, a := range got {
		if a.number < newest {
			overtaken++
		}
		newest = max(newest, a.number)
		if late := a.at - time.Duration(a.number)*100*time.Microsecond; late < 20*ms || late > 32*ms {
			t.Fatalf("packet %d took %v", a.number, late)
		}
	}
	within(t, "held back", l.counts.Reordered, 0.1, n)
	if len(got) != n || overtaken == 0 || overtaken > l.counts.Reordered {
		t.Errorf("%d arrived, %d overtaken, %d held back", len(got), overtaken, l.counts.Reordered)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	// 1 Mbit/s: 125 octets take 1 ms.
	const octets, n = 125 - headers, 50
	l := newLine(4, "a", "b", Link{Delay: 30 * ms, Rate: 1_000_000, Queue: 20 * 125})
	for i := range n {
		l.send(0, numbered(uint32(i), octets))
	}
	got := drain(l)
	for i, a := range got {
		if want := 30*ms + time.Duration(i+1)*ms; a.at != want || a.number != uint32(i) {
			t.Fatalf("packet %d came as number %d at %v, want %v", a.number, i, a.at, want)
		}
	}
	// One goes out, twenty wait; the rest finds the queue full.
	if len(got) != 21 || l.counts.Overflowed != n-21 {
		t.Errorf("%d of %d passed, %d found the queue full; want 21", len(got), n, l.counts.Overflowed)
	}
	l.send(time.Second, numbered(99, octets))
	if got := drain(l); len(got) != 1 || got[0].at != time.Second+31*ms {
		t.Errorf("after a pause, a packet comes as %v", got)
	}
}

func TestWhatIsUnderWayIsBounded(t *testing.T) {
	t.Parallel()
	l := newLine(5, "a", "b", Delayed(MaxDelay))
	big := make([]byte, 60_000)
	n := 0
	for ; l.counts.Overflowed == 0; n++ {
		l.send(0, packet{data: big})
	}
	if l.weight > maxUnderWay || n < maxUnderWay/60_000 {
		t.Errorf("%d octets under way after %d packets; the bound is %d", l.weight, n, maxUnderWay)
	}
}

func TestCutTakesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLine(6, "a", "b", Delayed(10*ms))
	for i := range 5 {
		l.send(0, numbered(uint32(i), 10))
	}
	l.set(Link{Delay: 10 * ms, Cut: true})
	l.send(ms, numbered(5, 10))
	if got := drain(l); len(got) != 0 || l.counts.Cut != 6 || l.weight != 0 {
		t.Errorf("through a cut came %v; %d counted, %d octets left", got, l.counts.Cut, l.weight)
	}
	l.set(Delayed(10 * ms))
	l.send(2*ms, numbered(6, 10))
	if got := drain(l); !slices.Equal(got, []arrival{{6, 12 * ms}}) {
		t.Errorf("after the cut came %v", got)
	}
}

// A shorter delay holds at once: packets don't wait for those that were sent before it.
func TestChangedDelay(t *testing.T) {
	t.Parallel()
	l := newLine(7, "a", "b", Delayed(time.Second))
	l.send(0, numbered(0, 10))
	l.set(Delayed(ms))
	l.send(ms, numbered(1, 10))
	if got := drain(l); !slices.Equal(got, []arrival{{1, 2 * ms}, {0, time.Second}}) {
		t.Errorf("came as %v", got)
	}
}

func TestSeedDecides(t *testing.T) {
	t.Parallel()
	wild := Link{Delay: 10 * ms, Jitter: 5 * ms, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}
	run := func(seed uint64, from string, first Link) string {
		l := newLine(seed, from, "b", first)
		for i := range 50 {
			l.send(time.Duration(i)*ms, numbered(uint32(i), 100))
		}
		drain(l)
		l.set(wild)
		for i := range 200 {
			l.send(time.Duration(100+i)*ms, numbered(uint32(i), 100))
		}
		return fmt.Sprint(drain(l))
	}
	same := run(8, "a", wild)
	if run(8, "a", wild) != same {
		t.Error("the same seed brings another fate")
	}
	if run(8, "a", Link{Rate: 1_000_000}) != same {
		t.Error("what a link was like changes the fate of the packets that come after")
	}
	if run(9, "a", wild) == same || run(8, "c", wild) == same {
		t.Error("another seed or direction has the same fate")
	}
}

// FuzzLine: whatever the link, time and packets, nothing is early, nothing is lost sight of, and the bounds hold.
func FuzzLine(f *testing.F) {
	f.Add(uint64(1), int64(ms), int64(0), 0.1, 0.1, 0.1, int64(0), 0, []byte{1, 2, 3})
	f.Add(uint64(2), int64(0), int64(ms), 0.0, 1.0, 1.0, int64(1), 1, []byte{255, 255, 0, 255})
	f.Add(uint64(3), int64(MaxDelay), int64(MaxDelay), 1.0, 0.0, 0.0, int64(MaxRate), maxQueue, []byte{9})
	f.Fuzz(func(t *testing.T, seed uint64, delay, jitter int64, loss, duplicate, reorder float64, rate int64, queue int, sizes []byte) {
		link := Link{time.Duration(delay), time.Duration(jitter), loss, duplicate, reorder, rate, queue, false}
		if link.check() != nil {
			return
		}
		l := newLine(seed, "a", "b", link)
		now := time.Duration(0)
		for i, s := range sizes {
			l.send(now, numbered(uint32(i), int(s)*int(s)))
			if l.weight > maxUnderWay {
				t.Fatalf("%d octets under way", l.weight)
			}
			if at, any := l.next(); any && at < now {
				now = at
			}
			now += time.Duration(s)
		}
		last := time.Duration(0)
		for _, a := range drain(l) {
			if a.at < last || a.at < link.Delay {
				t.Fatalf("a packet comes at %v, after one at %v; the delay is %v", a.at, last, link.Delay)
			}
			last = a.at
		}
		if c := l.counts; c.Sent+c.Duplicated != c.Delivered+c.Lost+c.Overflowed || l.weight != 0 {
			t.Fatalf("%+v, with %d octets left", c, l.weight)
		}
	})
}
