package load

import (
	"context"
	"math/rand/v2"
	"time"
)

// arrival is a command that somebody wants to send, from the instant on at which he does.
type arrival struct {
	command Command
	at      time.Time
}

// arrivals calls yield at the instants of a Poisson process of rate per second, from begin until end or until ctx ends: never before its
// instant, and whatever became of those before. When it is late, for whatever reason, it makes up for it. Yield gets the instant that was meant. A zero
// end is never.
func arrivals(ctx context.Context, random *rand.Rand, rate float64, begin, end time.Time, yield func(at time.Time)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	// Offsets are summed in seconds: rounding each to nanoseconds would drift.
	for offset := random.ExpFloat64() / rate; ; offset += random.ExpFloat64() / rate {
		at := begin.Add(time.Duration(offset * float64(time.Second)))
		if !end.IsZero() && !at.Before(end) {
			return
		}
		if wait := time.Until(at); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		yield(at)
	}
}
