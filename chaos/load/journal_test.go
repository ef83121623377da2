package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func beginning() Beginning {
	return Beginning{Time: noon, TLD: "example", Currency: "USD", CreatePrice: 800, RenewPrice: 900, AddGrace: 5 * 24 * time.Hour, Balances: map[string]int64{"reg1": 100_000, "reg2": 100_000}}
}

// writer notes commands as a story.
type writer struct {
	*testing.T
	*Journal
}

func newWriter(t *testing.T, out io.Writer) *writer {
	t.Helper()
	j, err := NewJournal(out, beginning())
	if err != nil {
		t.Fatal(err)
	}
	return &writer{t, j}
}

func (w *writer) send(o Write) uint64 {
	w.Helper()
	n, err := w.Sent(o)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

func (w *writer) answer(a Answer) {
	w.Helper()
	if err := w.Answered(a); err != nil {
		w.Fatal(err)
	}
}

func (w *writer) create(registrar, name string, years int) uint64 {
	w.Helper()
	return w.send(Write{Registrar: registrar, Command: Create, Name: name, Years: years, AddHosts: Nameservers})
}

// created acknowledges a create of so many years.
func (w *writer) created(n uint64, years int) {
	w.Helper()
	w.answer(Answer{Number: n, Outcome: Acknowledged, Code: 1000, Created: noon, Expires: AddYears(noon, years)})
}

// TestReadersSeeWhatWasNoted: a journal read from its file says what it said while it was written, wherever the file ends.
func TestReadersSeeWhatWasNoted(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	w := newWriter(t, &file)
	w.created(w.create("reg1", "a.example", 2), 2)
	n := w.send(Write{Registrar: "reg1", Command: Renew, Name: "a.example", Years: 1, Current: "2028-03-01"})
	w.answer(Answer{Number: n, Outcome: Acknowledged, Code: 1000, Expires: AddYears(noon, 3)})
	hold := true
	n = w.send(Write{Registrar: "reg1", Command: Update, Name: "a.example", Hold: &hold, RemoveHosts: Nameservers[:1]})
	w.answer(Answer{Number: n, Outcome: Acknowledged, Code: 1000})
	w.answer(Answer{Number: w.create("reg2", "a.example", 1), Outcome: Refused, Code: 2302})
	w.answer(Answer{Number: w.create("reg2", "b.example", 1), Outcome: Unknown})
	w.create("reg2", "c.example", 1)

	b, err := Load(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != w.Book.String() {
		t.Errorf("read: %v; written: %v", b, w.Book)
	}
	if got := b.Names(); !slices.Equal(got, []string{"a.example", "b.example", "c.example"}) || !slices.Equal(b.Touched(), got) || len(b.Touched()) != 0 {
		t.Errorf("names: %v", got)
	}
	want := State{Sponsor: "reg1", Created: noon, Expires: AddYears(noon, 3), Years: 3, Hosts: Nameservers[1], Hold: true, Charged: 2*800 + 900}
	if may, p := b.possible("a.example"); p != nil || len(may) != 1 || may[0] != want {
		t.Errorf("a.example may be %v, %v", may, p)
	}
	for _, name := range []string{"b.example", "c.example"} {
		if may, p := b.possible(name); p != nil || len(may) != 2 || may[0].Exists() || !may[1].Exists() && !may[0].Exists() == !may[1].Exists() {
			t.Errorf("%s may be %v, %v", name, may, p)
		}
	}

	// A crash may cut the file anywhere.
	whole := file.Bytes()
	first := bytes.IndexByte(whole, '\n') + 1
	for end := range len(whole) {
		_, err := Load(bytes.NewReader(whole[:end]))
		if ok := err == nil; ok != (end >= first) || err != nil && !errors.Is(err, ErrJournal) {
			t.Fatalf("cut after %d octets: %v", end, err)
		}
	}
}

// full is a disk that takes no more after n writes.
type full struct{ n int }

func (f *full) Write(b []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, errors.New("no space left")
	}
	return len(b), nil
}

func TestNothingIsSentThatCannotBeNoted(t *testing.T) {
	t.Parallel()
	j, err := NewJournal(&full{2}, beginning())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Sent(Write{Registrar: "reg1", Command: Delete, Name: "a.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Sent(Write{Registrar: "reg1", Command: Delete, Name: "b.example"}); err == nil {
		t.Error("it was noted on a full disk")
	}
	if got := j.Names(); len(got) != 1 {
		t.Errorf("the book has %v", got)
	}
	if _, err := NewJournal(&full{0}, beginning()); err == nil {
		t.Error("a journal was begun on a full disk")
	}
}

func TestNoJournal(t *testing.T) {
	t.Parallel()
	begin := `{"begin":{"tld":"example","create_price":1,"renew_price":1}}` + "\n"
	sent := `{"sent":{"number":1,"registrar":"r","command":"create","name":"a.example","years":1}}` + "\n"
	for _, text := range []string{
		"", "\n", "{}\n", "[]\n", "no JSON\n", sent, begin + begin, begin + "{}\n", begin + sent + sent,
		`{"begin":{"create_price":-1}}` + "\n",
		begin + `{"answered":{"number":1,"outcome":"refused"}}` + "\n",
		begin + sent + `{"answered":{"number":1,"outcome":"perhaps"}}` + "\n",
		begin + sent + `{"answered":{"number":1,"outcome":"acknowledged"}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"r","command":"check","name":"a.example"}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"r","command":"create","name":"a.example"}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"r","command":"create","name":"a.example","years":101}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"r","command":"renew","name":"a.example","years":1,"current":"soon"}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"","command":"delete","name":"a.example"}}` + "\n",
		begin + `{"sent":{"number":1,"registrar":"r","command":"delete","name":"` + strings.Repeat("a", maxLine) + `"}}` + "\n",
	} {
		if _, err := Load(strings.NewReader(text)); !errors.Is(err, ErrJournal) {
			t.Errorf("%.200s: %v", text, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	j, err := NewJournal(&file, beginning())
	if err != nil {
		f.Fatal(err)
	}
	for i, outcome := range []Outcome{Acknowledged, Refused, Unknown} {
		n, err := j.Sent(Write{Registrar: "reg1", Command: Create, Name: "a.example", Years: i + 1, AddHosts: Nameservers})
		if err != nil {
			f.Fatal(err)
		}
		if err := j.Answered(Answer{Number: n, Outcome: outcome, Created: noon, Expires: AddYears(noon, i+1)}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(file.Bytes())
	f.Add([]byte(fmt.Sprintf("%s{\"sent\":{\"number\":9,\"registrar\":\"reg1\",\"command\":\"renew\",\"name\":\"a.example\",\"years\":1,\"current\":\"2027-03-01\"}}\n{\"sent\"", &file)))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Load(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrJournal) {
				t.Fatal(err)
			}
			return
		}
		b.Contradictions()
		for _, name := range b.Names() {
			if may, p := b.possible(name); (p == nil) != (len(may) > 0) {
				t.Fatalf("%s may be %v, and %v", name, may, p)
			}
		}
	})
}
