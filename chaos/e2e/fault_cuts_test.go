package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/chaos/wan"
	"quorate/epp/client"
)

// throughRelays puts relays between the sites, which can be cut. The round trip is short, so that nodes have their usual time-outs.
func throughRelays(o *cluster.Options) { o.WAN = cluster.RoundTrip(4 * time.Millisecond) }

// Cuts of the network: the leader isn't heard, doesn't hear, neither; nobody reaches anybody.
func TestFaultCuts(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, throughRelays)
	for what, cut := range map[string]func(leads string) []wan.Change{
		"the leader isn't heard":  func(leads string) []wan.Change { return wan.CutOneWay(leads, "") },
		"the leader doesn't hear": func(leads string) []wan.Change { return wan.CutOneWay("", leads) },
		"the leader is cut off":   wan.Isolate,
	} {
		leads, others := leader(t, r.c)
		there, here := r.session(others[0]), r.session(leads)
		do(t, r.c.WAN().Apply(cut(leads)...))
		r.acknowledges(what, others[0], there)
		r.leadsNot(leads)
		// Whoever is connected to it is told that nothing was done, or nothing: no answer from there can be true.
		for range 3 {
			if o, err := r.write(here); o == load.Acknowledged {
				t.Errorf("%s: %s acknowledged a create", what, leads)
			} else {
				t.Logf("%s: a create there is %v: %v", what, o, err)
				if o == load.Unknown {
					here = r.session(leads)
				} else if load.Code(err) != 2400 {
					t.Errorf("%s: a create there: %v, want 2400", what, err)
				}
			}
		}
		// It is what it was for those who only read.
		if _, err := r.c.Whois(t.Context(), leads, "nic.example"); err != nil {
			t.Errorf("%s: WHOIS there: %v", what, err)
		}
		advance(t, r.Journal, 20)
		do(t, r.c.WAN().Apply(wan.Heal()...))
		r.acknowledges(what+" no more", leads, r.session(leads))
		r.agreed()
	}

	// Nobody reaches anybody: no site acknowledges anything, and all goes on when the cuts are healed.
	var all []wan.Change
	for _, s := range r.c.Sites() {
		all = append(all, wan.Isolate(s)...)
	}
	do(t, r.c.WAN().Apply(all...))
	await(t, "no site is ready", func(ctx context.Context) error {
		for _, s := range r.c.Sites() {
			if st, err := r.c.Status(ctx, s); err != nil || st.Ready == "ok" {
				return fmt.Errorf("%s is %q (%v)", s, st.Ready, err)
			}
		}
		return nil
	})
	for _, s := range r.c.Sites() {
		if o, err := r.write(r.session(s)); o == load.Acknowledged {
			t.Errorf("%s, alone, acknowledged a create", s)
		} else {
			t.Logf("a create at %s, alone: %v: %v", s, o, err)
		}
	}
	do(t, r.c.WAN().Apply(wan.Heal()...))
	r.agreed()
	r.finish()
}

// Trouble that is none of the leader's, or not enough of it: a line between two sites, a follower's disk that hangs, a slow disk. The leader stays,
// and clients at every site get their answers. A busy machine must not cost it the leadership either.
func TestFaultLeaderStays(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, func(o *cluster.Options) {
		throughRelays(o)
		o.Heartbeat = relaxed
	})
	leads, others := leader(t, r.c)
	before, err := r.c.Status(t.Context(), leads)
	do(t, err)
	for _, trouble := range []struct {
		what string
		at   []string
	}{
		{"the leader and a follower don't reach each other", []string{leads, others[0]}},
		{"two followers don't reach each other", others},
	} {
		sessions := []*client.Client{r.session(trouble.at[0]), r.session(trouble.at[1])}
		do(t, r.c.WAN().Apply(wan.Cut(trouble.at[0], trouble.at[1])...))
		for i, s := range trouble.at {
			r.acknowledges(trouble.what, s, sessions[i])
		}
		advance(t, r.Journal, 20)
		r.stillLeads(trouble.what, leads, before.Term)
		do(t, r.c.WAN().Apply(wan.Heal()...))
		r.agreed()
	}

	sessions := []*client.Client{r.session(leads), r.session(others[0])}
	do(t, r.c.Fault(others[0], "disk stall"))
	r.acknowledges("a follower's disk hangs", leads, sessions[0])
	r.acknowledges("a follower's disk hangs", others[0], sessions[1])
	advance(t, r.Journal, 20)
	r.stillLeads("a follower's disk hangs", leads, before.Term)
	do(t, r.c.Fault(others[0]))
	r.agreed()

	do(t, r.c.Fault(leads, "disk slow 200ms"))
	for range 5 {
		r.acknowledges("the leader's disk takes 200 ms", others[0], r.session(others[0]))
	}
	r.stillLeads("the leader's disk takes 200 ms", leads, before.Term)
	do(t, r.c.Fault(leads))
	r.agreed()
	r.finish()
}

// stillLeads fails the test if the site doesn't lead any more, or has had to be elected again.
func (r *trial) stillLeads(what, site string, term uint64) {
	r.Helper()
	if now, err := r.c.Status(r.Context(), site); err != nil || now.State != "leader" || now.Term != term {
		r.Errorf("%s: %s is %s of term %d, not the leader of term %d (%v)", what, site, now.State, now.Term, term, err)
	}
}
