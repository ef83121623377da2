package load

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// states tells a story and says what a.example may be then.
func states(t *testing.T, tell func(w *writer)) ([]State, *Problem) {
	t.Helper()
	w := newWriter(t, io.Discard)
	tell(w)
	return w.possible("a.example")
}

func TestPossibleStates(t *testing.T) {
	t.Parallel()
	renew := Write{Registrar: "reg1", Command: Renew, Name: "a.example", Years: 1, Current: "2027-03-01"}
	remove := Write{Registrar: "reg1", Command: Delete, Name: "a.example"}
	done := func(n uint64) Answer { return Answer{Number: n, Outcome: Acknowledged, Code: 1000} }
	for _, row := range []struct {
		what string
		tell func(w *writer)
		want []string // sponsor, years and charge of each
	}{
		{"a create", func(w *writer) { w.created(w.create("reg1", "a.example", 1), 1) }, []string{"reg1 1 800"}},
		{"an unanswered create", func(w *writer) { w.create("reg1", "a.example", 1) }, []string{" 0 0", "reg1 1 800"}},
		{"a race that nobody saw the end of", func(w *writer) {
			w.create("reg1", "a.example", 1)
			w.create("reg2", "a.example", 2)
		}, []string{" 0 0", "reg1 1 800", "reg2 2 1600"}},
		{"a race with a winner", func(w *writer) {
			a, b := w.create("reg1", "a.example", 1), w.create("reg2", "a.example", 1)
			w.created(b, 1)
			w.answer(Answer{Number: a, Outcome: Refused, Code: 2302})
		}, []string{"reg2 1 800"}},
		{"an unanswered renewal", func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(Answer{Number: w.send(renew), Outcome: Unknown})
		}, []string{"reg1 1 800", "reg1 2 1700"}},
		{"an unanswered renewal that only fits once", func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(Answer{Number: w.send(renew), Outcome: Unknown})
			w.answer(Answer{Number: w.send(renew), Outcome: Unknown})
		}, []string{"reg1 1 800", "reg1 2 1700"}},
		{"an unanswered delete, which an acknowledged create proves", func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(Answer{Number: w.send(remove), Outcome: Unknown})
			w.created(w.create("reg2", "a.example", 1), 1)
		}, []string{"reg2 1 800"}},
		{"a life that ended", func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(done(w.send(remove)))
		}, []string{" 0 0"}},
		{"two lives, told in the wrong order", func(w *writer) {
			a := w.create("reg1", "a.example", 1)
			b := w.create("reg2", "a.example", 1)
			c := w.send(remove)
			w.created(b, 1) // after the first was deleted
			w.answer(done(c))
			w.created(a, 1)
		}, []string{"reg2 1 800"}},
	} {
		may, p := states(t, row.tell)
		var got []string
		for _, s := range may {
			got = append(got, fmt.Sprintf("%s %d %d", s.Sponsor, s.Years, s.Charged))
		}
		if p != nil || len(got) != len(row.want) {
			t.Errorf("%s: %q, %v", row.what, got, p)
			continue
		}
		left := map[string]bool{}
		for _, s := range got {
			left[s] = true
		}
		for _, s := range row.want {
			if !left[s] {
				t.Errorf("%s: %q, want %q", row.what, got, row.want)
			}
		}
	}
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what string
		want Kind
		tell func(w *writer)
	}{
		{"sold twice, one after the other", SoldTwice, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.created(w.create("reg2", "a.example", 1), 1)
		}},
		{"sold twice, at once", SoldTwice, func(w *writer) {
			a, b := w.create("reg1", "a.example", 1), w.create("reg2", "a.example", 1)
			w.created(a, 1)
			w.created(b, 1)
		}},
		{"sold to the same one twice", SoldTwice, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.created(w.create("reg1", "a.example", 1), 1)
		}},
		{"renewed by somebody else", Contradiction, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			n := w.send(Write{Registrar: "reg2", Command: Renew, Name: "a.example", Years: 1, Current: "2027-03-01"})
			w.answer(Answer{Number: n, Outcome: Acknowledged, Expires: AddYears(noon, 2)})
		}},
		{"renewed by two years instead of one", Contradiction, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			n := w.send(Write{Registrar: "reg1", Command: Renew, Name: "a.example", Years: 1, Current: "2027-03-01"})
			w.answer(Answer{Number: n, Outcome: Acknowledged, Expires: AddYears(noon, 3)})
		}},
		{"renewed twice from the same date", Contradiction, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			for range 2 {
				n := w.send(Write{Registrar: "reg1", Command: Renew, Name: "a.example", Years: 1, Current: "2027-03-01"})
				w.answer(Answer{Number: n, Outcome: Acknowledged, Expires: AddYears(noon, 2)})
			}
		}},
		{"created for another time than asked for", Contradiction, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 2)
		}},
		{"changed after it was deleted", Contradiction, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(Answer{Number: w.send(Write{Registrar: "reg1", Command: Delete, Name: "a.example"}), Outcome: Acknowledged, Code: 1000})
			w.answer(Answer{Number: w.send(Write{Registrar: "reg1", Command: Update, Name: "a.example"}), Outcome: Acknowledged, Code: 1000})
		}},
		{"taken, though nobody had it", Contradiction, func(w *writer) {
			w.answer(Answer{Number: w.create("reg1", "a.example", 1), Outcome: Refused, Code: 2302})
		}},
		{"gone, though nobody deleted it", Lost, func(w *writer) {
			w.created(w.create("reg1", "a.example", 1), 1)
			w.answer(Answer{Number: w.send(Write{Registrar: "reg1", Command: Update, Name: "a.example"}), Outcome: Refused, Code: 2303})
		}},
	} {
		if may, p := states(t, row.tell); p == nil || p.Kind != row.want {
			t.Errorf("%s: %v, %v", row.what, may, p)
		}
	}
}

