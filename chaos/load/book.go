package load

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Book is what a journal says, ordered by name: the account that the registry is held against. It is safe for concurrent use.
type Book struct {
	Beginning

	mu       sync.Mutex
	position uint64 // of the newest entry
	names    map[string]*history
	open     map[uint64]*operation // not answered so far, by number
	touched  map[string]bool       // since the last call of Touched
	counts   map[Outcome]int
	codes    map[int]int // of refusals
}

func newBook(b Beginning) *Book {
	return &Book{
		Beginning: b, names: map[string]*history{}, open: map[uint64]*operation{}, touched: map[string]bool{},
		counts: map[Outcome]int{}, codes: map[int]int{},
	}
}

// operation is a transform and what became of it.
type operation struct {
	Write
	answer     Answer // Unknown as long as there is none
	begin, end uint64 // positions in the journal; end is 0 as long as there is no answer
}

// mayHappen says whether the transform was executed, or may have been.
func (o *operation) mayHappen() bool { return o.answer.Outcome != Refused }

// history is what is known of a name.
type history struct {
	base []State // that it may have been in before ops; none: not registered
	ops  []*operation
}

func (b *Book) sent(w Write) error {
	if err := w.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[w.Number] != nil {
		return fmt.Errorf("two commands have the number %d", w.Number)
	}
	b.position++
	h := b.names[w.Name]
	if h == nil {
		h = &history{base: []State{{}}}
		b.names[w.Name] = h
	}
	o := &operation{Write: w, answer: Answer{Outcome: Unknown}, begin: b.position}
	h.ops = append(h.ops, o)
	b.open[w.Number] = o
	b.touched[w.Name] = true
	return nil
}

func (b *Book) answered(a Answer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.open[a.Number]
	if o == nil {
		return fmt.Errorf("an answer to command %d, which isn't open", a.Number)
	}
	if err := a.check(&o.Write); err != nil {
		return err
	}
	b.position++
	delete(b.open, a.Number)
	a.Created, a.Expires = a.Created.UTC(), a.Expires.UTC()
	o.answer = a
	if a.Outcome != Unknown {
		o.end = b.position
	}
	b.touched[o.Name] = true
	b.counts[a.Outcome]++
	if a.Outcome == Refused {
		b.codes[a.Code]++
	}
	return nil
}

// abandon gives up waiting for answers: whoever waited is gone.
func (b *Book) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[Unknown] += len(b.open)
	clear(b.open)
}

// Acknowledged is how many transforms were acknowledged.
func (b *Book) Acknowledged() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[Acknowledged]
}

// Names are all names that were written to, in order.
func (b *Book) Names() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.names))
}

// Touched are the names that were written to since it was last called, in order.
func (b *Book) Touched() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := slices.Sorted(maps.Keys(b.touched))
	clear(b.touched)
	return names
}

// Refusals are how many transforms were refused, by EPP result code.
func (b *Book) Refusals() map[int]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.codes)
}

// String says how much is in the book.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d names; transforms: %d acknowledged, %d refused %v, %d of unknown outcome",
		len(b.names), b.counts[Acknowledged], b.counts[Refused], b.codes, b.counts[Unknown]+len(b.open))
}

// possible are the states that a name may be in, and what is wrong with its history if no order explains it.
func (b *Book) possible(name string) ([]State, *Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names[name].possible(&b.Beginning)
}

// settle notes what a name was found to be, which ends all doubt about the commands before.
func (b *Book) settle(name string, s State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.names[name]
	h.base = []State{s}
	// A command that has no answer yet is still to come.
	h.ops = slices.DeleteFunc(h.ops, func(o *operation) bool { return b.open[o.Number] == nil })
}

// charges are what registrars have paid for their names, and false if that is in doubt for some names.
func (b *Book) charges() (paid map[string]int64, sure bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	paid, sure = map[string]int64{}, true
	for _, h := range b.names {
		if len(h.ops) > 0 || len(h.base) != 1 {
			sure = false
		} else if s := h.base[0]; s.Exists() {
			paid[s.Sponsor] += s.Charged
		}
	}
	return paid, sure
}

// registrars are those whose accounts the book knows, in order.
func (b *Book) registrars() []string { return slices.Sorted(maps.Keys(b.Balances)) }

// sponsor is a registrar to ask as for a name: one that wrote to it.
func (b *Book) sponsor(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.names[name]
	for _, o := range h.ops {
		if o.answer.Outcome == Acknowledged {
			return o.Registrar
		}
	}
	if h.base[0].Exists() || len(h.ops) == 0 {
		return h.base[0].Sponsor
	}
	return h.ops[0].Registrar
}

// Contradictions are what is wrong with the journal by itself, whatever the registry may show.
func (b *Book) Contradictions() (found []Problem) {
	for _, name := range b.Names() {
		if _, p := b.possible(name); p != nil {
			found = append(found, *p)
		}
	}
	return found
}
