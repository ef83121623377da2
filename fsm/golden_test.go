package fsm_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"quorate/fsm"
)

var update = flag.Bool("update", false, "write golden files anew: only for a new form, never to make a test pass")

// Old logs must always lead to the states that they once led to: a node that
// is upgraded replays them, next to nodes that applied them long ago.
func TestGoldenLog(t *testing.T) {
	t.Parallel()
	const logFile, stateFile = "testdata/golden/form1.log", "testdata/golden/form1.state"
	if *update {
		r := randomHistory(t, 2026, 220)
		r.publish("example")
		pos, err := r.m.Position()
		if err != nil {
			t.Fatal(err)
		}
		write(t, logFile, string(packEntries(r.entries)))
		write(t, stateFile, fmt.Sprintf("%d %s\n", pos.Index, pos.Digest))
	}
	packed, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(stateFile)
	if err != nil {
		t.Fatal(err)
	}
	m := openMachine(t)
	entries := unpackEntries(packed)
	if len(entries) < 200 {
		t.Fatalf("the golden log has only %d entries", len(entries))
	}
	if _, err := m.Apply(entries); err != nil {
		t.Fatal(err)
	}
	pos, err := m.Position()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d %s", pos.Index, pos.Digest); got != strings.TrimSpace(string(want)) {
		t.Errorf("the old log leads to %s, it once led to %s", got, want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A packed log is a length of four octets before each entry.
func packEntries(all []fsm.Entry) (b []byte) {
	for _, e := range all {
		b = binary.BigEndian.AppendUint32(b, uint32(len(e.Data)))
		b = append(b, e.Data...)
	}
	return b
}

func unpackEntries(b []byte) (all []fsm.Entry) {
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		all = append(all, fsm.Entry{Index: uint64(len(all) + 1), Term: 1, Data: b[4 : 4+n]})
		b = b[4+n:]
	}
	return all
}
