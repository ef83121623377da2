package rdds

import (
	"strconv"
	"strings"
	"sync"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Sponsor is the registrar with this clID. Objects that the registry made for itself are sponsored by an
// operator, who has no row among the registrars: they are shown by name alone.
func Sponsor(v fsm.View, clID string) registry.Registrar {
	if r, ok := v.Registrar(clID); ok {
		return r
	}
	return registry.Registrar{ID: clID, Name: clID}
}

// Registrars finds registrars by what people call them. The zero value is ready for use, by several
// goroutines.
type Registrars struct {
	mu    sync.Mutex
	built registry.Time
	names map[string]string // folded name → clID; nil before the first use
}

// Find returns the registrar with this IANA Registrar ID, clID or name, tried in that order. Names are
// compared without regard to case and runs of white space; of two registrars with one name the first by
// clID is found. A new name can be found within a second of log time.
func (r *Registrars) Find(v fsm.View, text string) (registry.Registrar, bool) {
	if len(text) > MaxRegistrarName {
		return registry.Registrar{}, false
	}
	if id, err := strconv.ParseUint(text, 10, 32); err == nil && id > 0 {
		if found, ok := v.RegistrarByIANA(uint32(id)); ok {
			return found, true
		}
	}
	if found, ok := v.Registrar(text); ok {
		return found, true
	}
	clID, ok := r.byName(v, fold(text))
	if !ok {
		return registry.Registrar{}, false
	}
	found, ok := v.Registrar(clID)
	return found, ok && fold(found.Name) == fold(text)
}

// byName looks a folded name up in the index, which it first brings up to date.
func (r *Registrars) byName(v fsm.View, name string) (clID string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := v.Now()
	if r.names == nil || now < r.built || now-r.built >= namesAge {
		r.names, r.built = make(map[string]string), now
		for _, registrar := range v.Registrars() {
			if n := fold(registrar.Name); n != "" && r.names[n] == "" {
				r.names[n] = registrar.ID
			}
		}
	}
	clID, ok = r.names[name]
	return clID, ok
}

func fold(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
