package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quorate/chaos/cluster"
	"quorate/epp/client"
	"quorate/node/admin"
)

// older builds, once, the binary as a release that reads no cluster level above the second.
var older = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(filepath.Dir(binary), "quorate-level2")
	out, err := exec.Command("go", "build", "-tags", "level2", "-o", path, "quorate").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("building the older binary: %w\n%s", err, out)
	}
	return path, err
})

// olderBinary is the path of that binary. It says of itself what it reads.
func olderBinary(t *testing.T) string {
	t.Helper()
	path, err := older()
	do(t, err)
	for file, want := range map[string]string{path: "levels up to 2)", binary: "levels up to 3)"} {
		if out, err := exec.Command(file, "--version").Output(); err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s --version: %v: %s", file, err, out)
		}
	}
	return path
}

// startOf runs a cluster whose sites have the binaries given, or else the one under test.
func startOf(t *testing.T, binaries map[string]string) *cluster.Cluster {
	t.Helper()
	o := options(t)
	o.Heartbeat = relaxed
	c, err := cluster.New(o)
	do(t, err)
	for site, path := range binaries {
		c.Use(site, path)
	}
	up(t, c)
	return c
}

// change stops a site and starts it with another binary, and waits until it serves again.
func change(t *testing.T, c *cluster.Cluster, site, path string) {
	t.Helper()
	do(t, c.Stop(site))
	c.Use(site, path)
	do(t, c.Start(site), c.AwaitReady(t.Context(), site))
}

// lead has a site lead.
func lead(t *testing.T, c *cluster.Cluster, site string) {
	t.Helper()
	await(t, site+" leads", func(ctx context.Context) error {
		leads, err := c.Leader(ctx)
		if err != nil || leads == site {
			return err
		}
		client, err := c.Admin(leads)
		if err == nil {
			err = client.TransferLeadership(ctx)
		}
		return errors.Join(fmt.Errorf("%s leads", leads), err)
	})
}

// levelOf is the cluster's level as a site has it, and what the site's binary reads.
func levelOf(t *testing.T, c *cluster.Cluster, site string) (level, reads int) {
	t.Helper()
	st, err := c.Status(t.Context(), site)
	do(t, err)
	return st.Level, st.Reads
}

// raise has the level raised through a site's admin API. A site that has just been started may not be reached by all yet.
func raise(t *testing.T, c *cluster.Cluster, site string) (err error) {
	t.Helper()
	client, err := c.Admin(site)
	do(t, err)
	await(t, "an answer of "+site, func(ctx context.Context) error {
		_, err = client.RaiseLevel(ctx)
		if err != nil && (strings.Contains(err.Error(), "doesn't answer") || admin.TryElsewhere(err)) {
			return err
		}
		return nil
	})
	return err
}

// refusedFor says whether err is a refusal with 409 that has all the words.
func refusedFor(err error, words ...string) bool {
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		return false
	}
	for _, w := range words {
		if !strings.Contains(refused.Message, w) {
			return false
		}
	}
	return true
}

// renameRegistrar has a site carry out a command that came with level 3.
func renameRegistrar(t *testing.T, c *cluster.Cluster, site string) error {
	t.Helper()
	client, err := c.Admin(site)
	do(t, err)
	name := "Renamed at " + site
	_, err = client.ChangeRegistrar(t.Context(), "reg1", admin.RegistrarChange{Name: &name})
	return err
}

// worksTogether has every site take commands, one be killed and come back, and all agree.
func worksTogether(t *testing.T, c *cluster.Cluster, what string, random *rand.Rand) {
	t.Helper()
	sites := c.Sites()
	use := func(round string) {
		t.Helper()
		for i, site := range sites {
			s := login(t, c, site, "reg1")
			name := fmt.Sprintf("%s-%s-%s.example", what, round, site)
			create(t, s, name)
			created, err := s.InfoDomain(t.Context(), name, "", "")
			do(t, err)
			_, err = s.RenewDomain(t.Context(), name, created.Expires, 1)
			do(t, err)
			_, err = s.UpdateDomain(t.Context(), client.DomainUpdate{Name: name, Add: client.DomainParts{Statuses: []string{"clientTransferProhibited"}}})
			do(t, err)
			seenEverywhere(t, c, name, sites[(i+1)%len(sites)])
			// What came with level 3 is refused, by old and new, before anything comes of it.
			if err := renameRegistrar(t, c, site); !refusedFor(err, "needs cluster level 3, and the cluster is at level 2") {
				t.Errorf("%s, %s: a command of level 3: %v", what, site, err)
			}
		}
	}
	use("before")
	agree(t, c)
	victim := sites[random.IntN(len(sites))]
	do(t, c.Kill(victim), c.Start(victim), c.AwaitReady(t.Context(), sites...))
	use("after")
	agree(t, c)
}