// A storm of many clients without an answer is followed all the same; what is beyond that is said, not guessed.
func TestManyUnanswered(t *testing.T) {
	t.Parallel()
	storm := func(n int) func(w *writer) {
		return func(w *writer) {
			for i := range n {
				w.create(fmt.Sprintf("r%d", i), "a.example", 1)
			}
		}
	}
	if may, p := states(t, storm(maxPending)); p != nil || len(may) != maxPending+1 {
		t.Errorf("%d states, %v", len(may), p)
	}
	if _, p := states(t, storm(maxPending+1)); p == nil || p.Kind != Undecided {
		t.Errorf("one more: %v", p)
	}
	// Updates can be executed in any order: too many orders to try.
	if _, p := states(t, func(w *writer) {
		w.created(w.create("reg1", "a.example", 1), 1)
		for i := range 40 {
			w.send(Write{Registrar: "reg1", Command: Update, Name: "a.example", AddHosts: []string{fmt.Sprintf("ns%d.test", i)}})
		}
	}); p == nil || p.Kind != Undecided {
		t.Errorf("too many orders: %v", p)
	}
}

func TestSettledNamesBeginAnew(t *testing.T) {
	t.Parallel()
	w := newWriter(t, io.Discard)
	w.answer(Answer{Number: w.create("reg1", "a.example", 1), Outcome: Unknown})
	if _, sure := w.charges(); sure {
		t.Error("charges are sure before the outcome is")
	}
	is := State{Sponsor: "reg1", Created: noon, Expires: AddYears(noon, 1), Years: 1, Charged: 800}
	w.settle("a.example", is)
	if may, p := w.possible("a.example"); p != nil || len(may) != 1 || may[0] != is {
		t.Errorf("it may be %v, %v", may, p)
	}
	if paid, sure := w.charges(); !sure || paid["reg1"] != 800 {
		t.Errorf("charges: %v, %v", paid, sure)
	}
	w.created(w.create("reg2", "a.example", 1), 1)
	if _, p := w.possible("a.example"); p == nil || p.Kind != SoldTwice {
		t.Errorf("sold again: %v", p)
	}
}

// The registry's calendar: 29 February and n years is 28 February.
func TestAddYears(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{"2028-02-29": "2029-02-28", "2028-02-28": "2029-02-28", "2026-12-31": "2027-12-31"} {
		at, err := time.Parse(time.DateOnly, from)
		if err != nil {
			t.Fatal(err)
		}
		if got := AddYears(at, 1).Format(time.DateOnly); got != want {
			t.Errorf("a year after %s: %s, want %s", from, got, want)
		}
	}
	leap := time.Date(2028, 2, 29, 1, 0, 0, 0, time.UTC)
	if got := AddYears(leap, 4); !got.Equal(time.Date(2032, 2, 29, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("four years after %v: %v", leap, got)
	}
}
