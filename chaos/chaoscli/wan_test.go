package chaoscli

import (
	"math"
	"strconv"
	"testing"
)

func TestParseShare(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"1%": 0.01, "0.25": 0.25, "100%": 1, "0": 0, "2.5%": 0.025} {
		if got, err := parseShare(text); err != nil || math.Abs(got-want) > 1e-12 {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "1%%", "one", "1 %"} {
		if got, err := parseShare(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	for _, c := range []struct {
		text string
		want int64 // -1: refused
	}{
		{"0", 0}, {"1200", 1200}, {"800k", 800_000}, {"10M", 10_000_000}, {"1G", 1_000_000_000},
		{"", -1}, {"k", -1}, {"-1", -1}, {"1kk", -1}, {"1k5", -1}, {"10 M", -1}, {"9223372036854775807G", -1}, {"1.5M", -1},
	} {
		f.Add(c.text)
		if got, err := parseRate(c.text); (err != nil) != (c.want < 0) || err == nil && got != c.want {
			f.Errorf("%q is %d, %v; want %d", c.text, got, err, c.want)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseRate(text)
		if err != nil {
			return
		}
		if again, err := parseRate(strconv.FormatInt(v, 10)); v < 0 || err != nil || again != v {
			t.Errorf("%q is %d, which is %d, %v", text, v, again, err)
		}
	})
}
