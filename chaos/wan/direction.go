package wan

import (
	"fmt"
	"sync"
	"time"
)

// direction is a line with a clock: one goroutine sends out what arrives.
type direction struct {
	from, to string
	now      func() time.Duration // since the network's start
	alarm    *alarm               // rings when the next packet arrives

	// sending is held while a packet that has arrived is sent out, and when the line is cut: once a cut is made nothing follows.
	// It is taken before mu.
	sending sync.Mutex

	mu   sync.Mutex
	line *line
}

func newDirection(n *Network, from, to string) (*direction, error) {
	a, err := newAlarm()
	if err != nil {
		return nil, fmt.Errorf("timer of %s to %s: %w", from, to, err)
	}
	d := &direction{from: from, to: to, now: n.now, alarm: a, line: newLine(n.seed, from, to, n.initial)}
	n.loops.Go(d.run)
	return d, nil
}

// send puts a packet on its way.
func (d *direction) send(p packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, waits := d.line.next()
	now := d.now()
	d.line.send(now, p)
	if at, any := d.line.next(); any && (!waits || at < before) {
		d.alarm.set(at - now)
	}
}

// run sends out what arrives, until the alarm is closed.
func (d *direction) run() {
	for d.alarm.wait() == nil {
		for d.deliver() {
		}
	}
}

// deliver sends out one packet whose time has come. If there is none, it sets the alarm for the next and says so.
func (d *direction) deliver() bool {
	d.sending.Lock()
	defer d.sending.Unlock()
	p, ok := d.arrive()
	if ok {
		// An error is a socket that was closed meanwhile; a lost packet is nothing special here.
		_, _ = p.out.WriteToUDPAddrPort(p.data, p.to)
		p.release()
	}
	return ok
}

func (d *direction) arrive() (packet, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	p, ok := d.line.arrive(now)
	if at, any := d.line.next(); !ok && any {
		d.alarm.set(at - now)
	}
	return p, ok
}

func (d *direction) set(link Link) {
	d.sending.Lock()
	defer d.sending.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.set(link)
}

func (d *direction) link() Link {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.line.link
}

func (d *direction) state() Direction {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Direction{From: d.from, To: d.to, Link: d.line.link, Counts: d.line.counts, UnderWay: len(d.line.flights)}
}
