package nodecli

import (
	"errors"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin/admintest"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	if registry.HighestLevel < 3 {
		t.Skip("this binary is of an older release")
	}
	c, at := start(t)
	found(t, c)
	c.Nodes[1].Break(admintest.Fault{Reads: 1})
	c.Nodes[2].Break(admintest.Fault{Status: errors.New("unreachable")})
	same(t, must(t, at("level")...), `
The cluster is at level 1: the registry of release 0.1.
Level 2 would bring: the ledger is audited in slices, and can be audited anew.

NODE   READS
site1  up to 3
site2  up to 1
site3  unreachable
`)
	for line, want := range map[string]string{
		"level raise": "the cluster stays at level 1: not every member can read level 2: site2 reads up to level 1; site3 doesn't answer (unreachable)",
		"audit":       "this needs cluster level 2, and the cluster is at level 1 (2101)",
		"level rise":  `unknown command "rise" for "quorate level"`,
	} {
		if out, _, err := run(t, "", at(line)...); err == nil || err.Error() != want || out != "" {
			t.Errorf("quorate %s: got %v, want %s\n%s", line, err, want, out)
		}
	}
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{})
	}
	same(t, must(t, at("level raise")...), "The cluster is at level 2 now: the ledger is audited in slices, and can be audited anew.\n")
	same(t, must(t, at("audit")...), "The audit begins anew.\n")
	if out := must(t, at("status")...); !strings.Contains(out, "  2 (reads 3)  yes") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("history")...); !strings.Contains(out, "cluster:level") || !strings.Contains(out, "ledger:audit") {
		t.Errorf("got\n%s", out)
	}
	same(t, must(t, at("level raise")...), "The cluster is at level 3 now: "+registry.Brought(3)+".\n")
	if _, _, err := run(t, "", at("level raise")...); err == nil || !strings.HasPrefix(err.Error(), "the cluster stays at level 3: not every member can read level 4: site1 reads up to level 3; ") {
		t.Errorf("got %v", err)
	}
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{View: fsm.ErrUnavailable})
	}
	if _, _, err := run(t, "", at("level")...); err == nil || !strings.HasPrefix(err.Error(), "site1: ") {
		t.Errorf("got %v", err)
	}
}
