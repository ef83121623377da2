package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/node/admin"
)

// stray is a process that isn't one of the cluster's sites.
type stray struct {
	log  string // file
	done chan error
	cmd  *exec.Cmd
}

// stray starts a process with a site's configuration and these variables, for the length of the test at most.
func (r *trial) stray(site string, env ...string) *stray {
	r.Helper()
	path, err := faulty()
	do(r.T, err)
	s := &stray{log: filepath.Join(r.TempDir(), "log"), done: make(chan error, 1)}
	log, err := os.Create(s.log)
	do(r.T, err)
	s.cmd = exec.Command(path, "node", "--config", filepath.Join(r.c.Dir(), site, "node.toml"))
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	do(r.T, s.cmd.Start(), log.Close())
	go func() { s.done <- s.cmd.Wait() }()
	r.Cleanup(func() {
		s.cmd.Process.Kill()
		if r.Failed() {
			text, _ := os.ReadFile(s.log)
			r.Logf("the stray process says:\n%s", text)
		}
	})
	return s
}

// elsewhere is what gives a site's configuration other ports and another data folder.
func elsewhere(t *testing.T, data string) (env []string) {
	t.Helper()
	ports, err := cluster.ReservePorts(1)
	do(t, err)
	t.Cleanup(ports.Release)
	env = append(env, "QUORATE_DATA="+data)
	for i, door := range []string{"TRANSPORT", "EPP", "WHOIS", "RDAP", "DNS", "ADMIN", "METRICS"} {
		env = append(env, "QUORATE_"+door+"_LISTEN="+net.JoinHostPort("127.0.0.1", strconv.Itoa(ports.Base+i+1)))
	}
	return env
}

// leavesWith waits until the process has ended with an error and a log that has these words in a line.
func (s *stray) leavesWith(t *testing.T, words ...string) {
	t.Helper()
	select {
	case err := <-s.done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(eventually):
		t.Error("it goes on")
	}
	if err := said(s.log, 0, words...); err != nil {
		t.Errorf("its log, %q: %v", words, err)
	}
}

// A second process with a node's id and certificate, on a copy of its data and on an empty folder: the peers refuse it, both say so, and it
// ends; the first is left alone. If the second was there first, the first takes its place back: it is where the others look for it.
func TestFaultTwin(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, func(o *cluster.Options) { o.Heartbeat = relaxed })
	for follows := range 2 {
		leads, others := leader(t, r.c)
		site := append([]string{leads}, others...)[follows]
		copied := filepath.Join(t.TempDir(), "copied")
		do(t, r.c.Stop(site), os.CopyFS(copied, os.DirFS(r.c.Data(site))), r.c.Start(site))
		r.agreed()
		advance(t, r.Journal, 20)
		for what, data := range map[string]string{"a copy": copied, "an empty folder": filepath.Join(t.TempDir(), "empty")} {
			leads, _ = leader(t, r.c)
			before, err := r.c.Status(t.Context(), leads)
			do(t, err)
			twin := r.stray(site, elsewhere(t, data)...)
			r.acknowledges("a twin on "+what, site, r.session(site))
			twin.leavesWith(t, "another process", "page=true")
			for _, s := range r.c.Sites() {
				if s != site {
					r.says(s, "refused a connection", "reason=duplicate", "peer="+site)
				}
			}
			r.stillLeads("a twin on "+what, leads, before.Term)
			r.agreed()
		}

		// The twin is there first.
		do(t, r.c.Kill(site))
		twin := r.stray(site, elsewhere(t, copied)...)
		await(t, "a peer has taken the twin for "+site, func(ctx context.Context) error {
			for _, s := range r.c.Sites() {
				st, err := r.c.Status(ctx, s)
				if s == site || err != nil {
					continue
				}
				if i := slices.IndexFunc(st.Peers, func(p admin.Peer) bool { return p.ID == site }); i >= 0 && st.Peers[i].Connected {
					return nil
				}
			}
			return errors.New("none has")
		})
		advance(t, r.Journal, 20)
		do(t, r.c.Start(site), r.c.AwaitReady(t.Context(), site))
		r.acknowledges("the first is back", site, r.session(site))
		twin.leavesWith(t, "another process", "page=true")
		r.agreed()
	}
	r.finish()
}

// A node of another generation of the cluster, and one that says it is of another cluster: refused, and both sides say why.
func TestFaultNodeOfAnotherCluster(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	_, others := leader(t, r.c)
	site := others[0]
	do(t, r.c.Stop(site))

	other := r.stray(site, "QUORATE_TRANSPORT_GENERATION=2")
	await(t, "it says that it is refused", func(context.Context) error {
		return said(other.log, 0, "can't connect to a peer", "refused this node: protocol")
	})
	await(t, "a peer says that it refuses it", func(context.Context) error {
		for _, s := range r.c.Sites() {
			if s != site && said(r.c.LogFile(s), 0, "refused a connection", "reason=protocol", "generation 2") == nil {
				return nil
			}
		}
		return errors.New("none does")
	})
	r.acknowledges("a node of another generation", others[1], r.session(others[1]))
	do(t, other.cmd.Process.Kill())
	<-other.done

	other = r.stray(site, "QUORATE_CLUSTER=other")
	other.leavesWith(t, "this node's own certificate", "of another cluster")
	do(t, r.c.Start(site))
	r.agreed()
	r.finish()
}

// A node whose data folder was lost comes back by itself with the log of the others, and takes part in elections only then.
func TestFaultLostDataFolder(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	for follows := range 2 {
		leads, others := leader(t, r.c)
		site := append([]string{leads}, others...)[follows]
		s := r.session(others[1])
		do(t, r.c.Kill(site), os.RemoveAll(r.c.Data(site)))
		r.acknowledges(fmt.Sprintf("the data folder of %s is lost, follower %v", site, follows == 1), others[1], s)
		do(t, r.c.Start(site))
		r.agreed()
		r.says(site, "this node begins without data")
		r.says(site, "this node has caught up, and votes from now on")
		r.acknowledges("it is back", site, r.session(site))
	}
	r.finish()
}
