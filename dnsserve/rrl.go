package dnsserve

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

// RRL is a response rate limit: it makes the server a poor amplifier for whoever asks in the name of
// others. It is on UDP alone, and doesn't count answers to clients with a good cookie: they are who they say.
type RRL struct {
	// Rate is how many answers a second of one kind (referral, answer, NXDOMAIN, error), from one zone, an
	// IPv4 /24 or IPv6 /56 gets; saved up for at most a second. 0 for no limit.
	Rate int
	// Slip says which of the answers over the rate are sent empty, to be asked again by TCP (or, with a
	// cookie that isn't good, as BADCOOKIE): every nth, 1 for all, 0 for none. The others are not sent.
	Slip int
	// Allow holds prefixes that have no limit.
	Allow []netip.Prefix
}

func (l *RRL) check() error {
	switch {
	case l.Rate < 0 || l.Rate > maxRate:
		return fmt.Errorf("dnsserve: a limit of %d answers a second is not 0 to %d", l.Rate, maxRate)
	case l.Slip < 0 || l.Slip > maxSlip:
		return fmt.Errorf("dnsserve: slip %d is not 0 to %d", l.Slip, maxSlip)
	case len(l.Allow) > maxAllowed:
		return fmt.Errorf("dnsserve: %d prefixes without rate limit, more than %d", len(l.Allow), maxAllowed)
	}
	for _, p := range l.Allow {
		if !p.IsValid() {
			return fmt.Errorf("dnsserve: a prefix without rate limit is invalid")
		}
	}
	return nil
}

// limiter counts answers in a table of fixed size that all workers share without locks. A slot holds, for a
// hash of client prefix, kind and zone, the time at which its answers so far would have been sent at the
// rate exactly: 16 bits of the hash, then 48 bits of microseconds since epoch.
type limiter struct {
	RRL
	seed            maphash.Seed // nobody can choose prefixes that collide
	epoch           int64        // Unix time in nanoseconds
	interval, burst uint64       // microseconds
	slots           []atomic.Uint64
}

const (
	slotWays = 4 // slots that a hash may be in
	slotTime = 1<<48 - 1
)

// newLimiter returns nil for no limit.
func newLimiter(l RRL, now time.Time) *limiter {
	if l.Rate == 0 {
		return nil
	}
	return &limiter{
		RRL: l, seed: maphash.MakeSeed(), epoch: now.Add(-time.Second).UnixNano(),
		interval: uint64(time.Second.Microseconds()) / uint64(l.Rate), burst: uint64(rateBurst.Microseconds()),
		slots: make([]atomic.Uint64, rateSlots),
	}
}

// take counts one answer and reports whether it is within the rate.
func (l *limiter) take(hash uint64, at int64) bool {
	now := uint64(max(at-l.epoch, 0)) / 1000 & slotTime
	tag := hash &^ slotTime
	ways := l.slots[hash%uint64(len(l.slots))&^(slotWays-1):][:slotWays]
	for range slotWays { // others may be faster; then once more
		slot, sent := &ways[0], ways[0].Load()
		for i := range ways {
			s := ways[i].Load()
			if s&^slotTime == tag {
				slot, sent = &ways[i], s
				break
			}
			if s&slotTime < sent&slotTime {
				slot, sent = &ways[i], s
			}
		}
		when := now
		if sent&^slotTime == tag {
			when = max(now, sent&slotTime)
		}
		if when-now >= l.burst {
			return false
		}
		if slot.CompareAndSwap(sent, tag|(when+l.interval)&slotTime) {
			return true
		}
	}
	return true
}

// What becomes of an answer.
const (
	ratePass = iota
	rateSlip
	rateDrop
)

// checkRate says what becomes of the answer that has been made.
func (r *responder) checkRate() int {
	l := r.limiter
	if r.cookie == cookieGood {
		return ratePass
	}
	var key [16 + maxName]byte
	n := 2
	key[0] = byte(r.kind)
	if a := r.from.addr; a.Is4() {
		ip := a.As4()
		key[1] = 4
		n += copy(key[n:], ip[:3])
	} else {
		ip := a.As16()
		key[1] = 6
		n += copy(key[n:], ip[:7])
	}
	if r.zone != nil {
		n += copy(key[n:], r.zone.origin)
	}
	if l.take(maphash.Bytes(l.seed, key[:n]), r.from.now) {
		return ratePass
	}
	for _, p := range l.Allow {
		if p.Contains(r.from.addr) {
			return ratePass
		}
	}
	if l.Slip == 0 {
		return rateDrop
	}
	if r.slips++; r.slips%uint32(l.Slip) != 0 {
		return rateDrop
	}
	return rateSlip
}

// slip makes of the answer one that is no longer than the query, and leads a real client on. It returns the
// response code.
func (r *responder) slip(rcode int) int {
	r.clear()
	r.extended = noExtended
	if r.cookie != cookieNone {
		r.aa, r.tc = false, false
		return rcodeBadCooky
	}
	r.tc = true
	return rcode
}
