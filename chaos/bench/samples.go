package bench

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Samples are the durations of operations of one kind, every one of them: no
// histogram rounds them. It is safe for concurrent use.
type Samples struct {
	mu     sync.Mutex
	all    []time.Duration
	sorted bool
}

// Add notes one operation.
func (s *Samples) Add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all, s.sorted = append(s.all, d), false
}

// Len is the number of operations.
func (s *Samples) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// Quantile is the shortest duration that a share q of the operations didn't exceed; 0 when there were none. q is from 0 to 1.
func (s *Samples) Quantile(q float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return 0
	}
	if !s.sorted {
		slices.Sort(s.all)
		s.sorted = true
	}
	// The rank is rounded up: of 10 samples the 99th percentile is the 10th.
	rank := int(q * float64(len(s.all)))
	if float64(rank) < q*float64(len(s.all)) {
		rank++
	}
	return s.all[min(max(rank, 1), len(s.all))-1]
}

// list is every sample in milliseconds, shortest first.
func (s *Samples) list() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := make([]string, len(s.all))
	for i, d := range slices.Sorted(slices.Values(s.all)) {
		text[i] = fmt.Sprintf("%.0f", millis(d))
	}
	return strings.Join(text, " ")
}

// millis is a duration in milliseconds.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
