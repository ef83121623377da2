package bench

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	var s Samples
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for _, d := range []time.Duration{9, 1, 8, 2, 7, 3, 6, 4, 10, 5} {
		s.Add(d)
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.1: 1, 0.5: 5, 0.51: 6, 0.99: 10, 1: 10} {
		if got := s.Quantile(q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	s.Add(0)
	if got := s.Quantile(0); got != 0 || s.Len() != 11 {
		t.Errorf("after a late sample: minimum %v of %d", got, s.Len())
	}
}
