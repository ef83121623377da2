package registry

import "quorate/fsm/store"

// NewTerm is a leader's first entry. Once it is applied, the leader has applied
// all that any leader before it acknowledged, and its duties may begin.
type NewTerm struct {
	Term   uint64 `cbor:"1,keyasint"`
	Leader string `cbor:"2,keyasint"` // node id
}

// Tick brings log time on while nothing else does, and settles what is due.
// Only a Tick with a quorum of clocks takes log time further than MaxStep.
type Tick struct {
	Clocks []Clock `cbor:"1,keyasint,omitempty"`
}

// Clock is what a node's clock showed when the leader asked for it.
type Clock struct {
	Node string `cbor:"1,keyasint"`
	Time Time   `cbor:"2,keyasint"`
}

// Bounds on log time.
const (
	// MaxStep is how far an entry can take log time by the leader's clock
	// alone. One wrong clock must not renew and purge the whole registry.
	MaxStep = Hour
	// MaxSkew is how far clocks may be apart and still agree.
	MaxSkew = 2 * Second
)

// logTime is the log time at which a command stamped with stamp executes, after the command at last.
func (x *Exec) logTime(stamp, last Time) Time {
	switch {
	case stamp <= last, x.Kind == KindNewTerm && last != 0: // a new leader's clock has yet to be held against the others'
		return last
	case last == 0, stamp-last <= MaxStep, x.quorumAgrees(stamp):
		return stamp
	}
	return last
}

// quorumAgrees says whether the command is a Tick that names a majority of the
// cluster's nodes whose clocks agree with stamp.
func (x *Exec) quorumAgrees(stamp Time) bool {
	var t Tick
	if x.Kind != KindTick || store.Decode(x.Body, &t) != nil {
		return false
	}
	members := x.Peers()
	agree := 0
	for _, p := range members {
		for _, c := range t.Clocks {
			if c.Node == p.ID && c.Time-stamp <= MaxSkew && stamp-c.Time <= MaxSkew {
				agree++
				break
			}
		}
	}
	return agree > len(members)/2
}

// MaxSettled bounds the due transitions that one Tick executes, so that a
// backlog can't hold up the commands behind it.
const MaxSettled = 256

// MaxSettledRecords is after how many records of history a Tick executes no further transition: a transfer has one for each host that
// moves along.
const MaxSettledRecords = 2048

// Comparison holds the digests that nodes' states had after one log entry. It
// changes nothing; each replica holds its own against the majority's.
type Comparison struct {
	Index   uint64       `cbor:"1,keyasint"`
	Digests []NodeDigest `cbor:"2,keyasint"`
}

// NodeDigest is a node's digest.
type NodeDigest struct {
	Node   string `cbor:"1,keyasint"`
	Digest string `cbor:"2,keyasint"` // hex
}

// Majority is the digest that a majority of the cluster's members have; ok is false if there is none.
func (c Comparison) Majority(members int) (digest string, ok bool) {
	for _, one := range c.Digests {
		n := 0
		for _, other := range c.Digests {
			if other.Digest == one.Digest {
				n++
			}
		}
		if n > members/2 {
			return one.Digest, true
		}
	}
	return "", false
}

func (x *Exec) compareDigests(c Comparison) (Code, any, *Failure) {
	x.Compared = &c
	return Success, nil, nil
}

func (x *Exec) newTerm(t NewTerm) (Code, any, *Failure) {
	p := x.Progress()
	p.Term, p.Leader = t.Term, t.Leader
	progress.Put(x.tx, progressRow, p)
	return Success, nil, nil
}

func (x *Exec) tick(Tick) (Code, any, *Failure) {
	for _, name := range x.dueDomains(MaxSettled) {
		if x.records >= MaxSettledRecords && x.Level() >= 3 {
			break
		}
		x.settle(name)
	}
	if x.Level() >= 2 {
		x.auditSlice(MaxAudited)
	}
	if x.Level() >= 3 {
		x.settleContacts(MaxSettled)
		x.sweep(MaxSwept)
		x.zoneDuties()
	}
	return Success, nil, nil
}

// clusterInit fails with 2302, 2004.
func (x *Exec) clusterInit(c Cluster) (Code, any, *Failure) {
	if Level(c.Level) > FirstLevel {
		return 0, nil, Fail(ParameterRange, "level", "", "a cluster begins at level %d", FirstLevel)
	}
	if old := x.Cluster(); old.Name != "" {
		return 0, nil, Fail(ObjectExists, "", old.Name, "the cluster has its settings already")
	}
	cluster.Put(x.tx, clusterRow, c)
	return Success, nil, nil
}

func (x *Exec) peerPut(p Peer) (Code, any, *Failure) {
	peers.Put(x.tx, textKey(p.ID), p)
	return Success, nil, nil
}
