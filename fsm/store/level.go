package store

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
)

// Level is a form of the replicated state and of the commands that lead to it.
// A state is at one level, and holds nothing that a binary which reads that level doesn't know:
// tables and fields that came later carry the level that brought them, and can't be
// written before the state has been raised to it.
type Level uint16

// FirstLevel is where every state begins.
const FirstLevel Level = 1

// ErrLevel says that a state is at a level that this binary doesn't read.
var ErrLevel = errors.New("a newer binary is needed")

// Beyond is the error about a level that a binary which reads up to highest doesn't read.
func Beyond(level, highest Level) error {
	return fmt.Errorf("%w: one that reads cluster level %d; this one reads up to level %d (quorate --version)", ErrLevel, level, highest)
}

// sinceTag is the struct tag of fields that came after FirstLevel: `since:"2"`.
const sinceTag = "since"

// since is the level that brought a field.
func since(f reflect.StructField) Level {
	text, ok := f.Tag.Lookup(sinceTag)
	if !ok {
		return FirstLevel
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || Level(n) <= FirstLevel {
		panic(fmt.Sprintf("field %s: since is no level above %d: %q", f.Name, FirstLevel, text))
	}
	return Level(n)
}

// shape is what levels have to do with a type: each command is looked at, and tags aren't to be read each time.
type shape struct {
	newest Level   // of the newest field that a value can hold
	since  []Level // of a struct's fields
}

// shapes are the types that were looked at.
var shapes sync.Map // of reflect.Type to *shape

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{newest: FirstLevel}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		s.newest = shapeOf(t.Elem()).newest
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			s.since = append(s.since, since(f))
			s.newest = max(s.newest, s.since[i], shapeOf(f.Type).newest)
		}
	}
	shapes.Store(t, s)
	return s
}

// newest is the level of the newest field that a value of type t can hold.
func newest(t reflect.Type) Level { return shapeOf(t).newest }

// HasLate says whether a value of type T can hold a field that came after FirstLevel: of others LevelOf need not be asked.
func HasLate[T any]() bool { return newest(reflect.TypeFor[T]()) > FirstLevel }

// LevelOf is the least level at which v may be written: that of the newest field which it has set.
func LevelOf(v any) Level {
	r := reflect.ValueOf(v)
	if !r.IsValid() {
		return FirstLevel
	}
	return levelOf(r)
}

func levelOf(v reflect.Value) Level {
	level := FirstLevel
	s := shapeOf(v.Type())
	if s.newest == FirstLevel {
		return level
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			level = levelOf(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			level = max(level, levelOf(v.Index(i)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				level = max(level, s.since[i], levelOf(f))
			}
		}
	}
	return level
}
