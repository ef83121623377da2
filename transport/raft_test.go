package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

func TestRaftStreamEchoes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	if got := a.Raft().Addr().String(); got != "a" {
		t.Errorf("the layer's address is %q, want the node id", got)
	}
	go func() {
		for {
			conn, err := b.Raft().Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	var streams sync.WaitGroup
	for range 8 {
		streams.Go(func() {
			conn, err := a.Raft().Dial("b", patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if conn.LocalAddr().String() != "a" || conn.RemoteAddr().String() != "b" {
				t.Errorf("a stream from %s to %s", conn.LocalAddr(), conn.RemoteAddr())
			}
			for _, size := range []int{1, 100, 300_000} {
				want, got := pattern(size), make([]byte, size)
				var writer sync.WaitGroup
				writer.Go(func() {
					if _, err := conn.Write(want); err != nil {
						t.Error(err)
					}
				})
				if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes did not come back: %v", size, err)
				}
				writer.Wait()
			}
		})
	}
	streams.Wait()
	if dials := a.Stats().Dials; dials != 1 {
		t.Errorf("%d connections for 8 streams, want 1", dials)
	}
}

func TestRaftStreamCloseIsSeenAsEOF(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	out, in := raftPair(t, a, b)
	if _, err := out.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(in); err != nil || string(got) != "last words" {
		t.Errorf("the other side reads %q, %v", got, err)
	}
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("a closed stream can be read")
	}
}

// raftPair is one raft stream from a to b, both ends; its first byte is spent on making it visible.
func raftPair(t *testing.T, a, b *node) (out, in net.Conn) {
	t.Helper()
	out, err := a.Raft().Dial(raft.ServerAddress(b.id), patience)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	in, err = b.Raft().Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return out, in
}

// A time-out on one stream must end the connection for all, in reading and in writing, and the next Dial must make a new one.
func TestRaftTimeoutClosesTheConnection(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(net.Conn) error{
		"read": func(conn net.Conn) error {
			conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			_, err := conn.Read(make([]byte, 1))
			return err
		},
		"write": func(conn net.Conn) error {
			conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			_, err := conn.Write(make([]byte, 2*maxStreamWindow)) // nobody reads
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			a, b := c.start("a", nil), c.start("b", nil)
			slow, _ := raftPair(t, a, b)
			other, otherIn := raftPair(t, a, b)
			if err := use(slow); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("want a time-out, got %v", err)
			}
			for _, conn := range []net.Conn{other, otherIn} {
				conn.SetReadDeadline(time.Now().Add(patience))
				_, err := conn.Read(make([]byte, 1))
				if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the other stream is not ended but %v", err)
				}
			}
			again, in := raftPair(t, a, b)
			again.Close()
			in.Close()
			if dials := a.Stats().Dials; dials != 2 {
				t.Errorf("%d dials, want 2", dials)
			}
		})
	}
}

func TestRaftLayerCloses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	a.mustEcho(t, "b")
	out, _ := raftPair(t, a, b)
	if err := b.Raft().Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Raft().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if _, err := b.Raft().Dial("a", patience); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial after Close: %v", err)
	}
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("the stream survived")
	}
	late, err := a.Raft().Dial("b", patience)
	if err != nil {
		t.Fatal(err)
	}
	late.Write([]byte{0})
	if _, err := late.Read(make([]byte, 1)); err == nil {
		t.Error("a stream was served after Close")
	}
	a.mustEcho(t, "b") // the rest of the transport goes on
}

func TestRaftStreamsAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	for range maxRaftStreamsPerPeer {
		raftPair(t, a, b)
	}
	extra, err := a.Raft().Dial("b", patience)
	if err != nil {
		t.Fatal(err)
	}
	extra.Write([]byte{0})
	if _, err := extra.Read(make([]byte, 1)); err == nil {
		t.Error("one stream too many is served")
	}
	if b.Stats().Busy != 1 {
		t.Errorf("busy is %d, want 1", b.Stats().Busy)
	}
}

