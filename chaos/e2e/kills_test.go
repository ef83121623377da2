package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"quorate/chaos/cluster"
)

const (
	kills   = 20
	workers = 6
)

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

// Twenty times a site's process, the leader's or another's, is killed at a random moment under load, and started again. In the end the
// registry holds exactly what was acknowledged, at every site.
func TestKills(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	n := seed(t)
	random := rand.New(rand.NewPCG(n, 0))
	furnish(t, login(t, c, c.Sites()[0], "reg1"))
	j := newJournal(price(t, c, c.Sites()[0]))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for i := range workers {
		w := &worker{
			journal: j, c: c, id: i, registrar: []string{"reg1", "reg2"}[i%2], random: rand.New(rand.NewPCG(n, uint64(i+1))),
			reported: func(err error) { t.Errorf("refused, which no fault explains: %v", err) },
		}
		group.Go(func() { w.run(ctx) })
	}
	for i := range kills {
		j.advance(t, 5+random.IntN(30))
		<-time.After(time.Duration(random.IntN(20_000)) * time.Microsecond) // not always right after an answer
		victim := c.Sites()[random.IntN(len(c.Sites()))]
		if random.IntN(2) == 0 {
			victim, _ = leader(t, c)
		}
		killAndRestart(t, c, j, random, victim)
		t.Logf("kill %d: %s; %v", i+1, victim, j)
	}
	cancel()
	group.Wait()
	do(t, c.AwaitReady(t.Context(), c.Sites()...))
	t.Logf("load ended: %v", j)
	agree(t, c)
	j.verify(t, c)
	j.verifyDelegations(t, c)
	agree(t, c)
}

// killAndRestart kills a site and starts it again, at once or after the others have gone on without it, and waits until it serves. Half of
// the time it also waits until the site has caught up; otherwise the next kill may find it behind.
func killAndRestart(t *testing.T, c *cluster.Cluster, j *journal, random *rand.Rand, victim string) {
	t.Helper()
	do(t, c.Kill(victim))
	if random.IntN(2) == 0 {
		j.advance(t, random.IntN(30))
	}
	do(t, c.Start(victim), c.AwaitServing(t.Context(), victim))
	if random.IntN(2) == 0 {
		return
	}
	var furthest uint64
	for _, s := range c.Sites() {
		if st, err := c.Status(t.Context(), s); err == nil {
			furthest = max(furthest, st.Applied)
		}
	}
	await(t, victim+" catches up", func(ctx context.Context) error {
		st, err := c.Status(ctx, victim)
		if err == nil && st.Applied < furthest {
			err = fmt.Errorf("it has applied %d of %d", st.Applied, furthest)
		}
		return err
	})
}

// advance waits until n more commands have been acknowledged.
func (j *journal) advance(t *testing.T, n int) {
	t.Helper()
	goal := j.count() + n
	timeout := time.After(eventually)
	for j.count() < goal {
		select {
		case <-j.progress:
		case <-timeout:
			t.Fatalf("no progress: %v", j)
		}
	}
}

// A journal that doesn't fit the registry is found out: a write that was acknowledged and lost, one that was done twice, one that was
// done by halves, and one too many.
func TestJournalFindsOut(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	s := login(t, c, c.Sites()[0], "reg1")
	furnish(t, s)
	createPrice, renewPrice := price(t, c, c.Sites()[0])
	honest := func() *journal {
		j := newJournal(createPrice, renewPrice)
		e := j.begin("honest.example", "reg1")
		j.note(e, state{exists: true, years: 1, hosts: nameservers, charged: createPrice}, nil)
		return j
	}
	create(t, s, "honest.example")
	if found := honest().problems(t, c); len(found) != 0 {
		t.Errorf("an honest journal has problems: %q", found)
	}
	for what, lie := range map[string]func(j *journal, e *entry){
		"lost": func(j *journal, e *entry) {
			j.note(j.begin("lost.example", "reg1"), state{exists: true, years: 1}, nil)
		},
		"twice":    func(_ *journal, e *entry) { e.may[0].charged -= createPrice },
		"halves":   func(_ *journal, e *entry) { e.may[0].hosts = nameservers[:1] },
		"too much": func(_ *journal, e *entry) { e.may = []state{{}} },
		"too long": func(_ *journal, e *entry) { e.may[0].years = 2 },
		"on hold":  func(_ *journal, e *entry) { e.may[0].hold = true },
	} {
		j := honest()
		lie(j, j.entries[0])
		if found := j.problems(t, c); len(found) == 0 {
			t.Errorf("%s: not found out", what)
		}
	}
}
