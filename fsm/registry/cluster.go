package registry

// NewTerm is a leader's first entry. Once it is applied, the leader has applied
// all that any leader before it acknowledged, and its duties may begin.
type NewTerm struct {
	Term   uint64 `cbor:"1,keyasint"`
	Leader string `cbor:"2,keyasint"` // node id
}

// Tick brings log time on while nothing else does, and settles what is due.
type Tick struct{}

// MaxSettled bounds the due transitions that one Tick executes, so that a
// backlog can't hold up the commands behind it.
const MaxSettled = 256

func (x *Exec) newTerm(t NewTerm) (Code, any, *Failure) {
	p := x.Progress()
	p.Term, p.Leader = t.Term, t.Leader
	progress.Put(x.tx, progressRow, p)
	return Success, nil, nil
}

func (x *Exec) tick(Tick) (Code, any, *Failure) {
	for _, name := range x.dueDomains(MaxSettled) {
		x.settle(name)
	}
	return Success, nil, nil
}

func (x *Exec) clusterInit(c Cluster) (Code, any, *Failure) {
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
