package node

import (
	"context"
	"slices"
	"strings"

	"quorate/epp"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/consensus"
)

// registryDoor is the registry as the front doors see it.
type registryDoor struct {
	*consensus.Consensus
	*sealer
}

// Execute implements epp.Registry.
func (d registryDoor) Execute(ctx context.Context, r epp.Request) (registry.Result, registry.CommandID, error) {
	return d.Consensus.Execute(ctx, r.Actor, r.ClTRID, r.Kind, r.Body)
}

// adminDoor is the node as operators see it.
type adminDoor struct {
	*consensus.Consensus
	node *Node
}

// Digest implements admin.Registry.
func (d adminDoor) Digest(index uint64) (string, bool) {
	sum, ok := d.node.machine.DigestAt(index)
	return sum.String(), ok
}

// Levels implements admin.Registry.
func (d adminDoor) Levels(ctx context.Context) (registry.Level, []admin.MemberLevel, error) {
	level, members, err := d.Consensus.Levels(ctx)
	var all []admin.MemberLevel
	for _, m := range members {
		one := admin.MemberLevel{Node: m.Node, Reads: int(m.Reads)}
		if m.Err != nil {
			one.Error = m.Err.Error()
		}
		all = append(all, one)
	}
	return level, all, err
}

// maxDirty bounds the count of names to publish that a status shows.
const maxDirty = 100_000

// Status implements admin.Registry.
func (d adminDoor) Status(context.Context) (admin.Status, error) {
	n := d.node
	c := n.consensus.Status()
	s := admin.Status{
		Cluster: n.cfg.Cluster, Node: n.cfg.Node, Site: n.cfg.Site, Version: Release,
		State: c.State, Leader: c.Leader, Term: c.Term, Committed: c.Committed,
		StateBytes: n.machine.Size(), Ready: "ok", DNS: "ok", Reads: int(n.machine.Reads()),
	}
	if err := n.ready(); err != nil {
		s.Ready = err.Error()
	}
	if err := n.readyDNS(); err != nil {
		s.DNS = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	var known []registry.Peer
	err := n.machine.View(func(v fsm.View) error {
		pos := v.Position()
		s.Applied, s.Digest = pos.Index, pos.Digest.String()
		s.LogTime, s.Pending = v.Now().String(), v.Pending()
		s.Incidents, s.Level = len(v.Incidents(maxDirty)), int(v.Level())
		for _, z := range v.Zones() {
			served, _ := n.zones.Serial(fqdn(z.Name))
			shown := admin.Zone{Name: z.Name, Serial: z.Serial, Served: served, Dirty: len(v.Dirty(z.Name, maxDirty)), Held: z.Held, Frozen: z.Frozen, Withheld: n.signatures.withholds(fqdn(z.Name)), Troubles: len(n.troubles.here(z.Name))}
			if end, ok := v.FirstExpiry(z.Name); ok {
				p, _ := v.ZonePolicy(z.Name)
				shown.Signature, shown.Refresh = float64(end-v.Now())/1000, float64(p.Refresh)/1000
			}
			s.Zones = append(s.Zones, shown)
		}
		known = v.Peers()
		return nil
	})
	s.Peers = n.peers(known, c.Voters)
	return s, err
}

// peers are the other members, with what the transport knows of them.
func (n *Node) peers(known []registry.Peer, voters []string) (all []admin.Peer) {
	links := n.transport.Peers()
	for _, p := range known {
		if p.ID == n.cfg.Node {
			continue
		}
		peer := admin.Peer{ID: p.ID, Site: p.Site, Address: p.Address, Voter: slices.Contains(voters, p.ID)}
		for _, link := range links {
			if link.ID == p.ID {
				peer.Connected = len(link.Outbound)+len(link.Inbound) > 0
				peer.RTT = float64(link.RTT.Microseconds()) / 1000
			}
		}
		all = append(all, peer)
	}
	return all
}
