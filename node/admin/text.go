package admin

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"quorate/fsm/registry"
)

// printable says whether s is one line of visible text, with spaces only inside.
func printable(s string) bool {
	return utf8.ValidString(s) && s == strings.TrimSpace(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// checkText refuses what isn't one line of text of customary length; the empty text is one.
func checkText(element, s string) error {
	if len(s) > maxText || !printable(s) {
		return invalid(element, s, "not one line of at most %d bytes of text", maxText)
	}
	return nil
}

// parseName is a domain name in lower case without its final dot.
func parseName(element, s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !registry.ValidName(name) {
		return "", invalid(element, s, "not a domain name: labels of letters, digits and inner hyphens, at most %d characters each and %d in all", registry.MaxLabel, registry.MaxName)
	}
	return name, nil
}

// parseCurrency is an ISO 4217 code in capitals.
func parseCurrency(s string) (string, error) {
	code := strings.ToUpper(s)
	if _, known := exponents[code]; !known {
		return "", invalid("currency", s, "not a currency of ISO 4217, such as USD")
	}
	return code, nil
}

func parseAddress(element, s string) ([]byte, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return nil, invalid(element, s, "not an IPv4 or IPv6 address")
	}
	return a.AsSlice(), nil
}

// parseFingerprint is a certificate's SHA-256 in lower-case hex; colons, as tools print them, are dropped.
func parseFingerprint(s string) (string, error) {
	f := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if b, err := hex.DecodeString(f); err != nil || len(b) != 32 {
		return "", invalid("certificates", s, "not a SHA-256 fingerprint of 64 hexadecimal digits")
	}
	return f, nil
}

var (
	registrarID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{2,15}$`)
	phone       = regexp.MustCompile(`^\+[0-9]{1,3}\.[0-9]{1,14}$`)
	country     = regexp.MustCompile(`^[A-Z]{2}$`)
	email       = regexp.MustCompile(`^[^\s@<>(),:;"\[\]\\]+@[^\s@]+$`)
)

// checkURL refuses what isn't an absolute web address.
func checkURL(element, s string) error {
	if err := checkText(element, s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil) {
		return invalid(element, s, "not an address such as https://registrar.example/")
	}
	return nil
}

func checkPhone(element, s string) error {
	if s != "" && !phone.MatchString(s) {
		return invalid(element, s, "not a telephone number in the form +1.5550100 (RFC 5733 §2.5)")
	}
	return nil
}

func checkEmail(element, s string) error {
	if err := checkText(element, s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	_, domain, _ := strings.Cut(s, "@")
	if _, err := parseName(element, domain); err != nil || !email.MatchString(s) {
		return invalid(element, s, "not a mail address such as abuse@registrar.example")
	}
	return nil
}

// checkPassword refuses what EPP's login can't carry.
func checkPassword(s string) error {
	if n := utf8.RuneCountInString(s); n < minPassword || n > maxPassword || !printable(s) || strings.Contains(s, "  ") {
		return registry.Fail(registry.ParameterSyntax, "password", "", "a password has %d to %d printable characters, without spaces at its ends or two in a row (RFC 5730 pwType)", minPassword, maxPassword)
	}
	return nil
}
