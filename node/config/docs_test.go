package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const manual = "../../docs/CONFIGURATION.md"

// documented is a row of a table in the manual: | `key` | `VARIABLE` | default | unit | meaning |
type documented struct{ key, variable, fallback, unit, meaning string }

// tables are the rows of all tables of settings in the manual, in their order.
func tables(t *testing.T) (rows []documented) {
	t.Helper()
	for line := range strings.Lines(readManual(t)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, documented{strings.Trim(cells[1], "`"), strings.Trim(cells[2], "`"), cells[3], cells[4], cells[5]})
	}
	if len(rows) == 0 {
		t.Fatal("no settings in the manual")
	}
	return rows
}

func readManual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The manual has each setting with its variable, in the order of Settings, and no other.
func TestTheManualHasEverySetting(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, r := range tables(t) {
		if strings.HasPrefix(r.key, "peer.") {
			if r.variable != "none" {
				t.Errorf("%s has the variable %s in the manual; peers have none", r.key, r.variable)
			}
			got = append(got, r.key)
		} else {
			got = append(got, r.key+" "+r.variable)
		}
		if r.unit == "" || r.meaning == "" {
			t.Errorf("%s lacks its unit or meaning", r.key)
		}
	}
	for _, s := range Settings(&Config{}) {
		want = append(want, s.Key+" "+s.Variable)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Peer]()) {
		want = append(want, "peer."+f.Tag.Get("toml"))
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("the manual lacks %s", row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("the manual has %s, which is no setting", row)
		}
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d is %s in the manual, %s in the code", i+1, got[i], want[i])
		}
	}
}

// What the manual says of defaults is so.
func TestTheManualHasTheDefaults(t *testing.T) {
	t.Parallel()
	c := Default()
	settings := map[string]reflect.Value{}
	for _, s := range Settings(&c) {
		settings[s.Key] = s.value
	}
	for _, r := range tables(t) {
		v, ok := settings[r.key]
		if !ok {
			continue
		}
		want := fmt.Sprint(v.Interface())
		if d, ok := v.Interface().(Duration); ok {
			want = time.Duration(d).String()
		}
		value, isValue := strings.CutPrefix(r.fallback, "`")
		switch {
		case v.IsZero() && isValue:
			t.Errorf("%s has no default, the manual says %s", r.key, r.fallback)
		case !v.IsZero() && !sameDuration(strings.TrimSuffix(value, "`"), want):
			t.Errorf("the default of %s is %s, the manual says %s", r.key, want, r.fallback)
		}
	}
}

// sameDuration says whether two texts are equal, or the same duration.
func sameDuration(a, b string) bool {
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return a == b || errX == nil && errY == nil && x == y
}

// What the manual calls required is what Load misses, and only that.
func TestTheManualSaysWhatIsRequired(t *testing.T) {
	t.Parallel()
	kinds := map[string]reflect.Kind{}
	for _, s := range Settings(&Config{}) {
		kinds[s.Key] = s.value.Kind()
	}
	for _, r := range tables(t) {
		if kinds[r.key] != reflect.String || strings.HasPrefix(r.key, "log.") {
			continue // the log's are checked where the log is made
		}
		_, err := Load(file(t, required), []string{r.variable + "="})
		if missed := err != nil; missed != (r.fallback == "required") {
			t.Errorf("%s is %q in the manual; without it: %v", r.key, r.fallback, err)
		}
	}
}

// The manual's example is a configuration.
func TestTheManualsExampleIsGood(t *testing.T) {
	t.Parallel()
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(readManual(t), -1)
	if len(examples) == 0 {
		t.Fatal("no example")
	}
	for _, e := range examples {
		load(t, e[1])
	}
}
