package admin

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseMoney reads an amount in decimal ("8", "8.5", "8.50", "-3.00") as minor units of an ISO 4217 currency,
// exactly. It refuses signs other than a minus, separators, exponents, more decimals than the currency has, and what
// an int64 can't hold.
func ParseMoney(text, currency string) (minor int64, err error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	decimals := exponent(currency)
	switch {
	case whole == "" || point && fraction == "" || !allDigits(whole) || !allDigits(fraction):
		return 0, fmt.Errorf("%q is not an amount such as %s", text, example(currency))
	case len(fraction) > decimals:
		return 0, fmt.Errorf("%q has more decimals than %s, which has %d", text, currency, decimals)
	}
	number := whole + fraction + strings.Repeat("0", decimals-len(fraction))
	if negative {
		number = "-" + number
	}
	if minor, err = strconv.ParseInt(number, 10, 64); err != nil {
		return 0, fmt.Errorf("%q is too large an amount", text)
	}
	return minor, nil
}

// FormatMoney writes minor units of an ISO 4217 currency in decimal, with all of the currency's decimals.
func FormatMoney(minor int64, currency string) string {
	decimals := exponent(currency)
	// As text: no sign to lose between -1 and 0, and no overflow when the lowest int64 is negated.
	digits, negative := strings.CutPrefix(strconv.FormatInt(minor, 10), "-")
	if short := decimals + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	if decimals > 0 {
		digits = digits[:len(digits)-decimals] + "." + digits[len(digits)-decimals:]
	}
	if negative {
		return "-" + digits
	}
	return digits
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// example is an amount as the currency writes it.
func example(currency string) string {
	return strings.TrimSuffix("8."+strings.Repeat("0", exponent(currency)), ".")
}