// Two releases run in one cluster, whichever of them leads.
func TestTwoReleasesInOneCluster(t *testing.T) {
	t.Parallel()
	old := olderBinary(t)
	random := rand.New(rand.NewPCG(seed(t), 0))
	c := startOf(t, map[string]string{"site1": old})
	for site, want := range map[string]int{"site1": 2, "site2": 3, "site3": 3} {
		if level, reads := levelOf(t, c, site); level != 2 || reads != want {
			t.Errorf("%s is at level %d and reads %d, want 2 and %d", site, level, reads, want)
		}
	}
	furnish(t, login(t, c, "site3", "reg1"))
	lead(t, c, "site1")
	worksTogether(t, c, "old-leads", random)
	for _, site := range c.Sites() {
		if err := raise(t, c, site); !refusedFor(err, "site1 reads up to level 2") {
			t.Errorf("raised at %s: %v", site, err)
		}
	}
	// The other way: the new release leads, and most have the old one. That site2 goes back to it loses nothing.
	change(t, c, "site2", old)
	lead(t, c, "site3")
	worksTogether(t, c, "new-leads", random)
	if level, reads := levelOf(t, c, "site2"); level != 2 || reads != 2 {
		t.Errorf("site2 is at level %d and reads %d", level, reads)
	}
}

// A cluster is upgraded node by node under load, and loses nothing. Until the level is raised there is a way back; it can't be
// raised before the last node has the new binary, and afterwards an old one refuses to start.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	old := olderBinary(t)
	sites := cluster.SiteNames(3)
	c := startOf(t, map[string]string{sites[0]: old, sites[1]: old, sites[2]: old})
	n := seed(t)
	furnish(t, login(t, c, sites[0], "reg1"))
	_, j, stop := underLoad(t, c, n)
	advance(t, j, 20)
	if err := raise(t, c, sites[0]); !refusedFor(err, sites[0]+" reads up to level 2", sites[2]+" reads up to level 2") {
		t.Errorf("raised with the old binary everywhere: %v", err)
	}
	change(t, c, sites[0], binary)
	advance(t, j, 20)
	change(t, c, sites[0], old) // back, and forth again
	advance(t, j, 20)
	for i, site := range sites {
		change(t, c, site, binary)
		advance(t, j, 20)
		if i < len(sites)-1 {
			if err := raise(t, c, site); !refusedFor(err, sites[2]+" reads up to level 2") || strings.Contains(err.Error(), site+" reads") {
				t.Errorf("raised with %d of three upgraded: %v", i+1, err)
			}
		}
	}
	do(t, raise(t, c, sites[1]))
	advance(t, j, 20)
	for _, site := range sites {
		await(t, site+" at level 3", func(ctx context.Context) error {
			st, err := c.Status(ctx, site)
			if err == nil && st.Level != 3 {
				err = fmt.Errorf("it is at level %d", st.Level)
			}
			return err
		})
	}
	stop()
	agree(t, c)

	// There is no way back now.
	victim, others := leader(t, c)
	do(t, c.Stop(victim))
	c.Use(victim, old)
	do(t, c.Start(victim))
	await(t, "the old binary ends", func(context.Context) error {
		if c.Running(victim) {
			return errors.New("it runs")
		}
		return nil
	})
	if words := c.LastWords(victim); !strings.Contains(words, "the state is at level 3") || !strings.Contains(words, "one that reads cluster level 3") {
		t.Errorf("it says: %s", words)
	}
	s := login(t, c, others[0], "reg1")
	create(t, s, "without-the-old-one.example")
	do(t, renameRegistrar(t, c, others[1]))
	c.Use(victim, binary)
	do(t, c.Start(victim), c.AwaitReady(t.Context(), sites...))
	seenEverywhere(t, c, "without-the-old-one.example", victim)
	agree(t, c)
}

// A cluster that is made by the newest release alone begins at its level.
func TestANewClusterIsAtTheNewestLevel(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	for _, site := range c.Sites() {
		if level, reads := levelOf(t, c, site); level != 3 || reads != 3 {
			t.Errorf("%s is at level %d and reads %d", site, level, reads)
		}
	}
}
