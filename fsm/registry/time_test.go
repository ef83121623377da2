package registry

import (
	"testing"
	"testing/quick"
	"time"
)

func TestCalendarAgreesWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	agrees := func(ms int64) bool {
		ms %= 1 << 47 // some 4,400 years either way
		want := time.UnixMilli(ms).UTC()
		y, m, d := Time(ms).Date()
		return y == int64(want.Year()) && m == int(want.Month()) && d == want.Day() &&
			(want.Year() < 0 || Time(ms).String() == want.Format("2006-01-02T15:04:05.000Z")) &&
			DateOf(y, m, d) == Time(want.Truncate(24*time.Hour).UnixMilli())
	}
	if err := quick.Check(agrees, &quick.Config{MaxCount: 50_000}); err != nil {
		t.Error(err)
	}
}

func TestAddMonths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2024-02-29T12:00:00Z", 12, "2025-02-28T12:00:00Z"},
		{"2024-02-29T12:00:00Z", 48, "2028-02-29T12:00:00Z"},
		{"2023-02-28T00:00:00Z", 12, "2024-02-28T00:00:00Z"},
		{"2023-01-31T23:59:59Z", 1, "2023-02-28T23:59:59Z"},
		{"2023-12-31T00:00:00Z", 2, "2024-02-29T00:00:00Z"},
		{"2023-11-30T00:00:00Z", 120, "2033-11-30T00:00:00Z"},
		{"2096-02-29T00:00:00Z", 48, "2100-02-28T00:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		want, _ := time.Parse(time.RFC3339, c.want)
		if got := Time(from.UnixMilli()).AddMonths(c.months); got != Time(want.UnixMilli()) {
			t.Errorf("%s + %d months is %s, want %s", c.from, c.months, got, c.want)
		}
	}
}
