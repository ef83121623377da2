package dnsserve

import (
	"bytes"
	"runtime/debug"
)

// ahead is what is known of a batch of queries before the first is answered. In a large zone nearly all that an answer is found by
// isn't in the processor's caches, and one query after the other would wait for memory some ten times. So the tries are
// walked for all queries of the batch at once, a level for each before the next level: they wait together.
type ahead struct {
	queries [batchSize]query
	n       int // queries that are read

	keys  [batchSize]key
	at    [batchSize]ref
	going [batchSize]uint8 // whose walk isn't at its end
}

// found is what was found ahead of an answer. It holds for one zone: that of the version.
type found struct {
	zone *version
	top  ref  // where the question's name, or that above it, one label below the apex lies, if it is there; as find says
	own  ref  // where the NSEC3 that stands for that name lies, if hash is set; as find says
	hash bool // it is a cut without DS, and hashed
	sha  [hashSize]byte
}

// lookAhead reads n queries, and finds what it can. After a panic nothing is known of any of them: what it was about will be met
// again, and judged, by the answer that needs it.
func (r *responder) lookAhead(msg func(i int) []byte, n int) {
	a := r.ahead
	a.n = 0
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			a.n = 0
		}
	}()
	table := r.zones.table.Load()
	going := a.going[:0]
	for i := range n {
		q := &a.queries[i]
		q.parse(msg(i))
		a.n++
		if q.rcode != rcodeNoError || q.question == 0 || q.qclass != classIN {
			continue
		}
		v := table.find(&q.name, q.qtype)
		if v == nil || q.name.n <= v.labels {
			continue
		}
		q.found.zone = v
		a.keys[i], a.at[i] = hashed(v.seed, q.name.suffix(v.labels+1)), v.names
		going = append(going, uint8(i))
	}
	a.walk(going)
	next := going[:0]
	for _, i := range going {
		q := &a.queries[i]
		v := q.found.zone
		q.found.top = a.at[i]
		if a.at[i] == 0 || !q.do || v.proof != proofNSEC3 {
			continue
		}
		n := v.name(a.at[i])
		if _, ds := n.set(typeDS, 0); ds || !n.has(flagCut) || !bytes.Equal(n.wire(), q.name.suffix(v.labels+1)) {
			continue
		}
		r.hashOf(v, n.wire())
		q.found.sha, q.found.hash = r.hash, true
		a.keys[i], a.at[i] = key{be.Uint64(q.found.sha[:]), q.found.sha[8:]}, v.denial
		next = append(next, i)
	}
	a.walk(next)
	for _, i := range next {
		q := &a.queries[i]
		if q.found.own = a.at[i]; q.found.own != 0 {
			q.found.zone.name(q.found.own)
		}
	}
}

// query is the i-th of a batch; nil when it isn't read.
func (a *ahead) query(i int) *query {
	if i >= a.n {
		return nil
	}
	return &a.queries[i]
}

// forget is for when a batch is answered: an idle worker must not keep an image that was replaced.
func (a *ahead) forget() {
	a.n = 0
	for i := range a.queries {
		a.queries[i].found.zone = nil
	}
}

// walk is find for all of going, from the root in at on, which then holds what was found.
func (a *ahead) walk(all []uint8) {
	var left [batchSize]uint8
	going := left[:copy(left[:], all)]
	for level := 0; len(going) > 0; level++ {
		on := going[:0]
		for _, i := range going {
			if a.at[i] == 0 {
				continue
			}
			b := a.queries[i].found.zone.branch(a.at[i])
			switch bit := a.keys[i].slot(level); {
			case b.leaves&bit != 0:
				a.at[i] = b.at(b.leaf(bit))
			case b.kids&bit != 0:
				a.at[i] = b.at(b.kid(bit))
				on = append(on, i)
			default:
				a.at[i] = 0
			}
		}
		going = on
	}
}
