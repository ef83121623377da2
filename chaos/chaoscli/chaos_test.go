package chaoscli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/chaos/linear"
)

// A history from a file is judged as one from a cluster is.
func TestLinearHistory(t *testing.T) {
	t.Parallel()
	taken := &linear.Op{Kind: linear.Check, Session: 1, Site: "site1", Name: "a.example", Call: 1, Return: 2, Outcome: linear.OK, Seen: &linear.Domain{}}
	free := &linear.Op{Kind: linear.Check, Session: 1, Site: "site1", Name: "a.example", Call: 1, Return: 2, Outcome: linear.OK}
	for _, row := range []struct {
		op      *linear.Op
		wrong   bool
		printed string
	}{{free, false, "1 reads of sessions"}, {taken, true, "a.example, session 1: is not in order"}} {
		dir := t.TempDir()
		h := &linear.History{Names: []string{"a.example"}, CreatePrice: 1, RenewPrice: 1, Ops: []*linear.Op{row.op}}
		if err := h.Report(dir, "given", nil); err != nil {
			t.Fatal(err)
		}
		c := linearCommand()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs([]string{"--history", filepath.Join(dir, "given.history"), "--out", filepath.Join(dir, "out")})
		if err := c.ExecuteContext(t.Context()); (err != nil) != row.wrong {
			t.Errorf("%s: %v", row.op, err)
		}
		if !strings.Contains(out.String(), row.printed) {
			t.Errorf("%s: printed %s", row.op, &out)
		}
		left, _ := os.ReadDir(filepath.Join(dir, "out"))
		if wants := map[bool]int{true: 2}[row.wrong]; len(left) != wants {
			t.Errorf("%s: left %v", row.op, left)
		}
	}
}

func TestLinearRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--duration", "0s"}, {"--names", "0"}, {"--clients", "-1"}, {"--history", filepath.Join(t.TempDir(), "none")}, {"more"}} {
		c := linearCommand()
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs(args)
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
