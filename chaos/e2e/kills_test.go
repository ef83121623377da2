package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
)

// clients are the connections under whose load sites are killed.
const clients = 6

// seed is that of a test's random choices: QUORATE_SEED, or a new one. What the scheduler and the network do is not repeated by it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("QUORATE_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("QUORATE_SEED: %v", err)
		}
	}
	t.Logf("QUORATE_SEED=%d", n)
	return n
}

// number is what an environment variable says, or other.
func number(t *testing.T, variable string, other int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return other
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// Twenty times, or QUORATE_KILLS times, a site's process is killed at a random moment under load and started again: the leader's or
// another's, two at once, all, and while it starts. After each strike, all replicas agree and hold what was acknowledged, no more and no less, of all
// that was touched since the one before; in the end of everything.
func TestKills(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	n := seed(t)
	k := &killer{t: t, Cluster: c, random: rand.New(rand.NewPCG(n, 0)), left: number(t, "QUORATE_KILLS", 20)}
	target := targetOf(t, c)
	g, j, stop := underLoad(t, c, n)
	k.journal = j
	began, strikes := time.Now(), 0
	for ; k.left > 0 && !t.Failed(); strikes++ {
		advance(k.t, k.journal, 5+k.random.IntN(30))
		k.pause(20 * time.Millisecond) // not always right after an answer
		what := k.strike()
		do(t, c.AwaitReady(t.Context(), c.Sites()...))
		g.Pause()
		touched := j.Touched()
		checking := time.Now()
		err := target.Verify(t.Context(), j.Book, touched).Err()
		g.Resume()
		if err != nil {
			t.Errorf("after strike %d: %v", strikes+1, err)
		}
		t.Logf("strike %d: %s; %d names checked at every site in %v", strikes+1, what, len(touched), time.Since(checking).Round(time.Millisecond))
	}
	stop()
	t.Logf("%d kills in %d strikes in %v, %d of a leader, %d while starting: %v", k.killed, strikes, time.Since(began).Round(time.Second), k.leaders, k.starting, j)
}

// killer kills sites.
type killer struct {
	*cluster.Cluster
	t       *testing.T
	random  *rand.Rand
	journal *load.Journal
	left    int // kills still to come

	killed, leaders, starting int
}

// pause waits for a random time of up to d.
func (k *killer) pause(d time.Duration) { <-time.After(time.Duration(k.random.Int64N(int64(d)))) }

// strike kills one site or more, and brings them back; it says what it did.
func (k *killer) strike() string {
	k.t.Helper()
	victims := k.Sites()
	k.random.Shuffle(len(victims), func(a, b int) { victims[a], victims[b] = victims[b], victims[a] })
	leads, err := k.Leader(k.t.Context())
	if err == nil && k.random.IntN(2) == 0 {
		for i, v := range victims {
			if v == leads {
				victims[0], victims[i] = victims[i], victims[0]
			}
		}
	}
	switch n := k.random.IntN(20); {
	case n == 0: // all
	case n < 5:
		victims = victims[:2]
	default:
		victims = victims[:1]
	}
	var group sync.WaitGroup
	errs := make([]error, len(victims))
	for i, v := range victims {
		group.Go(func() { errs[i] = k.Kill(v) })
	}
	group.Wait()
	do(k.t, errs...)
	k.killed += len(victims)
	k.left -= len(victims)
	what := fmt.Sprintf("killed %v", victims)
	for _, v := range victims {
		if v == leads {
			k.leaders++
			what += ", " + v + " led"
		}
	}
	if len(victims) == 1 && k.random.IntN(2) == 0 {
		advance(k.t, k.journal, k.random.IntN(30)) // the others go on without it
	}
	k.random.Shuffle(len(victims), func(a, b int) { victims[a], victims[b] = victims[b], victims[a] })
	for _, v := range victims {
		k.pause(600 * time.Millisecond)
		do(k.t, k.Start(v))
		if k.left > 0 && k.random.IntN(4) == 0 {
			k.pause(400 * time.Millisecond)
			do(k.t, k.Kill(v), k.Start(v))
			k.killed++
			k.starting++
			k.left--
			what += ", " + v + " again while starting"
		}
	}
	return what
}
