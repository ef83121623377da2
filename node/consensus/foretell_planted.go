//go:build bug_ack_before_commit

package consensus

import (
	"quorate/fsm"
	"quorate/fsm/registry"
)

// foretell is what a registrar's command would come to if it were committed now; ok is false for all else. It is bugs.AckBeforeCommit.
func (c *Consensus) foretell(entry []byte) (r registry.Result, ok bool) {
	cmd, err := fsm.DecodeUnstamped(entry)
	if err != nil || cmd.Actor.Role != registry.RoleRegistrar {
		return r, false
	}
	r, err = c.cfg.Machine.Foretell(entry)
	r.Index = 0 // nobody can wait for it
	return r, err == nil
}
