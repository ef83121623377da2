package whois

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"quorate/rdds"
)

// Object is what a query asks for.
type Object uint8

// The objects. AnyName is a name that may be a domain's or, where no domain can be, a host's.
const (
	AnyName Object = iota
	Domain
	NameServer
	Registrar
)

// Query is a query in the registry's own form.
type Query struct {
	Object Object
	Text   string // a name in lower case without final dot, or a registrar's name, identifier or IANA ID
}

// Why a line is no query.
var (
	ErrUsage    = errors.New("what is asked for is unclear")
	ErrFlag     = errors.New("there are no flags")
	ErrTooLong  = fmt.Errorf("the query is longer than %d octets", MaxQuery)
	ErrEncoding = errors.New("the query is not UTF-8 text")
)

var keywords = map[string]Object{
	"domain": Domain, "nameserver": NameServer, "host": NameServer, "ns": NameServer, "registrar": Registrar,
}

// ParseQuery reads the line that a client sent (RFC 3912 §2), with or without its end. It fails with ErrUsage,
// ErrFlag, ErrTooLong or ErrEncoding, or as rdds.ParseName does.
func ParseQuery(line []byte) (Query, error) {
	text := strings.TrimRight(string(line), "\r\n")
	if len(text) > MaxQuery {
		return Query{}, ErrTooLong
	}
	if !utf8.ValidString(text) {
		return Query{}, ErrEncoding
	}
	words := strings.Fields(text)
	for _, w := range words {
		if strings.ContainsFunc(w, unicode.IsControl) {
			return Query{}, ErrEncoding
		}
	}
	if len(words) == 0 {
		return Query{}, ErrUsage
	}
	if strings.HasPrefix(words[0], "-") {
		return Query{}, ErrFlag
	}
	object, keyword := keywords[strings.ToLower(words[0])]
	if keyword {
		words = words[1:]
	}
	switch {
	case object == Registrar && len(words) > 0:
		return Query{Registrar, strings.Join(words, " ")}, nil
	case len(words) != 1:
		return Query{}, ErrUsage
	}
	name, err := rdds.ParseName(words[0])
	return Query{object, name}, err
}
