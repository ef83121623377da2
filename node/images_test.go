package node

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quorate/dnsserve"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/node/config"
)

// feedReplica is a state machine with one TLD, whose zone is published step by step.
type feedReplica struct {
	t       *testing.T
	machine *fsm.Machine
	index   uint64
}

func newFeedReplica(t *testing.T) *feedReplica {
	m, err := fsm.Open(filepath.Join(t.TempDir(), "state.db"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	r := &feedReplica{t: t, machine: m}
	r.do(registry.RoleOperator, registry.KindTLDCreate, registry.TLDCreate{TLD: registry.TLD{
		Name: "example", Thick: true, Currency: "EUR", CreatePrice: 800, RenewPrice: 700, MaxYears: 10,
		AddGrace: 5 * registry.Day, RenewGrace: 5 * registry.Day, AutoRenewGrace: 45 * registry.Day, DeleteDelay: 35 * registry.Day,
		Nameservers: []registry.Nameserver{{Name: "ns1.nic.example", Addresses: [][]byte{netip.MustParseAddr("192.0.2.1").AsSlice()}}},
		SOA:         registry.SOA{MName: "ns1.nic.example", RName: "hostmaster.nic.example", Refresh: 900, Retry: 300, Expire: 604800, Minimum: 300},
		TTL:         registry.TTLs{Apex: 3600, Delegation: 3600, Glue: 3600},
	}, Serial: 1})
	r.step(0)
	return r
}

func (r *feedReplica) do(role registry.Role, kind registry.Kind, body any) fsm.Outcome {
	r.t.Helper()
	r.index++
	entry := fsm.Encode(registry.Command{
		ID: registry.CommandID{Node: "n1", Epoch: 1, Sequence: r.index}, Lowest: r.index, Actor: registry.Actor{Role: role, Name: "n1"}, Salt: []byte("salt"),
		Kind: kind, Body: store.Encode(body), Needs: registry.LevelOf(kind, body),
	})
	fsm.Stamp(entry, registry.DateOf(2026, 1, 2)+registry.Time(r.index)*registry.Second)
	out, err := r.machine.Apply([]fsm.Entry{{Index: r.index, Term: 1, Data: entry}})
	if err != nil {
		r.t.Fatal(err)
	}
	if result := out.Results[0]; result.Code.Failed() {
		r.t.Fatalf("command of kind %d: %v", kind, result.Fail)
	}
	return out
}

// step publishes: the zone as it is if n is 0, else with the n-th name at the apex of the TLD's own.
func (r *feedReplica) step(n int) []registry.Publication {
	r.t.Helper()
	var p registry.Publication
	if err := r.machine.View(func(v fsm.View) error {
		if n == 0 {
			p, _ = v.Publish("example", r.index, 100)
			return nil
		}
		z, _ := v.Zone("example")
		p = registry.Publication{Zone: "example", From: r.index, Base: z.Serial, Serial: z.Serial + 1}
		v.ZoneRRsets("example", func(s registry.RRset) bool {
			if s.Type == 6 {
				p.Removed = append(p.Removed, s)
				rd := slices.Clone(s.Data[0])
				at := len(rd) - 20
				rd[at], rd[at+1], rd[at+2], rd[at+3] = byte(p.Serial>>24), byte(p.Serial>>16), byte(p.Serial>>8), byte(p.Serial)
				s.Data = [][]byte{rd}
				p.Added = append(p.Added, s)
			}
			return true
		})
		p.Added = append(p.Added, registry.RRset{Owner: fmt.Sprintf("n%d.example", n), Type: 2, TTL: 60, Data: [][]byte{{2, 'n', 's', 0}}})
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	return r.do(registry.RoleNode, registry.KindPublishZone, p).Published
}

func (r *feedReplica) serial() (serial uint32) {
	_ = r.machine.View(func(v fsm.View) error {
		z, _ := v.Zone("example")
		serial = z.Serial
		return nil
	})
	return serial
}

// feed opens the images in a folder, as a node does when it starts, and returns what it says.
func (r *feedReplica) feed(folder string) (*zoneFeed, *strings.Builder) {
	var said strings.Builder
	f := &zoneFeed{machine: r.machine, log: slog.New(slog.NewTextHandler(&said, nil))}
	openImages(config.Config{Cluster: "test", Data: folder}, f)
	f.loadMissing()
	f.catchUp()
	return f, &said
}

// TestImagesFollowTheState: an image is used as it is, brought up to date from the journal, or made anew, and one that is
// ahead of the state is served until the log is there.
func TestImagesFollowTheState(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := newFeedReplica(t)
	serves := func(f *zoneFeed, want uint32) {
		t.Helper()
		if serial, ok := f.served.Serial("example."); !ok || serial != want {
			t.Fatalf("serves serial %d, %v; want %d", serial, ok, want)
		}
	}
	f, _ := r.feed(folder)
	first := r.serial()
	serves(f, first)
	f.applied(fsm.Outcome{Published: r.step(1)})
	serves(f, first+1)

	again, said := r.feed(folder)
	serves(again, first+1)
	if said.Len() > 0 {
		t.Errorf("an image that is what the state has is touched:\n%s", said)
	}
	r.step(2)
	r.step(3)
	again, said = r.feed(folder)
	serves(again, first+3)
	if said.Len() > 0 {
		t.Errorf("an image is not brought up to date from the journal:\n%s", said)
	}
	again.applied(fsm.Outcome{Published: r.step(4)})
	serves(again, first+4)

	// Another replica of the same history is two publications behind.
	late := newFeedReplica(t)
	late.step(1)
	late.step(2)
	behind, _ := late.feed(folder)
	serves(behind, first+4)
	behind.applied(fsm.Outcome{Published: late.step(3)})
	behind.applied(fsm.Outcome{Published: late.step(4)})
	serves(behind, first+4)
	behind.applied(fsm.Outcome{Published: late.step(5)})
	serves(behind, first+5)
	// Its state is replaced by one that is older than the image: the state rules.
	other := newFeedReplica(t)
	behind.machine = other.machine
	behind.loadAll()
	serves(behind, first)

	if err := behind.served.Close(); err != nil {
		t.Fatal(err)
	}
	// A zone that the state doesn't have isn't served.
	if err := behind.served.Load("gone.", 1, func(yield func(dnsserve.RRset, error) bool) {
		yield(dnsserve.RRset{Owner: "gone.", Type: 6, TTL: 60, RData: [][]byte{append([]byte{0, 0, 0, 0, 0, 1}, make([]byte, 16)...)}}, nil)
	}); err != nil {
		t.Fatal(err)
	}
	again, _ = other.feed(folder)
	if all := again.served.Origins(); !slices.Equal(all, []string{"example."}) {
		t.Errorf("serves %v", all)
	}
}
