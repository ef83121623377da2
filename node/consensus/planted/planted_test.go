package planted

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// seeds is how many seeds a bug has to show itself. Each has shown itself in the first few.
const seeds = "100"

// violation is a line of the simulation that says what is wrong.
var violation = regexp.MustCompile(`seed \d+, [0-9.]+ s: .*`)

func TestTheSimulationFindsPlantedBugs(t *testing.T) {
	for _, row := range []struct {
		tag string
		as  string // how the simulation may put it
	}{
		{"bug_ack_before_commit", `was acknowledged at|was answered at`},
		{"bug_apply_twice", `again`},
		{"bug_stale_read", `a linearizable read showed`},
		{"bug_debit_without_create", `must be`},
		{"bug_clock_in_fsm", `digest|log time|left service|was answered at|must be`},
	} {
		t.Run(row.tag, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "simulation.test")
			if out, err := exec.Command("go", "test", "-c", "-tags", row.tag, "-o", binary, "quorate/node/consensus").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd := exec.Command(binary, "-test.run", "^TestSimulation$", "-test.timeout", "5m")
			cmd.Env = append(os.Environ(), "QUORATE_SEED=1", "QUORATE_SEEDS="+seeds)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("not found in %s seeds", seeds)
			}
			found := violation.FindAllString(string(out), -1)
			for _, line := range found {
				if regexp.MustCompile(row.as).MatchString(line) {
					t.Logf("found: %.200s", line)
					return
				}
			}
			t.Errorf("the simulation failed, but not for this bug: %v: %q\n%s", err, found, out[:min(len(out), 4000)])
		})
	}
}
