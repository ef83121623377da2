package consensus

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
)

// A node that comes back without its data has forgotten which entries it helped to commit. It must not help one into the
// leadership who lacks them, nor stand itself; but it takes part again when it has caught up.
func TestANodeWithoutItsDataDoesNotVoteBeforeItHasCaughtUp(t *testing.T) {
	for _, lost := range []string{"n2", "n3"} {
		t.Run(lost, func(t *testing.T) {
			inGroup(t, nil, func(g *group) {
				// n1 leads, and commits an entry with the one that will lose its data; the third doesn't hear of it.
				third := map[string]string{"n2": "n3", "n3": "n2"}[lost]
				eventually(t, func() bool {
					if g.nodes["n1"].reign.begun() {
						return true
					}
					leader := g.leader()
					_ = g.nodes[leader].raft.LeadershipTransferToServer("n1", "n1").Error()
					return false
				})
				g.agree()
				g.wire.isolate(third, true)
				if r, err := g.create("n1", "acknowledged"); err != nil || r.Fail != nil {
					t.Fatal(r.Fail, err)
				}
				g.stop(lost)
				if err := os.RemoveAll(filepath.Join(g.folder, lost)); err != nil {
					t.Fatal(err)
				}
				g.stop("n1")
				g.wire.isolate(third, false)
				g.start(lost)
				for range 3 { // also over a restart
					time.Sleep(20 * time.Second)
					for _, id := range []string{lost, third} {
						if s := g.nodes[id].Status(); s.State == "leader" || s.Leader != "" {
							t.Fatalf("%s sees the leader %q: what was acknowledged is lost", id, s.Leader)
						}
					}
					g.stop(lost)
					g.start(lost)
				}
				g.start("n1")
				eventually(t, func() bool {
					found, err := g.has(lost, "acknowledged", fsm.Linearizable)
					return found && err == nil
				})
				eventually(t, func() bool { return g.nodes[lost].newcomer.part.Load() })
				if _, err := os.Stat(filepath.Join(g.folder, lost, newcomerName)); !os.IsNotExist(err) {
					t.Errorf("it would be new again after a restart: %v", err)
				}
				// Now it has its part again: one of the others may go, and it may lead.
				g.agree()
				g.stop(third)
				if err := g.nodes["n1"].raft.LeadershipTransferToServer(raft.ServerID(lost), raft.ServerAddress(lost)).Error(); err != nil {
					t.Error(err)
				}
				eventually(t, func() bool { return g.nodes[lost].reign.begun() })
				if r, err := g.create("n1", "after"); err != nil || r.Fail != nil {
					t.Error(r.Fail, err)
				}
				g.start(third)
				if domains, balance := g.agree(); domains != 2 || balance != deposit-2 {
					t.Errorf("%d domains, %d left", domains, balance)
				}
			})
		})
	}
}
