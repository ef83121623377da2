package node

import (
	"sync"
	"time"

	"quorate/fsm"
	"quorate/node/leases"
)

// settling is for how long a cluster may be without a leader before that counts as trouble: elections take a second or two.
const settling = 3 * time.Second

// openLeases starts the limits that all nodes keep together.
func (n *Node) openLeases() {
	members := &members{machine: n.machine}
	for _, p := range n.cfg.Peers {
		members.ids = append(members.ids, p.ID)
	}
	n.leases = leases.Open(leases.Config{
		Node: n.cfg.Node, Network: n.transport, Nodes: members.get, Leader: n.consensus.Leader, Reign: n.consensus.Reign, Log: n.log,
	})
}

// leaderless says whether the cluster has been without a leader for longer than an election takes.
func (n *Node) leaderless() bool { return n.consensus.Alone() > settling }

// members are the cluster's nodes, as they were within the last second.
type members struct {
	machine *fsm.Machine

	mu  sync.Mutex
	ids []string
	at  time.Time
}

func (m *members) get() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.at) < time.Second {
		return m.ids
	}
	m.at = time.Now()
	var ids []string
	err := m.machine.View(func(v fsm.View) error {
		for _, p := range v.Peers() {
			ids = append(ids, p.ID)
		}
		return nil
	})
	if err == nil && len(ids) > 0 {
		m.ids = ids
	}
	return m.ids
}
