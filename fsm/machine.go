// Package fsm is the registry as a deterministic state machine: a pure function
// of its log. It applies entries in batches to the state file, executes each
// command once, and can be copied, verified and compared with its peers. It
// never looks at a clock, a socket or a random number, and starts no goroutine.
package fsm

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"quorate/fsm/bugs"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// Entry is a committed entry of the log. Data is empty for entries that are
// not commands, which only move the index.
type Entry struct {
	Index uint64
	Term  uint64
	Data  []byte
}

// Outcome is what a batch of entries came to.
type Outcome struct {
	Results   []registry.Result      // one for each entry
	Published []registry.Publication // in order
	Switched  []string               // zones of which another edition is published now
	Compared  []registry.Comparison  // to hold this replica's digests against
	Dirtied   bool                   // names were marked for publication
}

// Machine is one replica's state. Apply, Restore and Close are for one caller
// at a time; everything else may be called at any time by anyone.
type Machine struct {
	mu      sync.RWMutex // guards db against being swapped by Restore
	db      *store.DB
	log     *slog.Logger
	digests digests
	fault   error // the fault that ended applying; guarded by mu
}

// incidents holds, by index, the commands that were dropped because executing them broke
// an invariant, and those that found one broken. Somebody must look into each.
var incidents = store.Declare[Incident](60, "incidents", true)

// Incident is a command that broke an invariant and was dropped or, if Found says what, found one broken.
type Incident struct {
	Index uint64             `cbor:"1,keyasint"`
	Time  registry.Time      `cbor:"2,keyasint"`
	ID    registry.CommandID `cbor:"3,keyasint"`
	Kind  registry.Kind      `cbor:"4,keyasint"`
	Found string             `cbor:"5,keyasint,omitempty" since:"2"`
}

// Open opens or creates the state file at path, finishing or undoing a Restore
// that was cut short. The error wraps store.ErrLevel if the state is of a newer binary.
func Open(path string, log *slog.Logger) (*Machine, error) {
	return OpenAs(path, registry.HighestLevel, log)
}

// OpenAs is Open by a binary that reads up to a level, so that one process can play clusters of several releases.
func OpenAs(path string, highest registry.Level, log *slog.Logger) (*Machine, error) {
	if err := os.Remove(path + incoming); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing an unfinished copy: %w", err)
	}
	db, err := store.OpenAs(path, highest)
	if err != nil {
		return nil, err
	}
	return &Machine{db: db, log: log}, nil
}

// Close closes the state file.
func (m *Machine) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.Close()
}

// Apply executes committed entries in one durable transaction. Entries at or
// below the machine's own index are skipped: it has executed them, and their
// results are in the state. An error means that this node's storage failed or
// that the log is beyond it: nothing of the batch is kept, and no batch after it
// will be taken.
func (m *Machine) Apply(batch []Entry) (out Outcome, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.fault != nil {
		return out, m.fault
	}
	var sums []digestAt
	err = m.db.Update(func(b *store.Batch) error {
		out = Outcome{Results: make([]registry.Result, len(batch))}
		for i, e := range batch {
			if e.Index <= b.Position().Index {
				continue
			}
			if len(e.Data) > 0 {
				if out.Results[i], err = m.applyEntry(b, e, &out); err != nil {
					return fmt.Errorf("applying entry %d: %w", e.Index, err)
				}
			}
			b.Advance(e.Index, e.Term)
			sums = append(sums, digestAt{e.Index, b.Position().Digest})
		}
		return nil
	})
	if err != nil {
		m.fault = err
		return Outcome{}, err
	}
	m.digests.add(sums)
	return out, nil
}

