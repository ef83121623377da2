package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Beginning is what a journal begins with: what was true before its first command.
type Beginning struct {
	Time        time.Time        `json:"time"`
	TLD         string           `json:"tld"`
	Currency    string           `json:"currency"`
	CreatePrice int64            `json:"create_price"` // of a year, in minor units
	RenewPrice  int64            `json:"renew_price"`
	AddGrace    time.Duration    `json:"add_grace"` // in nanoseconds: until then a delete takes a name away at once
	Balances    map[string]int64 `json:"balances"`  // by registrar, in minor units
}

// Write is a transform, as it was sent.
type Write struct {
	Number      uint64    `json:"number"` // from 1, in the order of the journal
	Time        time.Time `json:"time"`
	Site        string    `json:"site"`
	Registrar   string    `json:"registrar"`
	Command     Command   `json:"command"`
	Name        string    `json:"name"`
	Years       int       `json:"years,omitempty"`     // of a Create or Renew
	Current     string    `json:"current,omitempty"`   // curExpDate of a Renew
	AddHosts    []string  `json:"add_hosts,omitempty"` // of an Update; of a Create all
	RemoveHosts []string  `json:"remove_hosts,omitempty"`
	Hold        *bool     `json:"hold,omitempty"` // an Update sets clientHold, or takes it away; nil: neither
}

// Answer is what became of a Write.
type Answer struct {
	Number  uint64    `json:"number"` // the Write's
	Time    time.Time `json:"time"`
	Outcome Outcome   `json:"outcome"`
	Code    int       `json:"code,omitempty"`   // EPP's; 0: none came
	Created time.Time `json:"created,omitzero"` // of a Create
	Expires time.Time `json:"expires,omitzero"` // of a Create or Renew
}

// line is a line of a journal: one of its fields.
type line struct {
	Begin    *Beginning `json:"begin,omitempty"`
	Sent     *Write     `json:"sent,omitempty"`
	Answered *Answer    `json:"answered,omitempty"`
}

// ErrJournal says that a file is no journal.
var ErrJournal = errors.New("not a journal")

// Journal is what clients have sent and were told: lines of JSON on a writer, each with one Write of its own, and a Book of the
// same. See the package's comment for what is guaranteed. It is safe for concurrent use.
type Journal struct {
	*Book
	mu     sync.Mutex
	out    io.Writer
	number uint64
	err    error // the first of out
}

// NewJournal begins a journal on out.
func NewJournal(out io.Writer, b Beginning) (*Journal, error) {
	j := &Journal{Book: newBook(b), out: out}
	return j, j.write(line{Begin: &b})
}

// Sent notes a transform, gives it its number, and must be called before it is sent. On an error it must not be sent.
func (j *Journal) Sent(w Write) (number uint64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.number++
	w.Number, w.Time = j.number, time.Now().UTC().Round(0)
	if err := j.write(line{Sent: &w}); err != nil {
		return 0, err
	}
	return w.Number, j.Book.sent(w)
}

// Answered notes what became of a transform; a.Number says which.
func (j *Journal) Answered(a Answer) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	a.Time = time.Now().UTC().Round(0)
	return errors.Join(j.write(line{Answered: &a}), j.Book.answered(a))
}

// Err is why the journal could not be written, if it could not: from then on nothing is sent.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// write appends a line, in one write to the system: a process that dies leaves it whole, or not at all.
func (j *Journal) write(l line) error {
	if j.err != nil {
		return j.err
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = j.out.Write(append(b, '\n'))
	}
	if err != nil {
		j.err = fmt.Errorf("writing the journal: %w", err)
	}
	return j.err
}

// Load reads a journal that ended in whatever way: a last line that is cut short was never sent. Its error wraps ErrJournal, or is the
// reader's.
func Load(r io.Reader) (*Book, error) {
	in := bufio.NewReaderSize(r, maxLine)
	var book *Book
	for n := 1; ; n++ {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			if book == nil {
				return nil, fmt.Errorf("%w: it is empty", ErrJournal)
			}
			book.abandon()
			return book, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("%w: line %d is longer than %d octets", ErrJournal, n, maxLine)
		}
		if err != nil {
			return nil, err
		}
		if n > maxRecords {
			return nil, fmt.Errorf("%w: more than %d lines", ErrJournal, maxRecords)
		}
		if book, err = book.read(text); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrJournal, n, err)
		}
	}
}

// read takes a line into the book; the first makes it.
func (b *Book) read(text []byte) (*Book, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, err
	}
	switch {
	case b == nil && l.Begin != nil:
		if l.Begin.CreatePrice < 0 || l.Begin.RenewPrice < 0 {
			return nil, errors.New("a price below nought")
		}
		return newBook(*l.Begin), nil
	case b == nil:
		return nil, errors.New("no beginning")
	case l.Sent != nil:
		return b, b.sent(*l.Sent)
	case l.Answered != nil:
		return b, b.answered(*l.Answered)
	}
	return nil, errors.New("neither a command nor an answer")
}

// check refuses what no client sends.
func (w *Write) check() error {
	switch {
	case !slices.Contains(Commands, w.Command) || !w.Command.transforms():
		return fmt.Errorf("a transform called %q", w.Command)
	case w.Name == "" || w.Registrar == "":
		return errors.New("a command without name or registrar")
	case w.Years < 0 || w.Years > 100 || w.Years == 0 && (w.Command == Create || w.Command == Renew):
		return fmt.Errorf("%s for %d years", w.Command, w.Years)
	}
	if w.Command == Renew {
		if _, err := time.Parse(time.DateOnly, w.Current); err != nil {
			return fmt.Errorf("curExpDate: %w", err)
		}
	}
	return nil
}

// check refuses what no server answers to w.
func (a *Answer) check(w *Write) error {
	switch {
	case a.Outcome != Acknowledged && a.Outcome != Refused && a.Outcome != Unknown:
		return fmt.Errorf("an outcome called %q", a.Outcome)
	case a.Outcome == Acknowledged && (w.Command == Create && a.Created.IsZero() || (w.Command == Create || w.Command == Renew) && a.Expires.IsZero()):
		return fmt.Errorf("command %d, %s, is acknowledged without its dates", w.Number, w.Command)
	}
	return nil
}
