package fsm_test

import (
	"encoding/binary"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// rig drives a machine as a log would.
type rig struct {
	t       testing.TB
	m       *fsm.Machine
	now     registry.Time
	index   uint64
	seq     uint64
	entries []fsm.Entry // all that were applied
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return &rig{t: t, m: openMachine(t), now: registry.DateOf(2026, 1, 1)}
}

func openMachine(t testing.TB) *fsm.Machine { return openAs(t, registry.HighestLevel) }

// openAs opens a machine as a binary does that reads up to a level.
func openAs(t testing.TB, highest registry.Level) *fsm.Machine {
	t.Helper()
	m, err := fsm.OpenAs(filepath.Join(t.TempDir(), "state.db"), highest, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// do executes a new command.
func (r *rig) do(actor registry.Actor, kind registry.Kind, body any) registry.Result {
	r.t.Helper()
	return r.commit(r.command(actor, kind, body)).Results[0]
}

func (r *rig) command(actor registry.Actor, kind registry.Kind, body any) registry.Command {
	r.seq++
	return registry.Command{
		ID: registry.CommandID{Node: "n1", Epoch: 1, Sequence: r.seq}, Lowest: r.seq, Actor: actor,
		Kind: kind, Body: store.Encode(body), Needs: registry.LevelOf(kind, body), Salt: binary.BigEndian.AppendUint64(nil, r.seq), ClTRID: "ABC-1",
	}
}

// commit applies commands as one batch, stamped with the present time.
func (r *rig) commit(commands ...registry.Command) fsm.Outcome {
	r.t.Helper()
	var batch []fsm.Entry
	for _, c := range commands {
		data := fsm.Encode(c)
		fsm.Stamp(data, r.now)
		r.index++
		batch = append(batch, fsm.Entry{Index: r.index, Term: 1, Data: data})
	}
	r.entries = append(r.entries, batch...)
	out, err := r.m.Apply(batch)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) view(fn func(v fsm.View)) {
	r.t.Helper()
	if err := r.m.View(func(v fsm.View) error { fn(v); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

var operator = registry.Actor{Role: registry.RoleOperator, Name: "op"}

func registrar(id string) registry.Actor {
	return registry.Actor{Role: registry.RoleRegistrar, Name: id}
}

func node(id string) registry.Actor { return registry.Actor{Role: registry.RoleNode, Name: id} }

// members are the nodes of the rig's cluster.
var members = []string{"n1", "n2", "n3"}

// clocks are the clocks of nodes that all show now.
func clocks(now registry.Time, nodes ...string) (all []registry.Clock) {
	for _, id := range nodes {
		all = append(all, registry.Clock{Node: id, Time: now})
	}
	return all
}

// advance brings the clocks of all nodes to a time. The cluster agrees on the
// second before it, so that what is due at that very time is left to the next command.
func (r *rig) advance(to registry.Time) {
	r.t.Helper()
	if r.index > 0 {
		r.now = to - registry.Second
		r.must(r.do(node("n1"), registry.KindTick, registry.Tick{Clocks: clocks(r.now, members...)}))
	}
	r.now = to
}

// policy opens a thick TLD and registrars with money.
func (r *rig) policy(tld string, deposit int64, registrars ...string) {
	r.t.Helper()
	r.must(r.do(node("n1"), registry.KindClusterInit, registry.Cluster{Name: "test", Repository: "TEST", Level: 1}))
	for _, id := range members {
		r.must(r.do(node("n1"), registry.KindPeerPut, registry.Peer{ID: id, Site: id, Address: "192.0.2.1:1"}))
	}
	var level registry.Level
	r.view(func(v fsm.View) { level = v.Level() })
	r.must(r.do(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: defaultTLD(tld), Unsigned: level >= 3})) // signing is node/publisher's
	for _, id := range registrars {
		r.must(r.do(operator, registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: id, Name: id}}))
		r.must(r.do(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: id, Currency: "USD", Amount: deposit}))
	}
}

func (r *rig) level() (l registry.Level) {
	r.view(func(v fsm.View) { l = v.Level() })
	return l
}

// raise brings the cluster to the level after its own.
func (r *rig) raise() {
	r.t.Helper()
	var at registry.Level
	r.view(func(v fsm.View) { at = v.Level() })
	r.must(r.do(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: at + 1, Readers: members}))
}

// raiseTo brings the cluster to a level; the test is skipped if this binary doesn't read it.
func (r *rig) raiseTo(to registry.Level) {
	r.t.Helper()
	if to > registry.HighestLevel {
		r.t.Skipf("this binary reads levels up to %d", registry.HighestLevel)
	}
	for at := registry.FirstLevel; at < to; {
		r.view(func(v fsm.View) { at = v.Level() })
		if at < to {
			r.raise()
		}
	}
}

func defaultTLD(name string) registry.TLD {
	return registry.TLD{
		Name: name, Thick: true, Currency: "USD", CreatePrice: 800, RenewPrice: 900, MaxYears: 10,
		AddGrace: 5 * registry.Day, RenewGrace: 5 * registry.Day, AutoRenewGrace: 45 * registry.Day, DeleteDelay: 35 * registry.Day,
		Reserved:    []string{"nic", "www"},
		Nameservers: []registry.Nameserver{{Name: "ns1.nic." + name, Addresses: [][]byte{{192, 0, 2, 1}}}, {Name: "ns2.elsewhere.test"}},
		SOA:         registry.SOA{MName: "ns1.nic." + name, RName: "hostmaster.nic." + name, Refresh: 900, Retry: 300, Expire: 1209600, Minimum: 900},
		TTL:         registry.TTLs{Apex: 3600, Delegation: 3600, Glue: 3600},
	}
}

func (r *rig) must(got registry.Result) registry.Result {
	r.t.Helper()
	if got.Code.Failed() {
		r.t.Fatalf("%v", got.Fail)
	}
	return got
}

// publish does the publisher's work once for a zone, and returns its serial.
func (r *rig) publish(zone string) (serial uint32) {
	r.t.Helper()
	var p registry.Publication
	var some bool
	r.view(func(v fsm.View) {
		z, _ := v.Zone(zone)
		serial = z.Serial
		p, some = v.Publish(zone, v.Index(), 1000)
	})
	if !some {
		return serial
	}
	r.must(r.do(node("n1"), registry.KindPublishZone, p))
	return p.Serial
}
