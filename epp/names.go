package epp

import (
	"strings"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// hostName is e's text as the name of a host or domain, in lower case.
func (x *schema) hostName(e *xmltree.Element) string {
	name := lower(x.Label(e))
	if problem := nameProblem(name); problem != "" {
		x.Refuse(registry.ParameterSyntax, e, "%s", problem)
	}
	return name
}

// lower is s with ASCII letters in lower case; there is no other case in host names.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// nameProblem says in up to 32 characters, which is what the reason of a check
// may have (eppcom-1.0 reasonBaseType), why name is no host name in lower case;
// "" if it is one.
func nameProblem(name string) string {
	if registry.ValidName(name) {
		return ""
	}
	if len(name) > registry.MaxName {
		return "Name too long"
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "Empty label"
		case len(label) > registry.MaxLabel:
			return "Label too long"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "Hyphen at the end of a label"
		}
	}
	return "Character not allowed"
}

// reservedLabel says whether a label is of the form that is kept for encodings (RFC 5890 §2.3.1): hyphens in third and fourth place.
func reservedLabel(label string) bool { return len(label) >= 4 && label[2:4] == "--" }

// registrable is why a well-formed domain name can't be registered whatever the
// state holds; "" if it can. Only the first label is the client's: TLDs may be of any form.
func registrable(name string) string {
	first, _, _ := strings.Cut(name, ".")
	if reservedLabel(first) {
		return "Hyphens in 3rd and 4th place"
	}
	return ""
}

// delegable is the same for the name of a host. A-labels are let through:
// whether one is good is for the registry that it belongs to.
func delegable(name string) string {
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return "A host name has two labels"
	}
	for _, label := range labels[:len(labels)-1] {
		if reservedLabel(label) && !strings.HasPrefix(label, "xn--") {
			return "Hyphens in 3rd and 4th place"
		}
	}
	return ""
}
