package node

import (
	"fmt"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/config"
)

// directory says where nodes are and which of them are members: a local
// override first, then what the cluster has agreed on, then the seed.
type directory struct {
	machine *fsm.Machine // nil: the seed is all there is
	seed    []config.Peer
}

// Resolve implements transport.Resolver.
func (d *directory) Resolve(node string) (string, error) {
	for _, p := range d.seed {
		if p.ID == node && p.Dial != "" {
			return p.Dial, nil
		}
	}
	if p, ok := d.replicated(node); ok {
		return p.Address, nil
	}
	for _, p := range d.seed {
		if p.ID == node {
			return p.Address, nil
		}
	}
	return "", fmt.Errorf("node %q is not a member of the cluster", node)
}

// Authorize refuses nodes that aren't members.
func (d *directory) Authorize(node string) error {
	_, err := d.Resolve(node)
	return err
}

func (d *directory) replicated(node string) (found registry.Peer, ok bool) {
	for _, p := range d.all() {
		if p.ID == node {
			return p, true
		}
	}
	return found, false
}

// all are the peers that the cluster has agreed on.
func (d *directory) all() (peers []registry.Peer) {
	if d.machine == nil {
		return nil
	}
	_ = d.machine.View(func(v fsm.View) error { // a failing state file shows elsewhere, and the seed remains
		peers = v.Peers()
		return nil
	})
	return peers
}
