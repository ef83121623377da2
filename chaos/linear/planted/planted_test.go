package planted

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/linear"
)

const (
	// rounds is how many rounds a bug has to show itself. Most do in the first second of the first.
	rounds = 12
	// length is a round's: longer ones would only take longer to check.
	length = 5 * time.Second
)

func TestPlantedBugsAreFound(t *testing.T) {
	for _, row := range []struct {
		tag     string
		bug     string // by its name in the log
		subject string // what the violation is about: "account ", "" for anything
		weather []linear.Weather
	}{
		{"bug_ack_before_commit", "acknowledge before commit", "", nil},
		{"bug_stale_read", "stale read served as fresh", "", nil},
		{"bug_debit_without_create", "debit without create", "account ", nil},
		{"bug_clock_in_fsm", "clock in the FSM", "", nil},
		// A command is proposed again when a leader goes between taking it and answering.
		{"bug_apply_twice", "apply twice", "", []linear.Weather{linear.HandOver, linear.Kill}},
	} {
		t.Run(row.tag, func(t *testing.T) {
			c := start(t, row.tag)
			if !announced(t, c, row.bug) {
				t.Fatalf("the binary doesn't say that %q is planted", row.bug)
			}
			for n := range uint64(rounds) {
				// A round that could not be held to its end may tell enough: replicas that differ leave service.
				h, err := linear.Round(t.Context(), c, linear.Options{Seed: n + 1, Duration: length, Weather: row.weather})
				if h != nil {
					for _, v := range h.Check() {
						if strings.HasPrefix(v.Subject, row.subject) && !v.Undecided {
							t.Logf("round %d, %s: found: %s", n+1, h.Summary(), v)
							return
						}
					}
				}
				if err != nil {
					t.Fatalf("round %d found nothing before it failed: %v", n+1, err)
				}
			}
			t.Errorf("not found in %d rounds", rounds)
		})
	}
}

// start runs a cluster of a binary with a bug planted, for the length of the test.
func start(t *testing.T, tag string) *cluster.Cluster {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "quorate")
	if out, err := exec.Command("go", "build", "-tags", tag, "-o", binary, "quorate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	c, err := cluster.New(cluster.Options{Dir: filepath.Join(dir, "cluster"), Binary: binary, PortBase: ports.Base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range c.Sites() {
			if c.Running(s) {
				c.Kill(s)
			}
		}
	})
	if err := c.Up(t.Context(), t.Logf); err != nil {
		t.Fatal(err)
	}
	return c
}

// announced says whether a site's log has the warning of a binary with this bug.
func announced(t *testing.T, c *cluster.Cluster, bug string) bool {
	t.Helper()
	log, err := os.ReadFile(c.LogFile(c.Sites()[0]))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(log), "has a bug planted") && strings.Contains(string(log), bug)
}
