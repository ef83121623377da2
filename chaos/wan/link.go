package wan

import (
	"errors"
	"fmt"
	"time"
)

// Link is what one direction between two sites does to packets. The zero Link passes all at once.
type Link struct {
	// Delay is the time from one site to the other: half a round trip, if the way back is the same.
	Delay time.Duration `json:"delay_ns"`

	// Jitter is the most that is added to Delay, evenly distributed. It doesn't change the packets' order.
	Jitter time.Duration `json:"jitter_ns"`

	// Loss, Duplicate and Reorder are the shares of packets, 0 to 1, that are lost, arrive twice (each by its own time), and are
	// held back so that later ones overtake them: by up to half of Delay and 2 ms.
	Loss      float64 `json:"loss"`
	Duplicate float64 `json:"duplicate"`
	Reorder   float64 `json:"reorder"`

	// Rate is what passes, in bits per second, IP and UDP headers included; 0 is no limit. It is a queue's exit: packets wait for it,
	// and Delay begins there.
	Rate int64 `json:"rate"`

	// Queue is how many octets may wait for Rate; what comes then is lost. 0 is 100 ms of Rate, 16 KiB at least.
	Queue int `json:"queue"`

	// Cut loses everything, and what is under way with it.
	Cut bool `json:"cut"`
}

// Delayed is a link with nothing but a delay, one way.
func Delayed(oneWay time.Duration) Link { return Link{Delay: oneWay} }

// ErrLink says that a link has an impossible value.
var ErrLink = errors.New("impossible link")

func (l Link) check() error {
	for name, d := range map[string]time.Duration{"delay": l.Delay, "jitter": l.Jitter} {
		if d < 0 || d > MaxDelay {
			return fmt.Errorf("%w: %s %v is not 0 to %v", ErrLink, name, d, MaxDelay)
		}
	}
	for name, share := range map[string]float64{"loss": l.Loss, "duplicate": l.Duplicate, "reorder": l.Reorder} {
		if !(share >= 0 && share <= 1) { // nor NaN
			return fmt.Errorf("%w: %s %v is not 0 to 1", ErrLink, name, share)
		}
	}
	if l.Rate < 0 || l.Rate > MaxRate {
		return fmt.Errorf("%w: rate %d is not 0 to %d bit/s", ErrLink, l.Rate, int64(MaxRate))
	}
	if l.Queue < 0 || l.Queue > maxQueue {
		return fmt.Errorf("%w: queue %d is not 0 to %d octets", ErrLink, l.Queue, maxQueue)
	}
	return nil
}

// queue is how many octets may wait.
func (l Link) queue() int {
	if l.Queue > 0 {
		return l.Queue
	}
	return max(minQueue, min(maxQueue, int(l.Rate/8*int64(queueTime)/int64(time.Second))))
}

// duration is how long so many octets take at the link's rate, which isn't 0.
func (l Link) duration(octets int) time.Duration {
	return time.Duration(int64(octets) * 8 * int64(time.Second) / l.Rate)
}

// Change is a change of the directions from one site to another; an empty name stands for every site. What is nil stays.
type Change struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`

	Delay     *time.Duration `json:"delay_ns,omitempty"`
	Jitter    *time.Duration `json:"jitter_ns,omitempty"`
	Loss      *float64       `json:"loss,omitempty"`
	Duplicate *float64       `json:"duplicate,omitempty"`
	Reorder   *float64       `json:"reorder,omitempty"`
	Rate      *int64         `json:"rate,omitempty"`
	Queue     *int           `json:"queue,omitempty"`
	Cut       *bool          `json:"cut,omitempty"`
}

// on is the link after the change.
func (c Change) on(l Link) Link {
	set(&l.Delay, c.Delay)
	set(&l.Jitter, c.Jitter)
	set(&l.Loss, c.Loss)
	set(&l.Duplicate, c.Duplicate)
	set(&l.Reorder, c.Reorder)
	set(&l.Rate, c.Rate)
	set(&l.Queue, c.Queue)
	set(&l.Cut, c.Cut)
	return l
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Make gives the directions from one site to another exactly this link; an empty name stands for every site.
func Make(from, to string, l Link) []Change {
	return []Change{{
		From: from, To: to, Delay: &l.Delay, Jitter: &l.Jitter, Loss: &l.Loss, Duplicate: &l.Duplicate, Reorder: &l.Reorder,
		Rate: &l.Rate, Queue: &l.Queue, Cut: &l.Cut,
	}}
}

// CutOneWay cuts what goes from one site to another. The way back stays.
func CutOneWay(from, to string) []Change { return []Change{{From: from, To: to, Cut: new(true)}} }

// Cut cuts two sites off from each other.
func Cut(a, b string) []Change { return append(CutOneWay(a, b), CutOneWay(b, a)...) }

// Isolate cuts a site off from all others, both ways.
func Isolate(site string) []Change { return Cut(site, "") }

// Heal undoes all cuts. Delays and the rest stay.
func Heal() []Change { return []Change{{Cut: new(false)}} }

// HealBetween undoes the cuts between two sites, both ways; an empty name stands for every site.
func HealBetween(a, b string) []Change {
	return []Change{{From: a, To: b, Cut: new(false)}, {From: b, To: a, Cut: new(false)}}
}
