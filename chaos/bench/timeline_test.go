package bench

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

const survivorLog = `time=2026-01-02T03:04:05.900Z level=WARN msg="raft: heartbeat timeout reached, starting election" last-leader-id=site3
time=2026-01-02T03:04:06.400Z level=WARN msg="raft: heartbeat timeout reached, starting election" last-leader-id=site1
not a line of the log's
time=2026-01-02T03:04:06.600Z level=DEBUG msg="raft: pre-vote successful, starting election" term=4
time=2026-01-02T03:04:06.950Z level=DEBUG msg="raft: pre-vote successful, starting election" term=5
`

const winnerLog = `time=2026-01-02T03:04:06.300Z level=WARN msg="raft: heartbeat timeout reached, starting election" last-leader-id=site1
time=2026-01-02T03:04:07.040Z level=DEBUG msg="raft: election won" term=5 tally=2
time=2026-01-02T03:04:09.000Z level=DEBUG msg="raft: election won" term=6 tally=2
`

func TestTimeline(t *testing.T) {
	t.Parallel()
	at := func(offset time.Duration) time.Time {
		return time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC).Add(offset)
	}
	read := func(logs ...string) timeline {
		var readers []io.Reader
		for _, l := range logs {
			readers = append(readers, strings.NewReader(l))
		}
		return readTimeline(Kill.phases(), readers, at(0), at(1500*time.Millisecond))
	}
	want := []time.Duration{300, 650, 90, 460}
	for i := range want {
		want[i] *= time.Millisecond
	}
	for _, logs := range [][]string{{survivorLog, winnerLog}, {winnerLog, survivorLog}} {
		got, ok := read(logs...).durations(at(0), at(1500*time.Millisecond))
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, ok, want)
		}
	}
	if got, ok := read(survivorLog).durations(at(0), at(1500*time.Millisecond)); ok {
		t.Errorf("of a log without a winner: %v", got)
	}
	if got, ok := read(survivorLog, winnerLog).durations(at(0), at(time.Second)); ok {
		t.Errorf("of an answer before the election: %v", got)
	}
}
