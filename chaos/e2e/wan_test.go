package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/chaos/wan"
	"quorate/epp/client"
)

// roundTrip is between every two sites of the wide area.
const roundTrip = 80 * time.Millisecond

// wide runs a cluster behind a wide area for the length of the test.
func wide(t *testing.T) *cluster.Cluster {
	t.Helper()
	o := options(t)
	o.WAN = cluster.RoundTrip(roundTrip)
	c, err := cluster.New(o)
	do(t, err)
	t.Cleanup(func() { do(t, c.StopAll()) })
	up(t, c)
	return c
}

// term is the highest term that a site knows.
func term(ctx context.Context, c *cluster.Cluster) (highest uint64, err error) {
	for _, s := range c.Sites() {
		st, err := c.Status(ctx, s)
		if err != nil {
			return 0, err
		}
		highest = max(highest, st.Term)
	}
	return highest, nil
}

// p50 is the median.
func p50(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// At a round trip of 80 ms between sites the cluster elects and keeps its leader, a create costs the round trips that it must, and the
// leader's death costs no write.
func TestWideArea(t *testing.T) {
	t.Parallel()
	c := wide(t)
	leads, others := leader(t, c)
	sessions := map[string]*client.Client{}
	for _, s := range c.Sites() {
		sessions[s] = login(t, c, s, "reg1")
	}
	furnish(t, sessions[leads])

	// The rounds of consensus that a create takes are the least; the rest is a busy machine's, and only told.
	for i, s := range append([]string{leads}, others...) {
		least, where := roundTrip, "the leader's site"
		if i > 0 {
			least, where = 2*roundTrip, "another site"
		}
		var took []time.Duration
		for n := range 20 {
			begin := time.Now()
			create(t, sessions[s], fmt.Sprintf("lone-%d-%d.example", i, n))
			took = append(took, time.Since(begin))
		}
		if shortest := slices.Min(took); shortest < least {
			t.Errorf("a create at %s took %v: that isn't through the wide area", where, shortest)
		}
		t.Logf("lone creates at %s: p50 %v, most %v", where, p50(took), slices.Max(took))
	}

	// On a machine that lets processes wait for seconds there may be an election all the same; then look again.
	const idle = 5 * time.Second
	await(t, "a while without election", func(ctx context.Context) error {
		before, err := term(ctx, c)
		if err != nil {
			return err
		}
		<-time.After(idle)
		after, err := term(ctx, c)
		if err == nil && after != before {
			err = fmt.Errorf("term %d became %d in %v of idleness", before, after, idle)
			t.Log(err)
		}
		return err
	})

	var gaps []time.Duration
	for i := range number(t, "QUORATE_FAILOVERS", 2) {
		leads, others = leader(t, c)
		s := login(t, c, others[i%len(others)], "reg1")
		do(t, c.Kill(leads))
		killed := time.Now()
		create(t, s, fmt.Sprintf("after-%d.example", i))
		gaps = append(gaps, time.Since(killed))
		do(t, c.Start(leads), c.AwaitReady(t.Context(), c.Sites()...))
	}
	t.Logf("leader killed: %d times, next create acknowledged after p50 %v, most %v", len(gaps), p50(gaps), slices.Max(gaps))
	agree(t, c)
}

// A leader that is cut off from the others is replaced by one of them; what it takes meanwhile it doesn't acknowledge. When the cut is
// healed, all agree, and hold what clients of all sites were told meanwhile.
func TestIsolatedLeader(t *testing.T) {
	t.Parallel()
	c := wide(t)
	leads, others := leader(t, c)
	target := targetOf(t, c)
	j, err := target.Journal(t.Context(), io.Discard)
	do(t, err)
	delete(j.Balances, "reg1") // whose money this test itself spends
	g, err := load.NewGenerator(t.Context(), target, j, load.Options{Mix: mix(t, "life"), Connections: len(c.Sites()), Seed: seed(t)})
	do(t, err)
	defer g.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	cutOff, s := login(t, c, leads, "reg1"), login(t, c, others[0], "reg1")
	furnish(t, s)
	do(t, c.WAN().Apply(wan.Isolate(leads)...))
	begin := time.Now()
	create(t, s, "majority.example")
	t.Logf("leader isolated: next create acknowledged after %v", time.Since(begin))
	_, err = cutOff.CreateDomain(t.Context(), domain("minority.example", 1))
	if o := load.OutcomeOf(err); o == load.Acknowledged {
		t.Errorf("%s, cut off, acknowledged a create", leads)
	} else {
		t.Logf("a create at the isolated site is %v: %v", o, err)
	}
	for _, name := range others {
		await(t, "the others agree on a leader", func(ctx context.Context) error {
			st, err := c.Status(ctx, name)
			if err == nil && (st.Leader == leads || st.Leader == "") {
				err = errors.New("the leader is " + st.Leader)
			}
			return err
		})
	}
	do(t, c.WAN().Apply(wan.Heal()...))
	attempt := 0
	await(t, "the site that was cut off takes commands", func(ctx context.Context) error {
		s, err := c.Login(ctx, leads, "reg1")
		if err != nil {
			return err
		}
		defer s.Close()
		attempt++
		_, err = s.CreateDomain(ctx, domain(fmt.Sprintf("healed-%d.example", attempt), 1))
		return err
	})
	seenEverywhere(t, c, "majority.example", c.Sites()...)
	cancel()
	do(t, <-ended)
	t.Logf("clients meanwhile: %v", j)
	explained(t, j)
	verify(t, target, j.Book)
}

// `make run WAN=80ms DETACH=1`: the wide area is a process of its own, which `quorate dev wan` changes and the stop ends.
func TestDetachedWideArea(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	if out, err := d.command(t, "--detach", "--wan", roundTrip.String()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c, err := cluster.Open(d.dir, binary)
	do(t, err)
	leads, _ := leader(t, c)
	directions := func() map[bool]int {
		all, err := c.WANControl().Directions(t.Context())
		do(t, err)
		cut := map[bool]int{}
		for _, dir := range all {
			cut[dir.Link.Cut]++
			if dir.Link.Delay != roundTrip/2 {
				t.Errorf("%s to %s has delay %v", dir.From, dir.To, dir.Link.Delay)
			}
		}
		return cut
	}
	if cut := directions(); cut[false] != 6 || cut[true] != 0 {
		t.Errorf("at first cut: %v", cut)
	}
	change := func(args ...string) {
		t.Helper()
		if out, err := d.command(t, append([]string{"wan"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("dev wan %v: %v: %s", args, err, out)
		}
	}
	change("isolate", "leader")
	if cut := directions(); cut[true] != 4 {
		t.Errorf("with the leader isolated cut: %v", cut)
	}
	await(t, "another site leads", func(ctx context.Context) error {
		now, err := c.Leader(ctx)
		if err == nil && now == leads {
			err = errors.New(now + " still does")
		}
		return err
	})
	change("heal", leads)
	change("cut", "site1", "site2", "--one-way")
	if cut := directions(); cut[true] != 1 {
		t.Errorf("with one direction cut: %v", cut)
	}
	change("heal")
	change("--from", "site1", "--to", "site2", "--loss", "1%", "--rate", "10M", "--round-trip", roundTrip.String())
	do(t, c.AwaitReady(t.Context(), c.Sites()...))
	all, err := c.WANControl().Directions(t.Context())
	do(t, err)
	if all[0].Link != (wan.Link{Delay: roundTrip / 2, Loss: 0.01, Rate: 10_000_000}) || all[1].Link != wan.Delayed(roundTrip/2) {
		t.Errorf("changed to %+v", all)
	}
	d.refusedWith(t, "no such direction", "wan", "cut", "site1", "site1")
	d.refusedWith(t, `there is no site "site9"`, "wan", "cut", "site1", "site9")
	d.refusedWith(t, "impossible link", "wan", "--loss", "101%")
	if out, err := d.command(t, "--detach").CombinedOutput(); err != nil || !strings.Contains(string(out), "are running already") || !strings.Contains(string(out), "CERTIFICATE (key beside it)") {
		t.Errorf("dev --detach with all sites up: %v: %s", err, out)
	}

	if out, err := d.command(t, "stop").CombinedOutput(); err != nil {
		t.Fatalf("dev stop: %v: %s", err, out)
	}
	d.nothingRuns(t)
	if c.Running("wan") {
		t.Error("the wide area is left running")
	}
	d.refusedWith(t, "no wide area", "wan")
}
