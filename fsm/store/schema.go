package store

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Shapes lists the fields of types, and of all types in them, with the numbers
// that they are written under: what a golden file holds still (fsm/DESIGN.md, "Levels").
type Shapes struct {
	listed map[string]string
}

// Add adds a type and all that it is made of, and returns its name.
func (s *Shapes) Add(t reflect.Type) (name string) {
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + s.Add(t.Elem())
	case reflect.Slice:
		return "[]" + s.Add(t.Elem())
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), s.Add(t.Elem()))
	case reflect.Struct:
		name = t.String()
		if _, known := s.listed[name]; !known {
			if s.listed == nil {
				s.listed = map[string]string{}
			}
			s.listed[name] = "" // a type may hold itself
			s.listed[name] = s.fields(t)
		}
		return name
	}
	if kind := t.Kind().String(); kind != t.String() {
		return t.String() + " (" + kind + ")"
	}
	return t.String()
}

func (s *Shapes) fields(t reflect.Type) string {
	var all strings.Builder
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("cbor")
		if tag == "-" {
			continue
		}
		number, options, _ := strings.Cut(tag, ",")
		if options = strings.TrimPrefix(strings.TrimPrefix(options, "keyasint"), ","); options != "" {
			options = " " + options
		}
		fmt.Fprintf(&all, "  %-3s %-14s %s%s%s\n", number, f.Name, s.Add(f.Type), options, sinceText(since(f)))
	}
	return all.String()
}

// String is the listing, by name.
func (s *Shapes) String() string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.listed)) {
		fmt.Fprintf(&all, "type %s\n%s", name, s.listed[name])
	}
	return all.String()
}

// Tables lists the tables that this binary knows, by id, and adds the types of their rows to s.
func (s *Shapes) Tables() string {
	var all strings.Builder
	for _, id := range slices.Sorted(maps.Keys(schemas)) {
		t := schemas[id]
		fmt.Fprintf(&all, "table %-3d %-22s %s%s\n", id, t.name, s.Add(t.row), sinceText(t.since))
	}
	return all.String()
}

func sinceText(l Level) string {
	if l == FirstLevel {
		return ""
	}
	return fmt.Sprintf(" since level %d", l)
}
