package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally counts commands and their latencies. It is safe for concurrent use.
type tally struct {
	mu       sync.Mutex
	from     time.Time // what arrives before isn't counted; zero: nothing is
	commands map[Command]*counts
}

// counts are what became of the commands of one kind.
type counts struct {
	latency    *hdrhistogram.Histogram // in microseconds
	codes      map[int]int64
	unanswered int64
	dropped    int64
}

// of is the command's counts; nil for what arrived in the warm-up. t.mu must be held.
func (t *tally) of(c Command, at time.Time) *counts {
	if t.from.IsZero() || at.Before(t.from) {
		return nil
	}
	if t.commands == nil {
		t.commands = map[Command]*counts{}
	}
	if t.commands[c] == nil {
		t.commands[c] = &counts{latency: hdrhistogram.New(1, MaxLatency.Microseconds(), significantFigures), codes: map[int]int64{}}
	}
	return t.commands[c]
}

// add counts a command that was sent; at is when it was to be. Those without an answer count with the time after which that was clear:
// to leave them out would make a server look the better the less it answers.
func (t *tally) add(c Command, at time.Time, latency time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.of(c, at)
	if n == nil {
		return
	}
	_ = n.latency.RecordValue(min(latency, MaxLatency).Microseconds()) // within what it was made for
	switch code := Code(err); {
	case err == nil:
		n.codes[1000]++
	case code == 0:
		n.unanswered++
	default:
		n.codes[code]++
	}
}

// drop counts commands that were never sent.
func (t *tally) drop(a arrival, times int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.of(a.command, a.at); n != nil {
		n.dropped += times
	}
}

// Result is what came of a run, after the warm-up.
type Result struct {
	Mix         string        `json:"mix"`
	Seed        uint64        `json:"seed"`
	Rate        float64       `json:"rate"` // of arrivals per second; 0: closed loop
	Connections int           `json:"connections"`
	Sites       []string      `json:"sites"`
	Registrars  []string      `json:"registrars"`
	Begin       time.Time     `json:"begin"`
	Elapsed     time.Duration `json:"elapsed"` // nanoseconds, until the last answer
	Commands    []Figures     `json:"commands"`
	Total       Figures       `json:"total"`
}

// Figures are those of one command. Latencies are in milliseconds, of all that were sent; in an open loop from the arrival on.
type Figures struct {
	Command    string        `json:"command"`
	Count      int64         `json:"count"` // sent
	P50        float64       `json:"p50_ms"`
	P90        float64       `json:"p90_ms"`
	P99        float64       `json:"p99_ms"`
	P999       float64       `json:"p99_9_ms"`
	Max        float64       `json:"max_ms"`
	Codes      map[int]int64 `json:"codes"`      // by EPP result code
	Unanswered int64         `json:"unanswered"` // of unknown outcome
	Dropped    int64         `json:"dropped"`    // never sent: no connection was free for too long, or the run ended
}

// result is what came of the run so far.
func (g *Generator) result(begin time.Time) *Result {
	g.tally.mu.Lock()
	defer g.tally.mu.Unlock()
	r := &Result{
		Mix: g.Mix.Name, Seed: g.Seed, Rate: g.Rate, Connections: g.Connections, Registrars: g.journal.registrars(),
		Begin: begin.UTC().Round(0), Elapsed: max(0, time.Since(g.tally.from)),
	}
	for _, s := range g.sites {
		r.Sites = append(r.Sites, s.Name)
	}
	total := &counts{latency: hdrhistogram.New(1, MaxLatency.Microseconds(), significantFigures), codes: map[int]int64{}}
	for _, c := range Commands {
		if n := g.tally.commands[c]; n != nil {
			r.Commands = append(r.Commands, n.figures(string(c)))
			total.latency.Merge(n.latency)
			for code, times := range n.codes {
				total.codes[code] += times
			}
			total.unanswered += n.unanswered
			total.dropped += n.dropped
		}
	}
	r.Total = total.figures("all")
	return r
}

func (n *counts) figures(command string) Figures {
	at := func(quantile float64) float64 { return float64(n.latency.ValueAtQuantile(quantile)) / 1000 }
	return Figures{
		Command: command, Count: n.latency.TotalCount(), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(n.latency.Max()) / 1000,
		Codes: maps.Clone(n.codes), Unanswered: n.unanswered, Dropped: n.dropped,
	}
}

// Print writes the result as a table.
func (r *Result) Print(out io.Writer) error {
	loop := fmt.Sprintf("%.1f arrivals/s, latency from the arrival on", r.Rate)
	if r.Rate == 0 {
		loop = "closed loop, latency from the sending on: a stall shows once for each connection"
	}
	fmt.Fprintf(out, "mix %s: %s\n%d connections of %s over %s, %.1f s, seed %d\n",
		r.Mix, loop, r.Connections, strings.Join(r.Registrars, ", "), strings.Join(r.Sites, ", "), r.Elapsed.Seconds(), r.Seed)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "command\tsent\tper s\tp50 ms\tp90\tp99\tp99.9\tmax\tunanswered\tdropped\t  codes")
	for _, f := range append(slices.Clone(r.Commands), r.Total) {
		var codes []string
		for _, c := range slices.Sorted(maps.Keys(f.Codes)) {
			codes = append(codes, fmt.Sprintf("%d × %d", f.Codes[c], c))
		}
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t  %s\n", f.Command, f.Count, float64(f.Count)/r.Elapsed.Seconds(),
			f.P50, f.P90, f.P99, f.P999, f.Max, f.Unanswered, f.Dropped, strings.Join(codes, ", "))
	}
	return w.Flush()
}

// Save writes the result to a file as JSON.
func (r *Result) Save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return errors.Join(errors.New("encoding the result"), err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
