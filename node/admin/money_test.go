package admin

import (
	"math"
	"strings"
	"testing"
)

func TestMoney(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, currency string
		minor          int64
		shown          string
	}{
		{"8", "USD", 800, "8.00"},
		{"8.5", "USD", 850, "8.50"},
		{"8.50", "EUR", 850, "8.50"},
		{"0", "USD", 0, "0.00"},
		{"0.01", "USD", 1, "0.01"},
		{"-0.01", "USD", -1, "-0.01"},
		{"-3.00", "USD", -300, "-3.00"},
		{"000012.30", "USD", 1230, "12.30"},
		{"800", "JPY", 800, "800"},
		{"1", "KRW", 1, "1"},
		{"2.345", "KWD", 2345, "2.345"},
		{"0.001", "BHD", 1, "0.001"},
		{"92233720368547758.07", "USD", math.MaxInt64, "92233720368547758.07"},
		{"-92233720368547758.08", "USD", math.MinInt64, "-92233720368547758.08"},
	} {
		minor, err := ParseMoney(c.text, c.currency)
		if err != nil || minor != c.minor {
			t.Errorf("%s %s: got %d, %v; want %d", c.text, c.currency, minor, err, c.minor)
		}
		if shown := FormatMoney(c.minor, c.currency); shown != c.shown {
			t.Errorf("%d %s: got %s, want %s", c.minor, c.currency, shown, c.shown)
		}
	}
}

func TestMoneyRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, currency, want string }{
		{"", "USD", "not an amount such as 8.00"},
		{"", "JPY", "not an amount such as 8"},
		{"-", "USD", "not an amount"},
		{".", "USD", "not an amount"},
		{"1.", "USD", "not an amount"},
		{".5", "USD", "not an amount"},
		{"+1", "USD", "not an amount"},
		{"--1", "USD", "not an amount"},
		{"1-", "USD", "not an amount"},
		{"1,000.00", "USD", "not an amount"},
		{"1e3", "USD", "not an amount"},
		{" 1", "USD", "not an amount"},
		{"1.2.3", "USD", "not an amount"},
		{"٣", "USD", "not an amount"},
		{"0x10", "USD", "not an amount"},
		{"8.001", "USD", "more decimals than USD, which has 2"},
		{"8.0", "JPY", "more decimals than JPY, which has 0"},
		{"1.2345", "KWD", "more decimals than KWD, which has 3"},
		{"92233720368547758.08", "USD", "too large"},
		{strings.Repeat("9", 40), "USD", "too large"},
	} {
		if minor, err := ParseMoney(c.text, c.currency); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %s: got %d, %v; want an error with %q", c.text, c.currency, minor, err, c.want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	for code, decimals := range map[string]int{"USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3, "SEK": 2, "XOF": 0} {
		if got, known := exponents[code]; !known || got != decimals {
			t.Errorf("%s: %d decimals, known %v", code, got, known)
		}
	}
	for _, code := range []string{"XAU", "XXX", "XTS", "US", "", "UDS"} {
		if _, err := parseCurrency(code); err == nil {
			t.Errorf("%q is taken for a currency", code)
		}
	}
	if code, err := parseCurrency("eur"); err != nil || code != "EUR" {
		t.Errorf("got %q, %v", code, err)
	}
	for code := range exponents {
		if len(code) != 3 || code != strings.ToUpper(code) {
			t.Errorf("%q is no ISO 4217 code", code)
		}
	}
}

// FuzzMoney holds ParseMoney and FormatMoney against each other: what is read is written as the same amount, and
// what is written is read as the same number.
func FuzzMoney(f *testing.F) {
	f.Add("8.50", int64(850), "USD")
	f.Add("-0.01", int64(-1), "EUR")
	f.Add("800", int64(math.MinInt64), "JPY")
	f.Add("2.345", int64(math.MaxInt64), "KWD")
	f.Add("1e3", int64(0), "XXX")
	f.Fuzz(func(t *testing.T, text string, minor int64, currency string) {
		shown := FormatMoney(minor, currency)
		if back, err := ParseMoney(shown, currency); err != nil || back != minor {
			t.Errorf("%d %s is written %s, which is read %d, %v", minor, currency, shown, back, err)
		}
		read, err := ParseMoney(text, currency)
		if err != nil {
			return
		}
		if got, want := canonical(FormatMoney(read, currency)), canonical(text); got != want {
			t.Errorf("%q %s is read %d, which is written %q", text, currency, read, got)
		}
	})
}

// canonical is an amount without the digits that don't matter.
func canonical(amount string) string {
	digits, negative := strings.CutPrefix(amount, "-")
	digits = strings.TrimLeft(digits, "0")
	if strings.Contains(digits, ".") {
		digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	}
	if negative && digits != "" {
		return "-" + digits
	}
	return digits
}
