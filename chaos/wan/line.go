package wan

import (
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Counts is what became of one direction's packets. Sent + Duplicated = Delivered + Lost + Overflowed + Cut + those under way.
type Counts struct {
	Sent       uint64 `json:"sent"`
	Delivered  uint64 `json:"delivered"`
	Octets     uint64 `json:"octets"` // delivered, without headers
	Lost       uint64 `json:"lost"`   // by chance
	Overflowed uint64 `json:"overflowed"`
	Cut        uint64 `json:"cut"` // sent into a cut, or under way when it came
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"` // held back
}

// line is one direction without clock and sockets: it decides what becomes of each packet, and holds those under way. Times are since the
// network's start.
type line struct {
	link    Link
	random  *rand.Rand
	flights flights
	number  uint64        // of the next flight
	exit    time.Duration // when the last packet so far has left the rate's queue
	last    time.Duration // when the last packet so far that keeps the order arrives
	weight  int           // octets under way
	counts  Counts
}

func newLine(seed uint64, from, to string, l Link) *line {
	name := fnv.New64a()
	name.Write([]byte(from + "\x00" + to))
	return &line{link: l, random: rand.New(rand.NewPCG(seed, name.Sum64()))}
}

// fate is what chance has for one packet. All of it is drawn for every packet, so that a packet's fate doesn't depend on what the link
// was like for the ones before it.
type fate struct{ loss, duplicate, reorder, jitter, lateness, again float64 }

func (l *line) draw() fate {
	r := l.random
	return fate{r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64(), r.Float64()}
}

// set changes the link for the packets to come; they may overtake those under way. A cut takes these, too.
func (l *line) set(link Link) {
	if link.Cut {
		for _, f := range l.flights {
			f.packet.release()
		}
		l.counts.Cut += uint64(len(l.flights))
		l.flights, l.weight = nil, 0
	}
	if link.Rate != l.link.Rate || link.Cut {
		l.exit = 0 // what waits keeps its time, and nothing waits for it
	}
	l.link, l.last = link, 0
}

// send puts a packet on its way, or loses it. The line owns it from then on.
func (l *line) send(now time.Duration, p packet) {
	f := l.draw()
	l.counts.Sent++
	if l.link.Cut {
		l.counts.Cut++
		p.release()
		return
	}
	if f.loss < l.link.Loss {
		l.counts.Lost++
		p.release()
		return
	}
	leaves, ok := l.enqueue(now, len(p.data))
	if !ok {
		l.counts.Overflowed++
		p.release()
		return
	}
	if f.duplicate < l.link.Duplicate && l.weight+2*len(p.data) <= maxUnderWay {
		l.counts.Duplicated++
		l.depart(leaves, f.again, f, p.copy())
	}
	l.depart(leaves, f.jitter, f, p)
}

// enqueue is when a packet of so many octets leaves the queue in front of the rate; not ok if it finds no room.
func (l *line) enqueue(now time.Duration, octets int) (leaves time.Duration, ok bool) {
	if l.weight+octets > maxUnderWay {
		return 0, false
	}
	if l.link.Rate == 0 {
		return now, true
	}
	begins := max(now, l.exit)
	if begins-now > l.link.duration(l.link.queue()) {
		return 0, false
	}
	l.exit = begins + l.link.duration(octets+headers)
	return l.exit, true
}

// depart gives the packet the time of its arrival.
func (l *line) depart(leaves time.Duration, jitter float64, f fate, p packet) {
	arrives := leaves + l.link.Delay + time.Duration(jitter*float64(l.link.Jitter))
	arrives = max(arrives, l.last)
	if f.reorder < l.link.Reorder {
		l.counts.Reordered++
		arrives += time.Duration(f.lateness * float64(l.link.Delay/2+lateness))
	} else {
		l.last = arrives
	}
	heap.Push(&l.flights, flight{arrives, l.number, p})
	l.number++
	l.weight += len(p.data)
}

// next is when the next packet arrives, if one is under way.
func (l *line) next() (at time.Duration, any bool) {
	if len(l.flights) == 0 {
		return 0, false
	}
	return l.flights[0].arrives, true
}

// arrive hands over a packet whose time has come, if there is one.
func (l *line) arrive(now time.Duration) (p packet, ok bool) {
	if at, any := l.next(); !any || at > now {
		return packet{}, false
	}
	p = heap.Pop(&l.flights).(flight).packet
	l.weight -= len(p.data)
	l.counts.Delivered++
	l.counts.Octets += uint64(len(p.data))
	return p, true
}

// flight is a packet under way. Those that arrive at the same time do so in the order of their numbers.
type flight struct {
	arrives time.Duration
	number  uint64
	packet  packet
}

// flights is a heap (container/heap), the next to arrive first.
type flights []flight

func (f flights) Len() int      { return len(f) }
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f flights) Less(i, j int) bool {
	return f[i].arrives < f[j].arrives || f[i].arrives == f[j].arrives && f[i].number < f[j].number
}
func (f *flights) Push(x any) { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = flight{}
	*f = (*f)[:last]
	return x
}
