//go:build !bug_ack_before_commit

package consensus

import "quorate/fsm/registry"

// foretell is for a planted bug; see quorate/fsm/bugs.
func (c *Consensus) foretell([]byte) (r registry.Result, ok bool) { return r, false }
