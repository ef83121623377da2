package admin

// ring keeps the last n of what is added.
type ring[T any] struct {
	kept []T
	n    int
	next int // where the next goes, once there are n
}

func newRing[T any](n int) *ring[T] { return &ring[T]{n: n} }

func (r *ring[T]) add(v T) {
	if len(r.kept) < r.n {
		r.kept = append(r.kept, v)
		return
	}
	r.kept[r.next] = v
	r.next = (r.next + 1) % r.n
}

// all is what is kept, oldest first.
func (r *ring[T]) all() []T {
	return append(r.kept[r.next:len(r.kept):len(r.kept)], r.kept[:r.next]...)
}
