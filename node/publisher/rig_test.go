package publisher

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// rig drives a machine as a log would, and publishes as a leader does.
type rig struct {
	t     testing.TB
	m     *fsm.Machine
	p     *Publisher
	now   registry.Time
	index uint64
	// switched are the zones whose edition was switched.
	switched []string
	// before, if set, sees each of the publisher's commands before it is executed.
	before func(kind registry.Kind, body any)
	after  func()
}

// openSealer keeps keys as they are: these are nobody's.
type openSealer struct{}

func (openSealer) Seal(plain []byte) ([]byte, error)  { return plain, nil }
func (openSealer) Open(sealed []byte) ([]byte, error) { return sealed, nil }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var (
	operator = registry.Actor{Role: registry.RoleOperator, Name: "op"}
	leader   = registry.Actor{Role: registry.RoleNode, Name: "n1"}
	reg1     = registry.Actor{Role: registry.RoleRegistrar, Name: "reg1"}
)

var members = []string{"n1", "n2", "n3"}

// newRig is a cluster with a registrar, at a level.
func newRig(t testing.TB, level registry.Level) *rig {
	t.Helper()
	return newRigAt(t, level, registry.Time(time.Now().UnixMilli())) // programs that judge zones look at the clock
}

// newRigAt is newRig at a log time.
func newRigAt(t testing.TB, level registry.Level, now registry.Time) *rig {
	t.Helper()
	if level > registry.HighestLevel {
		t.Skipf("this binary reads levels up to %d", registry.HighestLevel)
	}
	m, err := fsm.Open(filepath.Join(memory(t), "state.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	r := &rig{t: t, m: m, now: now}
	r.p = New(m.View, openSealer{}, quiet)
	r.must(leader, registry.KindClusterInit, registry.Cluster{Name: "test", Repository: "TEST", Level: 1})
	for _, id := range members {
		r.must(leader, registry.KindPeerPut, registry.Peer{ID: id, Site: id, Address: "192.0.2.1:1"})
	}
	r.raiseTo(level)
	r.must(operator, registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: registry.Registrar{ID: "reg1", Name: "reg1"}})
	r.must(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", Amount: 1 << 42})
	return r
}

// memory is a folder in memory, where the system has one: each command is synced to the disk, and these tests have
// thousands of them and no power cut.
func memory(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "quorate-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func (r *rig) raiseTo(level registry.Level) {
	r.t.Helper()
	var at registry.Level
	for r.view(func(v fsm.View) { at = v.Level() }); at < level; at++ {
		r.must(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: at + 1, Readers: members})
	}
}

func (r *rig) entry(actor registry.Actor, kind registry.Kind, body any) fsm.Entry {
	r.index++
	data := fsm.Encode(registry.Command{
		ID: registry.CommandID{Node: "n1", Epoch: 1, Sequence: r.index}, Lowest: r.index, Actor: actor,
		Kind: kind, Body: store.Encode(body), Needs: registry.LevelOf(kind, body), Salt: binary.BigEndian.AppendUint64(nil, r.index),
	})
	fsm.Stamp(data, r.now)
	return fsm.Entry{Index: r.index, Term: 1, Data: data}
}

func (r *rig) do(actor registry.Actor, kind registry.Kind, body any) registry.Result {
	r.t.Helper()
	out, err := r.m.Apply([]fsm.Entry{r.entry(actor, kind, body)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.switched = append(r.switched, out.Switched...)
	return out.Results[0]
}

func (r *rig) must(actor registry.Actor, kind registry.Kind, body any) {
	r.t.Helper()
	if got := r.do(actor, kind, body); got.Code.Failed() {
		r.t.Fatalf("%T: %v", body, got.Fail)
	}
}

// refused wants a command refused.
func (r *rig) refused(code registry.Code, actor registry.Actor, kind registry.Kind, body any) {
	r.t.Helper()
	if got := r.do(actor, kind, body); got.Code != code {
		r.t.Errorf("%T: %d %v, want %d", body, got.Code, got.Fail, code)
	}
}

// execute is the publisher's way to the log.
func (r *rig) execute(_ context.Context, kind registry.Kind, body any) error {
	if r.before != nil {
		r.before(kind, body)
	}
	got := r.do(leader, kind, body)
	if r.after != nil {
		r.after()
	}
	if got.Fail != nil {
		return got.Fail
	}
	return nil
}

// publish publishes until there is nothing to do.
func (r *rig) publish() {
	r.t.Helper()
	for n := 0; ; n++ {
		more, err := r.p.Once(context.Background(), r.execute)
		if err != nil {
			r.t.Fatal(err)
		}
		if !more {
			return
		}
		if n > 10_000 {
			r.t.Fatal("there is no end to what is to be published")
		}
	}
}

func (r *rig) view(fn func(v fsm.View)) {
	r.t.Helper()
	if err := r.m.View(func(v fsm.View) error { fn(v); return nil }); err != nil {
		r.t.Fatal(err)
	}
}

// advance brings log time on, with a quorum's word.
func (r *rig) advance(by registry.Time) {
	r.t.Helper()
	r.now += by
	var clocks []registry.Clock
	for _, id := range members {
		clocks = append(clocks, registry.Clock{Node: id, Time: r.now})
	}
	r.must(leader, registry.KindTick, registry.Tick{Clocks: clocks})
}

func (r *rig) zone(name string) (z registry.Zone) {
	r.t.Helper()
	r.view(func(v fsm.View) { z, _ = v.Zone(name) })
	return z
}

func tld(name string) registry.TLD {
	return registry.TLD{
		Name: name, Currency: "USD", CreatePrice: 1, RenewPrice: 1, MaxYears: 10, DeleteDelay: registry.Day, AddGrace: registry.Day,
		Reserved:    []string{"nic", "www"},
		Nameservers: []registry.Nameserver{{Name: "ns1.nic." + name, Addresses: [][]byte{{192, 0, 2, 1}}}, {Name: "ns2.elsewhere.test"}},
		SOA:         registry.SOA{MName: "ns1.nic." + name, RName: "hostmaster.nic." + name, Refresh: 900, Retry: 300, Expire: 604800, Minimum: 900},
		TTL:         registry.TTLs{Apex: 3600, Delegation: 7200, Glue: 7200},
	}
}

func (r *rig) open(name string, unsigned bool) {
	r.t.Helper()
	r.must(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: tld(name), Unsigned: unsigned})
}

// fill registers n domains; each third has a host of its own, the others one abroad.
func (r *rig) fill(zone string, n int) {
	r.t.Helper()
	r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	var batch []fsm.Entry
	for i := range n {
		name := fmt.Sprintf("d%d.%s", i, zone)
		batch = append(batch, r.entry(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Hosts: []string{"ns.elsewhere.test"}}))
		if i%3 == 0 {
			host := "ns1." + name
			batch = append(batch, r.entry(reg1, registry.KindHostCreate, registry.HostCreate{Name: host, Addresses: [][]byte{{192, 0, 2, byte(i)}}}),
				r.entry(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddHosts: []string{host}}))
		}
		if len(batch) > 1000 || i == n-1 {
			out, err := r.m.Apply(batch)
			if err != nil {
				r.t.Fatal(err)
			}
			for _, got := range out.Results {
				if got.Code.Failed() {
					r.t.Fatal(got.Fail)
				}
			}
			batch = nil
		}
	}
}
