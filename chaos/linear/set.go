package linear

import (
	"slices"
	"strings"
)

// Set is a set of words, sorted and separated by spaces, so that sets can be compared with ==.
type Set string

// NewSet is the set of these words.
func NewSet(words ...string) Set {
	words = slices.Clone(words)
	slices.Sort(words)
	return Set(strings.Join(slices.Compact(words), " "))
}

func (s Set) words() []string { return strings.Fields(string(s)) }

func (s Set) has(word string) bool { return slices.Contains(s.words(), word) }

// plus adds words; ok is false if one is there already.
func (s Set) plus(more Set) (sum Set, ok bool) {
	if more == "" {
		return s, true
	}
	words := s.words()
	for _, w := range more.words() {
		if slices.Contains(words, w) {
			return s, false
		}
		words = append(words, w)
	}
	return NewSet(words...), true
}

// minus removes words; ok is false if one isn't there.
func (s Set) minus(less Set) (rest Set, ok bool) {
	words := s.words()
	for _, w := range less.words() {
		at := slices.Index(words, w)
		if at < 0 {
			return s, false
		}
		words = slices.Delete(words, at, at+1)
	}
	return NewSet(words...), true
}
