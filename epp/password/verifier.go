package password

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrBusy says that more passwords wait for verification than can be verified soon.
var ErrBusy = errors.New("too many passwords wait to be verified")

// Verifier verifies passwords for a server: no more at a time than Slots, with a bounded number waiting, and without hashing again what was
// right minutes ago. It is safe for concurrent use.
type Verifier struct {
	running chan struct{} // holds one item for each verification that runs
	waiting chan struct{} // and one for each that waits or runs
	key     []byte        // of the MACs: random, so that what is remembered tells nothing outside this process
	now     func() time.Time

	mu    sync.Mutex
	right map[[sha256.Size]byte]time.Time // MAC of what was right → when to forget it
}

// Subject is whose password is verified, and what else its being right depends on.
type Subject struct {
	Registrar   string
	Certificate string // fingerprint of the certificate that the connection came with
	Hash        string // in PHC string form
}

// Slots is how many hashes are made at a time: half of the machine's cores, for a wave of
// logins must leave the rest of the node the means to elect a leader, answer and apply.
func Slots() int { return max(1, runtime.NumCPU()/2) }

// NewVerifier makes a Verifier.
func NewVerifier() (*Verifier, error) {
	key := make([]byte, sha256.Size)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making a verifier's key: %w", err)
	}
	slots := Slots()
	return &Verifier{
		running: make(chan struct{}, slots), waiting: make(chan struct{}, slots*(1+QueuePerSlot)),
		key: key, now: time.Now, right: map[[sha256.Size]byte]time.Time{},
	}, nil
}

// Verify says whether password is right for s. The errors are ErrBusy, at once; ErrHash; and ctx's.
func (v *Verifier) Verify(ctx context.Context, s Subject, password string) (bool, error) {
	mac := v.mac(s, password)
	if v.remembers(mac) {
		return true, nil
	}
	done, err := v.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	// The same password may have been verified while this one waited.
	if v.remembers(mac) {
		return true, nil
	}
	ok, err := Verify(s.Hash, password)
	if ok {
		v.remember(mac)
	}
	return ok, err
}

// Hash makes a new password's hash, in its turn among the verifications. The errors are ErrBusy, at once, and ctx's.
func (v *Verifier) Hash(ctx context.Context, password string) (string, error) {
	done, err := v.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return Hash(password)
}

// turn waits until there is a core to hash on; done gives it back.
func (v *Verifier) turn(ctx context.Context) (done func(), err error) {
	select {
	case v.waiting <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	select {
	case v.running <- struct{}{}:
		return func() { <-v.running; <-v.waiting }, nil
	case <-ctx.Done():
		<-v.waiting
		return nil, fmt.Errorf("waiting to hash a password: %w", ctx.Err())
	}
}

func (v *Verifier) mac(s Subject, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.key)
	for _, part := range []string{s.Registrar, s.Certificate, s.Hash, password} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	h.Sum(sum[:0])
	return sum
}

func (v *Verifier) remembers(mac [sha256.Size]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := v.right[mac]
	return ok && v.now().Before(until)
}

func (v *Verifier) remember(mac [sha256.Size]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	if len(v.right) >= MaxRemembered {
		for m, until := range v.right {
			if !now.Before(until) {
				delete(v.right, m)
			}
		}
		// Still full: nobody has thousands of registrars log in within minutes by accident. Hashing again is safe.
		if len(v.right) >= MaxRemembered {
			clear(v.right)
		}
	}
	v.right[mac] = now.Add(Remembered)
}
