package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/epp/client"
)

// faulty builds, once, a binary whose nodes can be made to fail (node/faults).
var faulty = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "quorate-faults")
	return path, cluster.Build(path, cluster.FaultsTag)
})

// longTrial skips a test that is not part of make test: make test-faults runs all of them.
func longTrial(t *testing.T) {
	t.Helper()
	if os.Getenv("QUORATE_FAULTS") != "all" {
		t.Skip("one of make test-faults")
	}
}

// trial is a cluster under load, whose sites are given one trouble after the other.
type trial struct {
	*testing.T
	*load.Journal
	target  *load.Target
	c       *cluster.Cluster
	next    int
	created string // the newest name that write has created
	end     func() // of the load
}

// trialRate is how many commands arrive in a second: load enough to find what is lost, and little enough to look each name up in the end.
const trialRate = 60

// newTrial starts the cluster and the load. change, if not nil, alters the cluster's options first.
func newTrial(t *testing.T, change func(*cluster.Options)) *trial {
	t.Helper()
	path, err := faulty()
	do(t, err)
	o := options(t)
	o.Binary = path
	if change != nil {
		change(&o)
	}
	c, err := cluster.New(o)
	do(t, err)
	t.Cleanup(func() {
		for _, s := range c.Sites() {
			c.Resume(s) // a paused process would not be seen to end; one that is gone needs nothing
		}
		do(t, c.StopAll())
	})
	up(t, c)
	r := &trial{T: t, c: c, target: targetOf(t, c)}
	var g *load.Generator
	g, r.Journal = generator(t, r.target, io.Discard, load.Options{Mix: mix(t, "life"), Connections: 4, Rate: trialRate, Seed: 1})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.end)
	return r
}

// session is an EPP session at the site, for the length of the test.
func (r *trial) session(site string) *client.Client { return login(r.T, r.c, site, "reg1") }

// write sends one create on the session, by way of the journal, and returns what became of it.
func (r *trial) write(s *client.Client) (load.Outcome, error) {
	r.Helper()
	r.next++
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	name := fmt.Sprintf("trial-%d.%s", r.next, r.c.TLD())
	a, err := r.Do(ctx, s, load.Write{Registrar: "reg1", Command: load.Create, Name: name, Years: 1, AddHosts: load.Nameservers})
	if a.Outcome == load.Acknowledged {
		r.created = name
	}
	return a.Outcome, err
}

// acknowledges waits until a create at the site is acknowledged, and logs how long that took from now. The session was opened before the trouble.
func (r *trial) acknowledges(what, site string, s *client.Client) {
	r.Helper()
	began := time.Now()
	await(r.T, what+": a create at "+site+" is acknowledged", func(ctx context.Context) error {
		o, err := r.write(s)
		if o == load.Acknowledged {
			return nil
		}
		if o == load.Unknown {
			s.Close()
			if s, err = r.c.Login(ctx, site, "reg1"); err != nil {
				return err
			}
			r.Cleanup(func() { s.Close() })
		}
		return fmt.Errorf("%v: %w", o, err)
	})
	r.Logf("%s: next create at %s acknowledged after %v", what, site, time.Since(began).Round(time.Millisecond))
}

// agreed waits until all sites are in service and hold the same, after an entry that all have applied since: nodes know no digests of what they
// had applied before their start.
func (r *trial) agreed() {
	r.Helper()
	do(r.T, r.c.AwaitReady(r.Context(), r.c.Sites()...))
	site := r.c.Sites()[0]
	r.acknowledges("all are in service", site, r.session(site))
	agree(r.T, r.c)
}

// finish ends the load, and holds every site against the journal.
func (r *trial) finish() {
	r.Helper()
	r.end()
	r.agreed()
	r.Logf("load ended: %v", r.Journal)
	explained(r.T, r.Journal)
	verify(r.T, r.target, r.Book)
}

// leadsNot waits until one leads that isn't the site, by the word of another, and returns it.
func (r *trial) leadsNot(site string) (leads string) {
	r.Helper()
	await(r.T, site+" leads no more", func(ctx context.Context) error {
		for _, s := range r.c.Sites() {
			if st, err := r.c.Status(ctx, s); s != site && err == nil && st.Leader != "" && st.Leader != site {
				leads = st.Leader
				return nil
			}
		}
		return errors.New("it seems to")
	})
	return leads
}

// ends waits until the site's process has ended, and checks that its log says why and wants somebody.
func (r *trial) ends(site string, words ...string) {
	r.Helper()
	await(r.T, site+" leaves service", func(context.Context) error {
		if r.c.Running(site) {
			return errors.New("it runs")
		}
		return nil
	})
	r.says(site, append([]string{"leaves service", "page=true"}, words...)...)
	if last := r.c.LastWords(site); strings.HasPrefix(last, "\t") || strings.Contains(last, "goroutine") {
		r.Errorf("%s ended with a stack trace: %s", site, last)
	}
}

// says waits until a line of the site's log has all of the words.
func (r *trial) says(site string, words ...string) {
	r.Helper()
	await(r.T, fmt.Sprintf("the log of %s says %q", site, words), func(context.Context) error {
		return said(r.c.LogFile(site), 0, words...)
	})
}

// said is nil if a line of the file, from an offset on, has all of the words.
func said(file string, from int64, words ...string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text[from:])) {
		has := 0
		for _, w := range words {
			if strings.Contains(line, w) {
				has++
			}
		}
		if has == len(words) {
			return nil
		}
	}
	return errors.New("no line does")
}
