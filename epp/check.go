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
	q := x.sequence(e)
	elements := q.repeated(key, 1, 0)
	q.end()
	if len(elements) > MaxCheck {
		x.refuse(registry.ParameterPolicy, &elements[MaxCheck], "at most %d in one command", MaxCheck)
	}
	keys := make([]string, len(elements))
	for i := range elements {
		keys[i] = read(&x, &elements[i])
	}
	prefix := prefixes[e.Space]
	return action{level: fsm.Session, query: func(v fsm.View, w *writer) *registry.Failure {
		w.raw(`<`, prefix, `:chkData xmlns:`, prefix, `="`, e.Space, `">`)
		for _, k := range keys {
			a := registry.Availability{Name: k, Reason: problem(k)}
			if a.Reason == "" {
				a = available(v, k)
			}
			w.raw(`<`, prefix, `:cd><`, prefix, `:`, key, ` avail="`)
			if a.Available {
				w.raw(`1">`)
			} else {
				w.raw(`0">`)
			}
			w.text(k)
			w.raw(`</`, prefix, `:`, key, `>`)
			if !a.Available {
				w.element(prefix+":reason", checkReason(a.Reason))
			}
			w.raw(`</`, prefix, `:cd>`)
		}
		w.raw(`</`, prefix, `:chkData>`)
		return nil
	}}, x.failure()
}

// checkReason fits a reason into reasonBaseType: 1 to 32 characters.
func checkReason(reason string) string {
	if n := utf8.RuneCountInString(reason); n == 0 || n > 32 {
		return "Not available by policy"
	}
	return reason
}
