package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// process is one life of a node.
type process struct {
	*Consensus
	id      string
	folder  string
	machine *fsm.Machine
	port    *port
	skew    atomic.Int64 // nanoseconds that its clock is off
	lag     atomic.Int64 // nanoseconds that its state machine takes for a batch
	failed  atomic.Bool  // it has left service, and that was told

	mu    sync.Mutex
	works chan struct{} // closed while the disk works
}

// process is the running process of a node; nil if there is none.
func (s *simulation) process(id string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[id]
}

// running are the processes, by node.
func (s *simulation) running() (all []*process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.ids {
		if p := s.nodes[id]; p != nil {
			all = append(all, p)
		}
	}
	return all
}

// start begins a life of a node, on the data of its last. Only the driver starts and ends processes.
func (s *simulation) start(id string) {
	s.t.Helper()
	if s.nodes[id] != nil || s.lost[id] && !s.resync(id) {
		return
	}
	folder := s.folders[id]
	if folder == "" {
		folder = s.newFolder(id)
	}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() && os.Getenv("QUORATE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", id)
	}
	machine, err := fsm.Open(filepath.Join(folder, "state.db"), log)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &process{id: id, folder: folder, machine: machine, port: s.net.open(id), works: make(chan struct{})}
	close(p.works)
	cfg := Config{
		Node: id, Folder: folder, Machine: machine, Raft: p.port, Network: p.port, Log: log, Bootstrap: id == "n1",
		Heartbeat: 250 * time.Millisecond, SnapshotLogs: 1 << 20, TrailingLogs: s.limits.trailing, InFlight: s.limits.inFlight,
		Settings: registry.Cluster{Name: "test", Repository: "TEST", Level: 1},
		Publish:  publish(machine),
		Events: Events{
			Applied:  func(fsm.Outcome) { time.Sleep(time.Duration(p.lag.Load())) },
			Restored: func() { s.tally.copies.Add(1) },
			Silent:   p.port.silent.Store,
		},
		Clock:       func() time.Time { return time.Now().Add(time.Duration(p.skew.Load())) },
		BeforeWrite: func(Store) error { p.beforeWrite(s.write); return nil },
	}
	for _, peer := range s.ids {
		cfg.Peers = append(cfg.Peers, registry.Peer{ID: peer, Site: peer, Address: peer})
	}
	if p.Consensus, err = Open(cfg); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes[id] = p
}

// newFolder is a folder for a node's next life.
func (s *simulation) newFolder(id string) string {
	s.lives++
	folder := filepath.Join(s.folder, fmt.Sprintf("%s-%d", id, s.lives))
	if err := os.Mkdir(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.folders[id] = folder
	return folder
}

// beforeWrite is what a durable write waits for: the disk.
func (p *process) beforeWrite(takes time.Duration) {
	if p.port.dead() {
		return
	}
	time.Sleep(takes)
	p.mu.Lock()
	works := p.works
	p.mu.Unlock()
	select {
	case <-works:
	case <-p.port.gone:
	}
}

// stall stops the process's disk, until the function that it returns is called.
func (p *process) stall() (end func()) {
	works := make(chan struct{})
	p.mu.Lock()
	p.works = works
	p.mu.Unlock()
	return func() { close(works) }
}

// stalled says whether the disk stands still.
func (p *process) stalled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.works:
		return false
	default:
		return true
	}
}

// crash ends processes at the same instant and without warning. Each node's data
// are from then on a copy of what was written at that instant. All that the product
// writes is synced before it goes on, so a power cut would leave the same, but for
// writes cut in two: those are not simulated. What the old process still does, nobody hears.
func (s *simulation) crash(ids ...string) {
	synctest.Wait() // nothing is half written by the simulation's own reckoning
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collect()
	for _, id := range ids {
		p := s.nodes[id]
		if p == nil {
			continue
		}
		delete(s.nodes, id)
		copyFolder(s.t, s.newFolder(id), p.folder)
		p.port.close() // not before: a write that a stalled disk held up would go on, into what is being copied
		s.ending.Go(func() {
			_ = p.end() // nobody is there to care
			_ = os.RemoveAll(p.folder)
		})
	}
}

// end closes a process that is off the network. Before it does, it gives a leader
// time to see that it leads no more: raft never answers what it was handed in the instant of its shutdown.
func (p *process) end() error {
	p.lag.Store(0)
	time.Sleep(noticed)
	for p.raft.State() == raft.Leader {
		time.Sleep(noticed / 10)
	}
	return errors.Join(p.Close(), p.machine.Close())
}

// stop ends a process in good order.
func (s *simulation) stop(id string) {
	s.mu.Lock()
	p := s.nodes[id]
	if p == nil {
		s.mu.Unlock()
		return
	}
	s.collect()
	delete(s.nodes, id)
	s.mu.Unlock()
	p.port.close()
	if err := p.end(); err != nil {
		s.fail("%s does not stop: %v", id, err)
	}
}

// shutDown ends everything.
func (s *simulation) shutDown() {
	for _, id := range s.ids {
		s.ending.Go(func() { s.stop(id) })
	}
	s.ending.Wait()
	time.Sleep(time.Minute) // what was under way ends
}

// resync gives a node that has lost its state file a peer's, as quorate's --resync does.
func (s *simulation) resync(id string) bool {
	folder := s.folders[id]
	job, err := BeginCopy(folder)
	if err != nil {
		s.t.Fatal(err)
	}
	defer job.Close()
	for _, peer := range s.ids {
		if p := s.nodes[peer]; p != nil && s.copyState(folder, p, job.Least) {
			if err := job.Done(); err != nil {
				s.t.Fatal(err)
			}
			s.tell("%s copies the state of %s", id, peer)
			s.lost[id] = false
			return true
		}
	}
	return false
}

// removeState loses the state file of a node that is down.
func (s *simulation) removeState(id string) {
	if err := os.Remove(filepath.Join(s.folders[id], "state.db")); err != nil {
		s.t.Fatal(err)
	}
}

// copyState puts the state of p into a folder, if it goes far enough.
func (s *simulation) copyState(folder string, p *process, least uint64) bool {
	export, err := p.machine.Export()
	if err != nil {
		s.t.Fatal(err)
	}
	defer export.Close()
	if export.Position.Index < least {
		return false
	}
	var all bytes.Buffer
	if _, err := export.WriteTo(&all); err != nil {
		s.t.Fatal(err)
	}
	m, err := fsm.Open(filepath.Join(folder, "state.db"), p.log)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := errors.Join(m.Restore(&all), m.Close()); err != nil {
		s.t.Fatal(err)
	}
	return true
}

// copyFolder copies the files in a folder, leaving holes where they have nothing but noughts.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := copyFile(filepath.Join(to, e.Name()), filepath.Join(from, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	block, noughts := make([]byte, 1<<16), make([]byte, 1<<16)
	for at := int64(0); ; {
		n, err := in.ReadAt(block, at)
		if n > 0 && !bytes.Equal(block[:n], noughts[:n]) {
			if _, err := out.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if errors.Is(err, io.EOF) {
			return out.Truncate(at)
		}
		if err != nil {
			return err
		}
	}
}
