package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
)

// targetOf is the cluster as its clients find it.
func targetOf(t *testing.T, c *cluster.Cluster) *load.Target {
	t.Helper()
	target, err := load.NewTarget(c.Endpoints())
	do(t, err)
	target.Answered = answered
	t.Cleanup(target.Close)
	return target
}

// generator prepares a load on the cluster, with a journal on out.
func generator(t *testing.T, target *load.Target, out io.Writer, o load.Options) (*load.Generator, *load.Journal) {
	t.Helper()
	j, err := target.Journal(t.Context(), out)
	do(t, err)
	g, err := load.NewGenerator(t.Context(), target, j, o)
	do(t, err)
	t.Cleanup(g.Close)
	return g, j
}

// underLoad has clients live through parts of domains' lives until stop is called, which then holds the registry against what they were told.
func underLoad(t *testing.T, c *cluster.Cluster, seed uint64) (g *load.Generator, j *load.Journal, stop func()) {
	t.Helper()
	target := targetOf(t, c)
	g, j = generator(t, target, io.Discard, load.Options{Mix: mix(t, "life"), Connections: clients, Seed: seed})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	return g, j, func() {
		t.Helper()
		cancel()
		do(t, <-ended)
		explained(t, j)
		verify(t, target, j.Book)
		t.Logf("load ended: %v", j)
	}
}

// advance waits until n more commands have been acknowledged.
func advance(t *testing.T, j *load.Journal, n int) {
	t.Helper()
	goal := j.Acknowledged() + n
	await(t, "progress", func(context.Context) error {
		if j.Acknowledged() < goal {
			return fmt.Errorf("%v", j)
		}
		return nil
	})
}

func mix(t *testing.T, name string) load.Mix {
	t.Helper()
	m, err := load.MixByName(name)
	do(t, err)
	return m
}

// verify holds the registry against the journal.
func verify(t *testing.T, target *load.Target, b *load.Book) {
	t.Helper()
	if err := target.Verify(t.Context(), b, b.Names()).Err(); err != nil {
		t.Error(err)
	}
}

// explained fails the test for refusals that no fault explains: all but 2400 and the end of a session.
func explained(t *testing.T, j *load.Journal) {
	t.Helper()
	for code, times := range j.Refusals() {
		if code < 2400 {
			t.Errorf("%d commands were refused as %d, which no fault explains", times, code)
		}
	}
}

// Every mix does what its table says, and the registry is what the clients were told.
func TestMixes(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	target := targetOf(t, c)
	for _, m := range load.Mixes {
		rate := 100.0
		if m.Rate == 0 && m.PerMillion == 0 {
			rate = 0
		}
		g, j := generator(t, target, io.Discard, load.Options{Mix: m, Rate: rate, Connections: 6, Duration: time.Second, WarmUp: 100 * time.Millisecond, Seed: 1})
		r, err := g.Run(t.Context())
		do(t, err)
		var told bytes.Buffer
		do(t, r.Print(&told))
		t.Logf("%s%v", &told, j)
		if r.Total.Count == 0 || r.Total.Unanswered != 0 || r.Total.Dropped != 0 || r.Total.Max < r.Total.P50 {
			t.Errorf("%s: %+v", m.Name, r.Total)
		}
		for _, f := range r.Commands {
			if m.Weights[load.Command(f.Command)] == 0 && f.Command != string(load.Create) {
				t.Errorf("%s has no %s, but sent %d", m.Name, f.Command, f.Count)
			}
		}
		if m.Storm {
			if got, want := j.Acknowledged(), len(j.Names()); got != want || len(j.Refusals()) != 1 || j.Refusals()[2302] != 5*got {
				t.Errorf("of %d names that six wanted %d were sold; refusals: %v", want, got, j.Refusals())
			}
		} else {
			explained(t, j)
		}
		verify(t, target, j.Book)
		g.Close()
	}
}

// line is a line of a journal.
type line struct {
	Begin    *load.Beginning `json:"begin,omitempty"`
	Sent     *load.Write     `json:"sent,omitempty"`
	Answered *load.Answer    `json:"answered,omitempty"`
}

