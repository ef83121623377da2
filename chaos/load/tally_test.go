package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/epp/client"
)

func TestTally(t *testing.T) {
	t.Parallel()
	from := time.Now()
	g := &Generator{Options: Options{Mix: Mixes[0], Rate: 10, Connections: 3}, journal: &Journal{Book: newBook(Beginning{})}}
	g.tally.add(Create, from, time.Second, nil) // before anything counts
	g.tally.from = from
	g.tally.add(Create, from.Add(-1), time.Hour, nil)
	g.tally.drop(arrival{Create, from.Add(-1)}, 9)
	for i := range 1000 {
		g.tally.add(Check, from, time.Duration(i+1)*time.Millisecond, nil)
	}
	g.tally.add(Create, from, 2*MaxLatency, errors.New("lost"))
	g.tally.add(Create, from, time.Millisecond, &client.Error{Code: 2302})
	g.tally.drop(arrival{Create, from}, 5)
	r := g.result(from)
	if len(r.Commands) != 2 {
		t.Fatalf("%+v", r)
	}
	near := func(got, want float64) bool { return got >= want && got <= want*1.002 }
	if c := r.Commands[0]; c.Count != 1000 || !near(c.P50, 500) || !near(c.P90, 900) || !near(c.P99, 990) || !near(c.P999, 999) || !near(c.Max, 1000) || c.Codes[1000] != 1000 {
		t.Errorf("check: %+v", c)
	}
	if c := r.Commands[1]; c.Count != 2 || c.Unanswered != 1 || c.Codes[2302] != 1 || c.Dropped != 5 || !near(c.Max, float64(MaxLatency.Milliseconds())) {
		t.Errorf("create: %+v", c)
	}
	if c := r.Total; c.Count != 1002 || c.Codes[1000] != 1000 || c.Unanswered != 1 || c.Dropped != 5 {
		t.Errorf("total: %+v", c)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "1000 × 1000, 1 × 2302") {
		t.Errorf("%v: %s", err, &out)
	}
	file := filepath.Join(t.TempDir(), "figures.json")
	if err := r.Save(file); err != nil {
		t.Fatal(err)
	}
	var again Result
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || again.Total.P99 != r.Total.P99 || again.Commands[1].Codes[2302] != 1 {
		t.Errorf("%v: %+v", err, again)
	}
}
