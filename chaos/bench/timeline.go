package bench

import (
	"bufio"
	"io"
	"strings"
	"time"
)

// phase is a part of a failover, as the nodes' logs tell it. Raft's own lines are logged at debug.
type phase struct {
	name string // what the time up to the line went into, from the line before
	line string // part of it
}

// The last line of all timelines: from then on commands can be committed again.
const electionWon = "raft: election won"

// phases are what a failover is made of: followers must miss a leader that says nothing, but one whose disk hangs notices itself.
func (x Trouble) phases() []phase {
	if x == Stall {
		return []phase{{"the leader notices", "the disk is stalled"}, {"votes", electionWon}}
	}
	return []phase{
		{"the leader is missed", "heartbeat timeout reached, starting election"},
		{"a majority misses it", "pre-vote successful, starting election"},
		{"votes", electionWon},
	}
}

// lastPhase follows those of the logs: until the client has its answer.
const lastPhase = "the new leader's first entries, the command, and its answer"

// timeline is when each of the phases was over; zero for one that the logs don't tell.
type timeline []time.Time

// readTimeline finds when each phase was over after a moment, in the logs of all sites: the first phase when the first site says so; from
// then on it is the last one that counts, for elections may fail.
func readTimeline(phases []phase, logs []io.Reader, after, before time.Time) timeline {
	t := make(timeline, len(phases))
	for _, log := range logs {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			at, ok := lineTime(lines.Text())
			if !ok || at.Before(after) || at.After(before) {
				continue
			}
			for i, p := range phases {
				if strings.Contains(lines.Text(), p.line) && (t[i].IsZero() || i > 0 && at.After(t[i]) || i == 0 && at.Before(t[i])) {
					t[i] = at
				}
			}
		}
	}
	return t
}

// lineTime is the time of a line of a node's log in text form.
func lineTime(line string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(line, "time=")
	text, _, found := strings.Cut(rest, " ")
	if !ok || !found {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

// durations are how long each phase took, the last one included; ok is false when the logs leave one out or have them in another order.
func (t timeline) durations(began, answered time.Time) (all []time.Duration, ok bool) {
	last := began
	for _, at := range append(append(timeline(nil), t...), answered) {
		if at.Before(last) {
			return nil, false
		}
		all = append(all, at.Sub(last))
		last = at
	}
	return all, true
}
