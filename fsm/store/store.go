// Package store keeps the replicated state in one bbolt file: typed tables with
// a canonical encoding, an overlay per command, and a digest of all rows.
// It knows no registry rules, and like all of fsm no clock, socket or randomness.
package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// InitialMapSize is the address space, in bytes, reserved for the state file.
// When the file outgrows its map, bbolt must wait for every reader before it
// can write on; far above any file's size, that never happens.
const InitialMapSize = 1 << 36

// openTimeout bounds the wait for the file lock, in nanoseconds.
const openTimeout = 1_000_000_000

// Fault is a failure of this node's storage, as opposed to one of the command:
// the node must stop applying and leave service. It travels as a panic through
// the rules, which could do nothing about it, and Catch turns it into an error.
type Fault struct{ Err error }

func (f *Fault) Error() string { return "storage fault: " + f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Catch is deferred by those who call into tables; it turns a Fault into *err
// and lets every other panic pass.
func Catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case *Fault:
		*err = p
	default:
		panic(p)
	}
}

// ErrInUse says that another process has the state file open.
var ErrInUse = errors.New("the state file is in use by another process")

var (
	metaBucket = []byte("meta")
	metaKey    = []byte("position")
)

// Position says which log entries a state holds, and what it sums up to.
type Position struct {
	Index  uint64 `cbor:"1,keyasint"` // last applied raft index
	Term   uint64 `cbor:"2,keyasint"` // raft term of that entry
	Digest Digest `cbor:"3,keyasint"` // over all tables
	// Raised is the state's level above FirstLevel; 0 at FirstLevel. A binary that doesn't know the field doesn't open the file.
	Raised Level `cbor:"4,keyasint,omitempty" since:"2"`
}

// Level is the level that the state is at.
func (p Position) Level() Level { return FirstLevel + p.Raised }

// DB is one state file.
type DB struct {
	bolt    *bolt.DB
	path    string
	highest Level
}

// Open opens or creates the state file at path. The error wraps ErrLevel if that is of a newer binary.
func Open(path string) (*DB, error) { return OpenAs(path, HighestLevel) }

// OpenAs is Open by a binary that reads up to a level.
func OpenAs(path string, highest Level) (*DB, error) {
	b, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:         openTimeout,
		InitialMmapSize: InitialMapSize,
		FreelistType:    bolt.FreelistMapType,
		NoFreelistSync:  true, // a crash costs a scan at the next start; Close writes it
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("opening %s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("opening state file: %w", err)
	}
	if err := refuseNewer(b, highest); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), b.Close())
	}
	err = b.Update(func(tx *bolt.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(schemas)) {
			if _, err := tx.CreateBucketIfNotExists([]byte(schemas[id].name)); err != nil {
				return err
			}
		}
		_, err := tx.CreateBucketIfNotExists(metaBucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing state file: %w", err), b.Close())
	}
	return &DB{bolt: b, path: path, highest: highest}, nil
}

// refuseNewer fails if the state is at a level above highest, before anything in it is read or written.
func refuseNewer(b *bolt.DB, highest Level) (err error) {
	defer Catch(&err)
	return b.View(func(tx *bolt.Tx) error {
		if tx.Bucket(metaBucket) == nil {
			return nil // a new file
		}
		if at := position(tx).Level(); at > highest {
			return fmt.Errorf("the state is at level %d: %w", at, Beyond(at, highest))
		}
		return nil
	})
}

// Highest is the newest level that this state can be raised to here.
func (db *DB) Highest() Level { return db.highest }

// Close writes the free list, so that the next start need not rebuild it, and
// closes the file.
func (db *DB) Close() error {
	db.bolt.NoFreelistSync = false
	return errors.Join(db.bolt.Update(func(*bolt.Tx) error { return nil }), db.bolt.Close())
}

// Path is the state file's path.
func (db *DB) Path() string { return db.path }

// Reader is where tables read: a Snapshot, or a command's Tx.
type Reader interface {
	get(s *schema, key []byte) []byte
	scan(s *schema, prefix, from []byte, fn func(key, value []byte) bool)
	before(s *schema, prefix, key []byte) (k, v []byte)
}

// Snapshot is the state as of one committed batch.
type Snapshot struct {
	tx   *bolt.Tx
	open *opened
	pos  *Position // of the batch whose overlays read here; nil: of the file
}

// opened are the tables that a transaction has read or written, by id: to find one again by its name costs as much as to find a row.
type opened [256]struct {
	rows *bolt.Bucket
	find *bolt.Cursor // for rows by key; scans have cursors of their own
}

// View calls fn with the newest committed state. A Fault becomes the error.
func (db *DB) View(fn func(*Snapshot) error) (err error) {
	defer Catch(&err)
	return db.bolt.View(func(tx *bolt.Tx) error { return fn(&Snapshot{tx: tx, open: new(opened)}) })
}

// Position is what this state holds.
func (s *Snapshot) Position() Position {
	if s.pos != nil {
		return *s.pos
	}
	return position(s.tx)
}

