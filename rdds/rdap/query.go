package rdap

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"quorate/rdds"
)

// Class is the kind of thing that a query asks for.
type Class uint8

// The query types that are served (RFC 9082 §3.1).
const (
	DomainClass Class = iota + 1
	NameserverClass
	EntityClass
	HelpClass
)

// classNames are the path segments, and the values of metrics' object label.
var classNames = map[Class]string{
	DomainClass: "domain", NameserverClass: "nameserver", EntityClass: "entity", HelpClass: "help",
}

// Query is a query in the registry's own form.
type Query struct {
	Class Class
	Text  string // a name in lower case without final dot, or an entity's handle or name; empty for help
}

// Why a path is no query that is served.
var (
	ErrSyntax      = errors.New("this is no RDAP query")               // 400
	ErrUnsupported = errors.New("queries of this type are not served") // 501 (RFC 9082 §1)
)

// unsupported are the query types of RFC 9082 that this server does not have: other registries' objects, and
// searches.
var unsupported = map[string]bool{
	"ip": true, "autnum": true, "domains": true, "nameservers": true, "entities": true,
}

// ParsePath reads the path of a request below the base URL, percent-encoded as it came (RFC 9082 §3.1). It
// fails with ErrSyntax, ErrUnsupported, rdds.ErrName or rdds.ErrULabel.
func ParsePath(path string) (Query, error) {
	if len(path) > maxPath {
		return Query{}, fmt.Errorf("%w: the path is too long", ErrSyntax)
	}
	class, rest, more := strings.Cut(path, "/")
	switch {
	case unsupported[class]:
		return Query{}, ErrUnsupported
	case class == classNames[HelpClass] && !more:
		return Query{Class: HelpClass}, nil
	case !more || rest == "" || strings.Contains(rest, "/"):
		return Query{}, ErrSyntax
	}
	text, err := url.PathUnescape(rest)
	if err != nil || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return Query{}, fmt.Errorf("%w: the path's encoding is wrong", ErrSyntax)
	}
	switch class {
	case classNames[DomainClass]:
		name, err := rdds.ParseName(text)
		return Query{DomainClass, name}, err
	case classNames[NameserverClass]:
		name, err := rdds.ParseName(text)
		return Query{NameserverClass, name}, err
	case classNames[EntityClass]:
		return Query{EntityClass, text}, nil
	}
	return Query{}, ErrSyntax
}