// applyEntry executes one command on an overlay, which it merges unless the
// command fails. The result is remembered either way.
func (m *Machine) applyEntry(b *store.Batch, e Entry, out *Outcome) (registry.Result, error) {
	level, err := needs(e.Data)
	if err != nil {
		return registry.Result{}, err
	}
	if fail := registry.MayExecute(level, b.Position().Level()); fail != nil {
		// It leaves no trace, not even a result: who can't read it must come to the same state.
		return registry.Result{Index: e.Index, Code: fail.Code, Fail: fail}, nil
	}
	cmd, stamp, err := Decode(e.Data)
	if err != nil {
		return registry.Result{}, err
	}
	book := b.Begin()
	known, done := recall(book, cmd)
	b.Merge(book)
	if done && (bugs.Planted != bugs.ApplyTwice || IsStale(known)) {
		return known, nil
	}

	tx := b.Begin()
	x := registry.NewExec(tx, cmd, e.Index, registry.Time(bugs.LogTime(int64(stamp))))
	r, err := m.execute(x)
	if err != nil {
		return r, err
	}
	r.Index = e.Index
	if r.Code.Failed() {
		if bugs.Planted != bugs.DebitWithoutCreate {
			tx = b.Begin()
			registry.KeepTime(tx, x.Now)
		}
		if r.Code == registry.CommandFailed {
			incidents.Put(tx, store.Key(nil).Uint(e.Index), Incident{Index: e.Index, Time: x.Now, ID: cmd.ID, Kind: cmd.Kind})
		}
	} else {
		if x.Raised > m.db.Highest() {
			return r, fmt.Errorf("the cluster rises to level %d: %w", x.Raised, store.Beyond(x.Raised, m.db.Highest()))
		}
		if len(x.Broken) > 0 {
			found := strings.Join(x.Broken, "; ")
			m.log.Error("something was found broken", "page", true, "index", e.Index, "found", found)
			incidents.Put(tx, store.Key(nil).Uint(e.Index), Incident{e.Index, x.Now, cmd.ID, cmd.Kind, found})
		}
		out.Dirtied = out.Dirtied || x.Dirtied
		out.Switched = append(out.Switched, x.Switched...)
		if x.Published != nil {
			out.Published = append(out.Published, *x.Published)
		}
		if x.Compared != nil {
			out.Compared = append(out.Compared, *x.Compared)
		}
	}
	remember(tx, cmd, r)
	b.Merge(tx)
	if x.Raised != 0 && !r.Code.Failed() {
		b.Raise(x.Raised)
	}
	return r, nil
}

// execute runs a command. A panic in the rules is a broken invariant, the same
// on every replica: the command fails, and says so. A storage fault is not the command's.
func (m *Machine) execute(x *registry.Exec) (r registry.Result, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *store.Fault:
			err = p
		default:
			m.log.Error("a command broke an invariant and was dropped", "page", true,
				"index", x.Index, "command", x.ID.String(), "kind", x.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r, err = registry.Result{Code: registry.CommandFailed, Fail: registry.Fail(registry.CommandFailed, "", "", "internal error")}, nil
		}
	}()
	code, reply, err := x.Run()
	var fail *registry.Failure
	if errors.As(err, &fail) {
		return registry.Result{Code: fail.Code, Fail: fail}, nil
	}
	if err != nil {
		return r, err
	}
	r = registry.Result{Code: code}
	if reply != nil {
		r.Reply = store.Encode(reply)
	}
	return r, nil
}

// View is the state as of one applied index.
type View struct {
	*registry.View
	snapshot *store.Snapshot
}

// Index is the applied index that the view shows.
func (v View) Index() uint64 { return v.Position().Index }

// Position is what the view shows, and its digest.
func (v View) Position() store.Position { return v.snapshot.Position() }

// View calls fn with the newest applied state. It should not take long: the file keeps what a reader sees.
func (m *Machine) View(fn func(View) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.db.View(func(s *store.Snapshot) error { return fn(View{registry.NewView(s), s}) })
}

// Rows calls fn for every row of the state, in order, until it fails.
func (v View) Rows(fn func(table string, key, value []byte) error) error { return v.snapshot.Rows(fn) }

// Position is what the machine has applied, and the digest of that state.
func (m *Machine) Position() (p store.Position, err error) {
	err = m.View(func(v View) error { p = v.Position(); return nil })
	return p, err
}

// Incidents are the newest commands that broke an invariant or found one broken, at most max of them, oldest first.
func (v View) Incidents(max int) (all []Incident) {
	incidents.Scan(v.snapshot, nil, nil, func(_ []byte, i Incident) bool {
		all = append(all, i)
		return true
	})
	return all[len(all)-min(max, len(all)):]
}

// Reads is the highest level that this replica's binary reads.
func (m *Machine) Reads() registry.Level {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.db.Highest()
}

// Size is the state file's size in bytes.
func (m *Machine) Size() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.db.Size()
}

// Verify reads the whole state and checks it against its digest.
func (m *Machine) Verify() error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.db.Verify()
}

// incoming is the suffix of a copy that is being received.
const incoming = ".incoming"

// Export begins a copy of the state for a node that needs one. The caller must close it soon.
func (m *Machine) Export() (*store.Export, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.db.Export()
}

// Restore replaces the state by a copy that another replica exported: written
// to a new file, synced, verified, and swapped in. If it fails the old state
// stands. The error wraps store.ErrLevel if the copy is of a newer binary.
func (m *Machine) Restore(r io.Reader) error {
	m.mu.RLock()
	path, highest := m.db.Path(), m.db.Highest()
	m.mu.RUnlock()
	if err := receive(r, path+incoming, highest); err != nil {
		return errors.Join(err, os.Remove(path+incoming))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.db.Close(); err != nil {
		return fmt.Errorf("closing the old state: %w", err)
	}
	if err := swap(path+incoming, path); err != nil {
		return err
	}
	db, err := store.OpenAs(path, highest)
	if err != nil {
		return fmt.Errorf("opening the new state: %w", err)
	}
	m.db, m.fault = db, nil
	m.digests.reset()
	return nil
}