// journal is a raft.FSM that keeps what it applies.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) Apply(entry *raft.Log) any {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, string(entry.Data))
	return len(j.entries)
}

func (j *journal) list() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

func (j *journal) Snapshot() (raft.FSMSnapshot, error) {
	return nil, errors.New("no snapshots in this test")
}
func (j *journal) Restore(io.ReadCloser) error { return errors.New("no snapshots in this test") }

// member is a node that runs raft.
type member struct {
	*node
	raft    *raft.Raft
	journal *journal
}

func startRaft(t *testing.T, c *cluster, ids ...string) []*member {
	t.Helper()
	var servers []raft.Server
	for _, id := range ids {
		servers = append(servers, raft.Server{ID: raft.ServerID(id), Address: raft.ServerAddress(id)})
	}
	var members []*member
	for _, id := range ids {
		m := &member{node: c.start(id, strict), journal: &journal{}}
		config := raft.DefaultConfig()
		config.LocalID = raft.ServerID(id)
		config.LogOutput, config.LogLevel = io.Discard, "ERROR"
		store := raft.NewInmemStore()
		trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: m.Raft(), MaxPool: 3, Timeout: time.Second, Logger: hclog.NewNullLogger(),
		})
		if err := raft.BootstrapCluster(config, store, store, raft.NewInmemSnapshotStore(), trans, raft.Configuration{Servers: servers}); err != nil {
			t.Fatal(err)
		}
		var err error
		m.raft, err = raft.NewRaft(config, m.journal, store, store, raft.NewInmemSnapshotStore(), trans)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := m.raft.Shutdown().Error(); err != nil {
				t.Error(err)
			}
			trans.Close()
		})
		members = append(members, m)
	}
	return members
}

// commit applies an entry through whoever leads, as often as it takes, and returns the leader.
func commit(t *testing.T, members []*member, entry string) *member {
	t.Helper()
	var leader *member
	eventually(t, "committed "+entry, func() bool {
		for _, m := range members {
			if m.raft.State() == raft.Leader && m.raft.Apply([]byte(entry), patience).Error() == nil {
				leader = m
				return true
			}
		}
		return false
	})
	return leader
}

func TestRaftElectsAndCommits(t *testing.T) {
	t.Parallel()
	members := startRaft(t, newCluster(t), "a", "b", "c")
	for i := range 50 {
		commit(t, members, fmt.Sprint("entry ", i))
	}
	for _, m := range members {
		eventually(t, m.id+" has all entries in order", func() bool {
			list := m.journal.list()
			// A leader lost on the way may have an entry committed twice: what must hold is the order and that the last is there.
			return len(list) >= 50 && list[len(list)-1] == "entry 49" && slices.Equal(list, members[0].journal.list())
		})
	}
}

func TestRaftSurvivesTheCutOfItsLeader(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	members := startRaft(t, c, "a", "b", "c")
	// From now on every dial goes through a relay of its own.
	relays := make(map[string]*relay) // "dialler peer"
	for _, from := range members {
		for _, to := range members {
			if from != to {
				r := newRelay(t, to.Addr())
				relays[from.id+" "+to.id] = r
				c.place(from.id, to.id, r.addr())
			}
		}
	}
	for _, m := range members {
		for _, other := range members {
			m.Disconnect(other.id)
		}
	}
	leader := commit(t, members, "before")
	for pair, r := range relays {
		if pair[:1] == leader.id || pair[2:] == leader.id {
			r.cut.Store(true)
		}
	}
	others := slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return m == leader })
	commit(t, others, "during")
	for _, r := range relays {
		r.cut.Store(false)
	}
	commit(t, members, "after")
	eventually(t, "all agree", func() bool {
		list := leader.journal.list()
		return slices.Contains(list, "during") && slices.Contains(list, "after") &&
			slices.Equal(list, others[0].journal.list()) && slices.Equal(list, others[1].journal.list())
	})
}
