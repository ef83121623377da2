package linear

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// recorder collects what all clients do, by one monotonic clock.
type recorder struct {
	begin time.Time

	mu     sync.Mutex
	ops    []*Op
	faults []Fault
}

func newRecorder() *recorder { return &recorder{begin: time.Now()} }

func (r *recorder) now() int64 { return int64(time.Since(r.begin)) }

// do notes an operation around its execution. ask fills in what was answered, and the outcome.
func (r *recorder) do(op *Op, ask func(*Op)) *Op {
	op.Call = r.now()
	ask(op)
	if op.Outcome != Unknown {
		op.Return = r.now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
	return op
}

// fault notes what was done to a site around its doing.
func (r *recorder) fault(what, site string, inflict func()) {
	f := Fault{What: what, Site: site, From: r.now()}
	inflict()
	f.To = r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, f)
}

// all are the operations by their call, and the faults.
func (r *recorder) all() ([]*Op, []Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.ops, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	return r.ops, r.faults
}
