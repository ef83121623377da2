package fsm

import (
	"sync"

	"quorate/fsm/store"
)

// keptDigests is how many of the last entries' digests a machine can be asked
// for: enough that peers seconds apart can compare at a common index.
const keptDigests = 1 << 14

type digestAt struct {
	index  uint64
	digest store.Digest
}

// digests is a ring of the digests after the last entries.
type digests struct {
	mu   sync.Mutex
	ring [keptDigests]digestAt
}

func (d *digests) add(sums []digestAt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range sums {
		d.ring[s.index%keptDigests] = s
	}
}

func (d *digests) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ring = [keptDigests]digestAt{}
}

// DigestAt is the digest of the state right after the entry at index; ok is
// false when that is too long ago or yet to come.
func (m *Machine) DigestAt(index uint64) (digest store.Digest, ok bool) {
	m.digests.mu.Lock()
	defer m.digests.mu.Unlock()
	s := m.digests.ring[index%keptDigests]
	return s.digest, s.index == index && index > 0
}
