// Package faults makes trouble for one real node, for tests of what a registry
// does then: a disk that hangs, is slow or full, and a clock that is wrong. The
// trouble is a text file in the node's data folder, which may change while the node runs.
// A binary heeds it only if it was built with the tag "faults"; without it
// Enabled is false, and nothing of it is ever started.
//
// The file is called "faults". It is looked at every 20 ms; no file, or an empty
// one, is no trouble. Write it under another name and rename it, so that it is never
// seen in part. A file that can't be read as this changes nothing and is logged:
//
//	disk stall            durable writes hang until that is lifted
//	disk slow 200ms       each takes so much longer
//	disk full             each fails for want of space
//	disk stall log        the same for raft's log and votes only
//	disk slow 1s state    or for the registry's state only
//	clock +8760h          the node's clock is a year ahead
//	clock -10s            or ten seconds behind
//
// A store has one trouble at a time, and the clock one offset.
package faults

import (
	"fmt"
	"strings"
	"time"
)

// FileName is the name of the file of trouble, in a node's data folder.
const FileName = "faults"

// Disk is what is wrong with durable writes to one store. The zero Disk is well.
type Disk struct {
	Stall bool          // they hang
	Full  bool          // they fail for want of space
	Slow  time.Duration // they take so much longer
}

// Trouble is all that is wrong with a node. The zero Trouble is none.
type Trouble struct {
	Log   Disk          // of raft's log and votes
	State Disk          // of the registry's state
	Clock time.Duration // added to the node's clock
}

// Parse reads a file of trouble, strictly: a line that it doesn't know, or that
// says something about a store or the clock a second time, is an error.
func Parse(text []byte) (t Trouble, err error) {
	if len(text) > maxFile {
		return Trouble{}, fmt.Errorf("%d octets, at most %d are allowed", len(text), maxFile)
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "disk":
			err = t.disk(words[1:])
		case "clock":
			err = t.clock(words[1:])
		default:
			err = fmt.Errorf("%q is neither disk nor clock", words[0])
		}
		if err != nil {
			return Trouble{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return t, nil
}

func (t *Trouble) disk(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("what is wrong with the disk?")
	}
	var d Disk
	switch kind := words[0]; kind {
	case "stall":
		d.Stall = true
	case "full":
		d.Full = true
	case "slow":
		if len(words) < 2 {
			return fmt.Errorf("how slow?")
		}
		var err error
		if d.Slow, err = time.ParseDuration(words[1]); err != nil || d.Slow <= 0 || d.Slow > maxSlow {
			return fmt.Errorf("%q is no duration above 0 and up to %v", words[1], maxSlow)
		}
		words = words[1:]
	default:
		return fmt.Errorf("%q is neither stall, slow nor full", kind)
	}
	stores, ok := map[string][]*Disk{"": {&t.Log, &t.State}, "log": {&t.Log}, "state": {&t.State}}[strings.Join(words[1:], " ")]
	if !ok {
		return fmt.Errorf("%q is neither log nor state", words[1:])
	}
	for _, s := range stores {
		if *s != (Disk{}) {
			return fmt.Errorf("a store has two troubles")
		}
		*s = d
	}
	return nil
}

func (t *Trouble) clock(words []string) error {
	if len(words) != 1 || !strings.HasPrefix(words[0], "+") && !strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("a clock has one offset, with its sign")
	}
	d, err := time.ParseDuration(words[0])
	if err != nil || d == 0 || d.Abs() > maxOffset {
		return fmt.Errorf("%q is no offset other than 0 and up to %v", words[0], maxOffset)
	}
	if t.Clock != 0 {
		return fmt.Errorf("the clock has two offsets")
	}
	t.Clock = d
	return nil
}
