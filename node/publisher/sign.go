package publisher

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"quorate/fsm/registry"
)

// signer signs one zone's RRsets, as of one log time.
type signer struct {
	zone   []byte // in wire form
	keys   []openKey
	policy registry.ZonePolicy
	now    registry.Time
}

type openKey struct {
	registry.ZoneKey
	private crypto.Signer
}

const classIN = 1

// set signs an RRset by all active keys that are for it, for a life at most. draw says how much less, of drawn.
func (s *signer) set(rr *registry.RRset, life, draw registry.Time) error {
	role := registry.SignsZone
	if rr.SignedByKeys() {
		role = registry.SignsKeys
	}
	// Ends are drawn at random, so that not everything that is signed at once has to be renewed at once.
	// Those of the shortest lives go half a day below the least, which the bounds of policies have room for.
	end := s.now + life
	if jitter := min(s.policy.Jitter, max(life-s.policy.LeastLife(), registry.MinSigningInterval/2)); jitter > 0 {
		end -= jitter * draw / drawn
	}
	begin := s.now - s.policy.Inception
	owner := wireName(rr.Owner)
	labels := strings.Count(rr.Owner, ".") + 1
	if strings.HasPrefix(rr.Owner, "*.") {
		labels--
	}
	head := append(bytes.Clone(owner), 0, 0, 0, classIN)
	binary.BigEndian.PutUint16(head[len(owner):], rr.Type)
	head = binary.BigEndian.AppendUint32(head, rr.TTL)
	rr.Sigs = nil
	for _, k := range s.keys {
		if k.Roles&role == 0 || role == registry.SignsKeys && !k.InZone(s.now) {
			continue
		}
		sig := rrsig(rr.Type, k.Algorithm, uint8(labels), rr.TTL, uint32(end/registry.Second), uint32(begin/registry.Second), k.Tag, s.zone)
		data := bytes.Clone(sig)
		for _, rdata := range rr.Data {
			data = append(data, head...)
			data = binary.BigEndian.AppendUint16(data, uint16(len(rdata)))
			data = append(data, rdata...)
		}
		signature, err := sign(k.Algorithm, k.private, data)
		if err != nil {
			return err
		}
		rr.Sigs = append(rr.Sigs, append(sig, signature...))
	}
	slices.SortFunc(rr.Sigs, bytes.Compare)
	return nil
}

// drawn is one more than the highest draw: years of jitter, in milliseconds, times it are no overflow.
const drawn registry.Time = 1 << 16

// all signs some of the sets on as many processors as there are.
func (s *signer) all(sets []registry.RRset, which []registry.ToSign) error {
	draws := make([]registry.Time, (len(which)+sharedEnd-1)/sharedEnd)
	for i := range draws {
		draws[i] = registry.Time(rand.Int64N(int64(drawn)))
	}
	var next atomic.Int64
	errs := make([]error, min(runtime.GOMAXPROCS(0), max(1, len(which)/8)))
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(which); i = next.Add(1) - 1 {
				if errs[w] = s.set(&sets[which[i].Set], which[i].Life, draws[i/sharedEnd]); errs[w] != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// wireName is a valid name in wire form.
func wireName(name string) []byte {
	b := make([]byte, 0, len(name)+2)
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