// linesOf reads a journal's lines, and copies all that a test may change.
func linesOf(t *testing.T, journal []byte) (all []line) {
	t.Helper()
	for text := range bytes.Lines(journal) {
		var l line
		do(t, json.Unmarshal(text, &l))
		all = append(all, l)
	}
	return all
}

// last finds a name whose last command is of this kind, and the lines of that command.
func last(t *testing.T, all []line, command load.Command) (sent, answered int) {
	t.Helper()
	newest := map[string]int{}
	for i, l := range all {
		if l.Sent != nil {
			newest[l.Sent.Name] = i
		}
	}
	for i, l := range all {
		if l.Sent == nil || l.Sent.Command != command || newest[l.Sent.Name] != i {
			continue
		}
		for k, a := range all {
			if a.Answered != nil && a.Answered.Number == l.Sent.Number && a.Answered.Outcome == load.Acknowledged {
				return i, k
			}
		}
	}
	t.Fatalf("no name's last command is %s", command)
	return 0, 0
}

// without is all but one command.
func without(all []line, sent, answered int) []line {
	return append(append(slices.Clone(all[:sent]), all[sent+1:answered]...), all[answered+1:]...)
}

// again is a command of the journal sent once more, with the same answer.
func again(all []line, sent, answered int, change func(w *load.Write, a *load.Answer)) []line {
	w, a := *all[sent].Sent, *all[answered].Answered
	w.Number = uint64(len(all)) // above all others
	a.Number = w.Number
	change(&w, &a)
	return append(all, line{Sent: &w}, line{Answered: &a})
}

