package load

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// instants are when commands arrive in the first d, in time that passes by itself.
func instants(ctx context.Context, seed uint64, rate float64, d time.Duration, yield func(time.Duration)) (all []time.Duration) {
	begin := time.Now()
	arrivals(ctx, rand.New(rand.NewPCG(seed, 0)), rate, begin, begin.Add(d), func(at time.Time) {
		all = append(all, at.Sub(begin))
		yield(time.Since(begin))
	})
	return all
}

func TestArrivalsAreAPoissonProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rate, d = 250.0, 100 * time.Second
		early := 0
		var all []time.Duration
		next := instants(t.Context(), 7, rate, d, func(now time.Duration) {})
		all = next
		if again := instants(t.Context(), 7, rate, d, func(time.Duration) {}); !slices.Equal(all, again) {
			t.Error("the same seed gave other arrivals")
		}
		if other := instants(t.Context(), 8, rate, d, func(time.Duration) {}); slices.Equal(all, other) {
			t.Error("another seed gave the same arrivals")
		}
		// Of 25,000 arrivals the number has a standard deviation of 158, the mean gap is 4 ms and so is its standard deviation.
		if n := float64(len(all)); math.Abs(n-rate*d.Seconds()) > 5*math.Sqrt(n) {
			t.Errorf("%v arrivals, want about %v", n, rate*d.Seconds())
		}
		var sum, squares float64
		for i := 1; i < len(all); i++ {
			gap := (all[i] - all[i-1]).Seconds()
			if gap < 0 {
				early++
			}
			sum += gap
			squares += gap * gap
		}
		mean := sum / float64(len(all)-1)
		deviation := math.Sqrt(squares/float64(len(all)-1) - mean*mean)
		if early > 0 || math.Abs(deviation/mean-1) > 0.05 {
			t.Errorf("gaps have mean %v and standard deviation %v; %d arrivals go back in time", mean, deviation, early)
		}
	})
}

// Arrivals are handed out at their instants; who takes long with one gets the next ones late, but with the instants that were meant.
func TestArrivalsWaitForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var handed []time.Duration
		meant := instants(t.Context(), 1, 100, time.Second, func(now time.Duration) {
			handed = append(handed, now)
			if len(handed) == 10 {
				<-time.After(500 * time.Millisecond)
			}
		})
		if want := instants(t.Context(), 1, 100, time.Second, func(time.Duration) {}); !slices.Equal(meant, want) {
			t.Error("a stall changed the arrivals")
		}
		for i, at := range meant {
			if handed[i] < at {
				t.Errorf("arrival %d was meant for %v and came at %v", i, at, handed[i])
			}
			if i < 10 && handed[i] != at || i == 10 && handed[i]-at < 400*time.Millisecond {
				t.Errorf("arrival %d was meant for %v and came at %v", i, at, handed[i])
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if after := instants(ctx, 1, 100, time.Second, func(time.Duration) {}); len(after) != 0 {
			t.Errorf("%d arrivals after the end", len(after))
		}
	})
}
