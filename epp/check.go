package epp

import (
	"unicode/utf8"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseCheck reads the <check> of an object whose key is in elements called key
// (RFC 5730 §2.9.2.1). problem says why a key can't be had whatever the state
// holds; a badly formed key is unavailable, not an error: it may be one of many.
func parseCheck(e *xmltree.Element, key string, read func(x *schema, e *xmltree.Element) string,
	problem func(string) string, available func(fsm.View, string) registry.Availability) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	elements := q.Repeated(key, 1, 0)
	q.End()
	if len(elements) > MaxCheck {
		x.Refuse(registry.ParameterPolicy, &elements[MaxCheck], "at most %d in one command", MaxCheck)
	}
	keys := make([]string, len(elements))
	for i := range elements {
		keys[i] = read(&x, &elements[i])
	}
	prefix := prefixes[e.Space]
	return action{level: fsm.Session, query: func(v fsm.View, w *writer) *registry.Failure {
		w.Raw(`<`, prefix, `:chkData xmlns:`, prefix, `="`, e.Space, `">`)
		for _, k := range keys {
			a := registry.Availability{Name: k, Reason: problem(k)}
			if a.Reason == "" {
				a = available(v, k)
			}
			w.Raw(`<`, prefix, `:cd><`, prefix, `:`, key, ` avail="`)
			if a.Available {
				w.Raw(`1">`)
			} else {
				w.Raw(`0">`)
			}
			w.Text(k)
			w.Raw(`</`, prefix, `:`, key, `>`)
			if !a.Available {
				w.Element(prefix+":reason", checkReason(a.Reason))
			}
			w.Raw(`</`, prefix, `:cd>`)
		}
		w.Raw(`</`, prefix, `:chkData>`)
		return nil
	}}, x.Failure()
}

// checkReason fits a reason into reasonBaseType: 1 to 32 characters.
func checkReason(reason string) string {
	if n := utf8.RuneCountInString(reason); n == 0 || n > 32 {
		return "Not available by policy"
	}
	return reason
}
