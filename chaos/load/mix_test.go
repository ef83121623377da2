package load

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMixesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, m := range Mixes {
		random, counts, total := rand.New(rand.NewPCG(1, 0)), map[Command]float64{}, 0.0
		const n = 100_000
		for range n {
			counts[m.choose(random)]++
		}
		for _, c := range Commands {
			total += m.Weights[c]
		}
		for _, c := range Commands {
			// Five standard deviations of a binomial distribution.
			p := m.Weights[c] / total
			if math.Abs(counts[c]-n*p) > 5*math.Sqrt(n*p*(1-p)) {
				t.Errorf("%s: %v of %d are %s, want %v", m.Name, counts[c], n, c, n*p)
			}
		}
		if by, err := MixByName(m.Name); err != nil || by.Text != m.Text {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if _, err := MixByName("none"); err == nil || !strings.Contains(err.Error(), "steady") {
		t.Errorf("an unknown mix: %v", err)
	}
}

// The models' published figures.
func TestMixesAreTheModels(t *testing.T) {
	t.Parallel()
	reads := func(name string) (share, transforms float64) {
		m, err := MixByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range Commands {
			if c.transforms() {
				transforms += m.Weights[c]
			} else {
				share += m.Weights[c]
			}
		}
		return share / (share + transforms), transforms
	}
	for _, row := range []struct {
		name       string
		least      float64 // share of reads
		most       float64
		rate, size float64
	}{
		{"steady", 30 / 33.5, 30 / 33.5, 12.74, 1},
		{"gtld", 0.6, 0.6, 540, 20},
		{"com", 0.95, 0.97, 1620, 1},
		{"create", 0, 0, 0, 1},
		{"drop", 0, 0, 0, 1},
	} {
		m, _ := MixByName(row.name)
		if share, _ := reads(row.name); share < row.least-1e-9 || share > row.most+1e-9 {
			t.Errorf("%s: %v are reads", row.name, share)
		}
		if rate := m.RateFor(row.size); math.Abs(rate-row.rate) > 0.02*row.rate {
			t.Errorf("%s: %v/s for %v million names, want %v", row.name, rate, row.size, row.rate)
		}
	}
}
