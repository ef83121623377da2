package chaoscli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What can't be run is refused before a cluster is started for it.
func TestBenchEPPRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, row := range []struct{ args, want string }{
		{"epp --mix none", "there are: create"},
		{"epp --mix com --names 3", "give --rate"},
		{"epp --mix gtld --names 20000000", "in millions"},
		{"epp --mix gtld --names 0", "in millions"},
		{"epp --rate -1", "the rate is"},
		{"epp --connections 0", "connections are"},
		{"epp --duration 2h", "a run takes"},
		{"epp --duration 0s", "--duration"},
		{"epp --duration 1s --warm-up 2s", "warm-up"},
		{"epp --endpoints " + filepath.Join(dir, "none"), "there is no"},
		{"epp more", "unknown command"},
		{"verify --endpoints " + filepath.Join(dir, "none"), "there is no"},
	} {
		c := benchCommand()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs(append(strings.Fields(row.args), "--journal", filepath.Join(dir, "journal")))
		if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.args, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