// A journal that doesn't fit the registry is found out, whatever the lie; an honest one is not accused.
func TestJournalFindsOut(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	target := targetOf(t, c)
	var journal bytes.Buffer
	g, j := generator(t, target, &journal, load.Options{Mix: mix(t, "life"), Connections: 4, Seed: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	await(t, "some commands of each kind", func(context.Context) error {
		if j.Acknowledged() < 250 {
			return fmt.Errorf("%v", j)
		}
		return nil
	})
	cancel()
	do(t, <-ended)
	honest, err := load.Load(bytes.NewReader(journal.Bytes()))
	do(t, err)
	t.Logf("the truth: %v", honest)
	verify(t, target, honest)

	write := func(all []line) (b bytes.Buffer) {
		for _, l := range all {
			do(t, json.NewEncoder(&b).Encode(l))
		}
		return b
	}
	for _, lie := range []struct {
		what string
		want load.Kind
		says string // in the problem's text
		tell func(all []line) []line
	}{
		{"a create that never was", load.Lost, "", func(all []line) []line {
			s, _ := last(t, all, load.Create)
			all[s].Sent.Name = "never.example"
			return all
		}},
		{"a renewal that never was", load.Lost, "", func(all []line) []line {
			s, a := last(t, all, load.Renew)
			return again(all, s, a, func(w *load.Write, a *load.Answer) {
				w.Current = a.Expires.Format(time.DateOnly)
				a.Expires = a.Expires.AddDate(1, 0, 0)
			})
		}},
		{"a renewal that nobody sent", load.Doubled, "", func(all []line) []line {
			s, a := last(t, all, load.Renew)
			return without(all, s, a)
		}},
		{"an update that nobody sent", load.Half, "", func(all []line) []line {
			s, a := last(t, all, load.Update)
			return without(all, s, a)
		}},
		{"a delete that nobody sent", load.Lost, "", func(all []line) []line {
			s, a := last(t, all, load.Delete)
			return without(all, s, a)
		}},
		{"a create that was refused and is there", load.Unexpected, "", func(all []line) []line {
			_, a := last(t, all, load.Create)
			*all[a].Answered = load.Answer{Number: all[a].Answered.Number, Outcome: load.Refused, Code: 2400}
			return all
		}},
		{"a name sold twice", load.SoldTwice, "", func(all []line) []line {
			s, a := last(t, all, load.Create)
			return again(all, s, a, func(w *load.Write, _ *load.Answer) {
				w.Registrar = map[string]string{"reg1": "reg2", "reg2": "reg1"}[w.Registrar]
			})
		}},
		{"a name of somebody else", load.SoldTwice, "", func(all []line) []line {
			s, _ := last(t, all, load.Create)
			all[s].Sent.Registrar = map[string]string{"reg1": "reg2", "reg2": "reg1"}[all[s].Sent.Registrar]
			return all
		}},
		{"a cent too much", load.Money, "", func(all []line) []line {
			all[0].Begin.Balances["reg1"]++
			return all
		}},
		{"a charge that nobody expects", load.Money, ".example (paid ", func(all []line) []line {
			all[0].Begin.CreatePrice--
			return all
		}},
		{"a name that is taken, though nobody had it", load.Contradiction, "", func(all []line) []line {
			s, a := last(t, all, load.Create)
			return again(all, s, a, func(w *load.Write, a *load.Answer) {
				w.Name = "nobodys.example"
				*a = load.Answer{Number: a.Number, Outcome: load.Refused, Code: 2302}
			})
		}},
	} {
		told := write(lie.tell(linesOf(t, journal.Bytes())))
		b, err := load.Load(&told)
		if err != nil {
			t.Errorf("%s: %v", lie.what, err)
			continue
		}
		found := target.Verify(t.Context(), b, b.Names())
		if !slices.ContainsFunc(found, func(p load.Problem) bool { return p.Kind == lie.want && strings.Contains(p.Text, lie.says) }) {
			t.Errorf("%s: not found out: %v", lie.what, found)
		}
	}
}

// A generator that is killed leaves a journal that holds all that it sent; `quorate bench verify` holds the cluster against it, and fails
// for one that lies.
func TestGeneratorKilled(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	file := filepath.Join(t.TempDir(), "load.journal")
	cmd := exec.CommandContext(t.Context(), binary, "bench", "epp", "--endpoints", c.EndpointsFile(), "--journal", file,
		"--mix", "life", "--rate", "0", "--connections", "8", "--duration", "10m")
	do(t, cmd.Start())
	await(t, "a hundred commands", func(context.Context) error {
		b, err := os.ReadFile(file)
		if n := bytes.Count(b, []byte("\n")); err == nil && n < 200 {
			err = fmt.Errorf("the journal has %d lines", n)
		}
		return err
	})
	do(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	check := func(journal string) (string, error) {
		out, err := exec.CommandContext(t.Context(), binary, "bench", "verify", "--endpoints", c.EndpointsFile(), "--journal", journal).CombinedOutput()
		return string(out), err
	}
	out, err := check(file)
	t.Log(out)
	if err != nil || !strings.Contains(out, " 0 problems") {
		t.Errorf("the journal of a generator that was killed: %v", err)
	}

	text, err := os.ReadFile(file)
	do(t, err)
	all := linesOf(t, text[:bytes.LastIndexByte(text, '\n')+1])
	all[0].Begin.Balances["reg2"] += 5
	var lie bytes.Buffer
	for _, l := range all {
		do(t, json.NewEncoder(&lie).Encode(l))
	}
	do(t, os.WriteFile(file, lie.Bytes(), 0o600))
	if out, err := check(file); err == nil || !strings.Contains(out, "money: reg2 at site3") {
		t.Errorf("a journal that lies: %v: %s", err, out)
	}
}

// `quorate bench epp` starts a cluster of its own, prints figures, verifies, and leaves only what it was asked for.
func TestBenchEPP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, "bench", "epp", "--mix", "steady", "--names", "5", "--duration", "2s", "--warm-up", "500ms",
		"--connections", "8", "--seed", "7", "--verify", "--json", "figures.json")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"mix steady: 63.7 arrivals/s", "p99.9", "check", "info", "seed 7", "acknowledged", " 0 problems"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	var r load.Result
	text, err := os.ReadFile(filepath.Join(dir, "figures.json"))
	do(t, err, json.Unmarshal(text, &r))
	if r.Mix != "steady" || r.Total.Count == 0 || len(r.Sites) != 3 {
		t.Errorf("figures: %+v", r)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "var")); err != nil || len(left) != 1 || left[0].Name() != "load.journal" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
