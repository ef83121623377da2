package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"quorate/chaos/cluster"
)

// Time-outs of the tests themselves: how long to wait for what must happen, on a slow machine that does other work. None is a measurement.
const (
	eventually = 60 * time.Second
	between    = 25 * time.Millisecond // two looks at a condition
	patience   = 20 * time.Second      // of a client with a command: above the 10 s that a node tries
)

// relaxed is raft's heartbeat in tests that aren't about failover: a busy machine must not cause elections there.
const relaxed = time.Second

// binary is the path of the quorate under test, and root that of the repository.
var binary, root string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quorate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	root, err = filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "quorate")
	build := exec.Command("go", "build", "-o", binary, "quorate")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the binary: %v\n%s", err, out)
		return 1
	}
	status := m.Run()
	if err := validateAnswers(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	return status
}

// options are those of a cluster with a folder and ports of its own.
func options(t *testing.T) cluster.Options {
	t.Helper()
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	return cluster.Options{Dir: filepath.Join(t.TempDir(), "cluster"), Binary: binary, PortBase: ports.Base, Answered: answered}
}

// start runs a cluster for the length of the test. heartbeat 0 is what nodes have by default.
func start(t *testing.T, heartbeat time.Duration) *cluster.Cluster {
	t.Helper()
	o := options(t)
	o.Heartbeat = heartbeat
	c, err := cluster.New(o)
	if err != nil {
		t.Fatal(err)
	}
	up(t, c)
	return c
}

func up(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, c)
		}
		for _, s := range c.Sites() {
			if c.Running(s) {
				c.Kill(s) // a test that wants a graceful stop stops
			}
		}
	})
	if err := c.Up(t.Context(), t.Logf); err != nil {
		t.Fatal(err)
	}
}

// showLogs prints the end of each site's log.
func showLogs(t *testing.T, c *cluster.Cluster) {
	for _, s := range c.Sites() {
		out, _ := exec.Command("tail", "-n", "25", c.LogFile(s)).Output()
		t.Logf("log of %s:\n%s", s, out)
	}
}

// await waits until check returns nil, and fails the test when that doesn't come to be.
func await(t *testing.T, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually)
	defer cancel()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not after %v: %v", what, eventually, err)
		}
	}
}

// leader is the site that leads, and the others.
func leader(t *testing.T, c *cluster.Cluster) (leads string, others []string) {
	t.Helper()
	leads, err := c.AwaitLeader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Sites() {
		if s != leads {
			others = append(others, s)
		}
	}
	return leads, others
}

// do fails the test if one of the steps did.
func do(t *testing.T, steps ...error) {
	t.Helper()
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
}
