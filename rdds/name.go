package rdds

import (
	"errors"
	"strings"

	"quorate/fsm/registry"
)

// Why a text is no name that can be looked up.
var (
	ErrName   = errors.New("not a domain name")
	ErrULabel = errors.New("internationalized names are looked up by their A-labels (xn--…)")
)

// ParseName puts a domain or host name into the form that the registry keeps: lower case, no final dot. It
// fails with ErrULabel if text has characters outside of ASCII, with ErrName if it is no host name
// (RFC 1123 §2.1).
func ParseName(text string) (string, error) {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return "", ErrULabel
		}
	}
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if !registry.ValidName(name) {
		return "", ErrName
	}
	return name, nil
}
