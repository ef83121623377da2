package fsm_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

var golden = flag.String("golden", "", "write this golden `file` (level3, level3.db, schema) anew: only for a new level, never to make a test pass")

// goldens are the histories whose logs and states are kept. What a file holds was written by the
// release that brought its level, and stays as it is for ever.
var goldens = []struct {
	name  string
	level registry.Level
	live  func(t *testing.T) *rig
}{
	{"form1", 1, func(t *testing.T) *rig {
		r := randomHistory(t, 2026, 220)
		r.publish("example")
		return r
	}},
	{"level2", 2, func(t *testing.T) *rig {
		r := randomHistory(t, 2027, 120)
		again := r.command(operator, registry.KindLedgerAudit, registry.LedgerAudit{})
		r.commit(again) // too early
		r.do(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: 2, Readers: members[:2]})
		r.raise()
		r.must(r.commit(again).Results[0])
		r.live(t, rand.New(rand.NewPCG(2027, 1)), 2027, 120)
		r.publish("example")
		return r
	}},
	{"level3", 3, func(t *testing.T) *rig {
		r := randomHistory(t, 2029, 120)
		r.raiseTo(3)
		r.live(t, rand.New(rand.NewPCG(2029, 1)), 2029, 240)
		r.publish("example")
		return r
	}},
}

func goldenFile(name string) string { return filepath.Join("testdata", "golden", name) }

// Old logs must always lead to the states that they once led to: a node that
// is upgraded replays them, next to nodes that applied them long ago.
func TestGoldenLog(t *testing.T) {
	t.Parallel()
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			if *golden == g.name {
				r := g.live(t)
				write(t, g.name+".log", packEntries(r.entries))
				write(t, g.name+".state", []byte(position(t, r.m)+"\n"))
			}
			m := openMachine(t)
			entries := unpackEntries(read(t, g.name+".log"))
			if len(entries) < 200 {
				t.Fatalf("the golden log has only %d entries", len(entries))
			}
			_, err := m.Apply(entries)
			if g.level > registry.HighestLevel {
				if !errors.Is(err, store.ErrLevel) {
					t.Fatalf("a log of level %d: %v, want ErrLevel", g.level, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := position(t, m), strings.TrimSpace(string(read(t, g.name+".state"))); got != want {
				t.Errorf("the old log leads to %s, it once led to %s", got, want)
			}
			if err := m.Verify(); err != nil {
				t.Error(err)
			}
			if *golden == g.name || *golden == g.name+".db" {
				writeState(t, g.name, m)
			}
		})
	}
}

// Old state files, as they travel between nodes, are read and gone on from; those above this binary's level are refused.
func TestGoldenStateFile(t *testing.T) {
	t.Parallel()
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			unpack, err := gzip.NewReader(bytes.NewReader(read(t, g.name+".db.gz")))
			if err != nil {
				t.Fatal(err)
			}
			m := openMachine(t)
			err = m.Restore(unpack)
			if g.level > registry.HighestLevel {
				if pos, _ := m.Position(); !errors.Is(err, store.ErrLevel) || pos.Index != 0 {
					t.Fatalf("a state of level %d: %v, want ErrLevel; it is at entry %d now", g.level, err, pos.Index)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Verify(); err != nil {
				t.Error(err)
			}
			if got, want := position(t, m), strings.TrimSpace(string(read(t, g.name+".state"))); got != want {
				t.Errorf("the old state is at %s, it once was at %s", got, want)
			}
			pos, err := m.Position()
			if err != nil || pos.Level() != g.level {
				t.Fatalf("it is at level %d: %v", pos.Level(), err)
			}
			r := &rig{t: t, m: m, index: pos.Index, seq: 1 << 32}
			r.view(func(v fsm.View) { r.now = v.Now() + registry.Second })
			for at := g.level; at < registry.HighestLevel; at++ {
				r.raise()
			}
			r.must(r.do(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", Amount: 10_000}))
			r.live(t, rand.New(rand.NewPCG(1, 1)), 1, 60)
			if err := m.Verify(); err != nil {
				t.Error(err)
			}
		})
	}
}

func position(t *testing.T, m *fsm.Machine) string {
	t.Helper()
	pos, err := m.Position()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", pos.Index, pos.Digest)
}

// writeState writes a state file, as it travels between nodes.
func writeState(t *testing.T, name string, m *fsm.Machine) {
	t.Helper()
	e, err := m.Export()
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = e.WriteTo(z)
	}
	if err := errors.Join(err, z.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	write(t, name+".db.gz", packed.Bytes())
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(goldenFile(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(goldenFile(name), content, 0o644); err != nil {
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
