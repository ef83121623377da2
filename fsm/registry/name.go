package registry

import "strings"

// Limits of names (RFC 1035 §2.3.4), in octets.
const (
	MaxLabel = 63
	MaxName  = 253
)

// ValidName says whether name is a host name in lower case without a final dot:
// labels of letters, digits and inner hyphens (RFC 1123 §2.1). Front doors
// refuse other names with a reason; the state machine checks once more, because
// keys and zones depend on it.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !validLabel(label) {
			return false
		}
	}
	return true
}

func validLabel(label string) bool {
	if label == "" || len(label) > MaxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// parent is name without its first label; "" for a single label.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

// below says whether name is a proper subdomain of ancestor.
func below(name, ancestor string) bool {
	return len(name) > len(ancestor)+1 && strings.HasSuffix(name, ancestor) && name[len(name)-len(ancestor)-1] == '.'
}