// Level is the level that this state is at.
func (s *Snapshot) Level() Level { return s.Position().Level() }

func position(tx *bolt.Tx) (p Position) {
	if b := tx.Bucket(metaBucket).Get(metaKey); b != nil {
		if err := Decode(b, &p); err != nil {
			panic(&Fault{err})
		}
	}
	return p
}

func (s *Snapshot) get(t *schema, key []byte) []byte {
	if s.bucket(t) == nil {
		return nil
	}
	return s.open.get(s.tx, t, key)
}

// get is the row at key. A bucket's own Get makes a cursor each time.
func (o *opened) get(tx *bolt.Tx, t *schema, key []byte) []byte {
	if k, v := o.cursor(tx, t).Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// bucket is where a table's rows are: nil for a table that came after all that this binary reads. It reads as empty.
func (s *Snapshot) bucket(t *schema) *bolt.Bucket {
	if t.since > HighestLevel {
		return nil
	}
	return s.open.bucket(s.tx, t)
}

// cursor finds rows of a table by key. What it found stands until it is used again.
func (o *opened) cursor(tx *bolt.Tx, t *schema) *bolt.Cursor {
	at := &o[t.id]
	if at.find == nil {
		at.find = o.bucket(tx, t).Cursor()
	}
	return at.find
}

func (o *opened) bucket(tx *bolt.Tx, t *schema) *bolt.Bucket {
	if o[t.id].rows == nil {
		o[t.id].rows = tx.Bucket([]byte(t.name))
	}
	return o[t.id].rows
}

func (s *Snapshot) scan(t *schema, prefix, from []byte, fn func(k, v []byte) bool) {
	b := s.bucket(t)
	if b == nil {
		return
	}
	c := b.Cursor()
	for k, v := c.Seek(start(prefix, from)); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if !fn(k, v) {
			return
		}
	}
}

// before is the last row whose key starts with prefix and is less than key; key nil: the last of all.
func (s *Snapshot) before(t *schema, prefix, key []byte) (k, v []byte) {
	if s.bucket(t) == nil {
		return nil, nil
	}
	c := s.open.cursor(s.tx, t)
	if key == nil {
		key = after(prefix)
	}
	if key == nil {
		k, v = c.Last()
	} else if k, _ = c.Seek(key); k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if !bytes.HasPrefix(k, prefix) {
		return nil, nil
	}
	return k, v
}

// after is the first key behind all that start with prefix; nil if there is none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return append(bytes.Clone(prefix[:i]), prefix[i]+1)
		}
	}
	return nil
}

func start(prefix, from []byte) []byte {
	if bytes.Compare(from, prefix) > 0 {
		return from
	}
	return prefix
}

// Export is a consistent copy of the whole state file, for a node that needs
// one. It holds a read transaction until it is closed.
type Export struct {
	tx       *bolt.Tx
	Position Position // what the copy holds
}

// Export begins a copy of the newest committed state.
func (db *DB) Export() (*Export, error) {
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("beginning export: %w", err)
	}
	return &Export{tx, position(tx)}, nil
}

// Size is the number of bytes that WriteTo writes.
func (e *Export) Size() int64 { return e.tx.Size() + sha256.Size }

// WriteTo writes the copy to w: the state file, and its SHA-256. bbolt can't be
// trusted with a file that has been cut or damaged on the way: it maps it.
func (e *Export) WriteTo(w io.Writer) (int64, error) {
	sum := sha256.New()
	n, err := e.tx.WriteTo(io.MultiWriter(w, sum))
	if err != nil {
		return n, err
	}
	m, err := w.Write(sum.Sum(nil))
	return n + int64(m), err
}

// Close ends the export, early or late.
func (e *Export) Close() error { return e.tx.Rollback() }

// Rows calls fn for every row of every table, in order, until it fails.
func (s *Snapshot) Rows(fn func(table string, key, value []byte) error) error {
	return s.rows(func(t *schema, key, value []byte) error { return fn(t.name, key, value) })
}

func (s *Snapshot) rows(fn func(t *schema, key, value []byte) error) (err error) {
	for _, id := range slices.Sorted(maps.Keys(schemas)) {
		s.scan(schemas[id], nil, nil, func(k, v []byte) bool {
			err = fn(schemas[id], k, v)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Verify reads every row of a state file: each must decode, be in canonical
// form, and all together sum up to the recorded digest.
func (db *DB) Verify() error {
	return db.View(func(s *Snapshot) error {
		var sum Digest
		if err := s.rows(func(t *schema, key, value []byte) error {
			sum.add(t.id, key, value)
			return t.check(value)
		}); err != nil {
			return fmt.Errorf("verifying state file: %w", err)
		}
		if want := s.Position().Digest; sum != want {
			return fmt.Errorf("verifying state file: rows sum up to %s, recorded is %s", sum, want)
		}
		return nil
	})
}

// Size is the state file's size in bytes.
func (db *DB) Size() int64 {
	if st, err := os.Stat(db.path); err == nil {
		return st.Size()
	}
	return 0
}
