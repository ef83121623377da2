package load

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quorate/node/endpoints"
	"quorate/transport/pki"
)

// server is an EPP server that knows nothing: it says 1000 to everything, and each name that is asked for is free.
type server struct {
	checks atomic.Int64
	stall  func(check int64) // what happens before each answer to a check
}

var frameNames = regexp.MustCompile(`<domain:name>([^<]*)</domain:name>`)

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	answer := func(body string) error {
		text := `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">` + body + `</epp>`
		_, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text)+4)), text...))
		return err
	}
	err := answer(`<greeting><svID>test</svID><svDate>2026-01-01T00:00:00Z</svDate><svcMenu><version>1.0</version><lang>en</lang>` +
		`<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcMenu></greeting>`)
	for err == nil {
		var size uint32
		if err = binary.Read(conn, binary.BigEndian, &size); err != nil {
			return
		}
		frame := make([]byte, size-4)
		if _, err = io.ReadFull(conn, frame); err != nil {
			return
		}
		data := ""
		if strings.Contains(string(frame), "<check>") {
			s.stall(s.checks.Add(1))
			name := frameNames.FindSubmatch(frame)[1]
			data = `<resData><domain:chkData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:cd><domain:name avail="1">` +
				string(name) + `</domain:name></domain:cd></domain:chkData></resData>`
		} else if strings.Contains(string(frame), "contact:create") {
			data = `<resData><contact:creData xmlns:contact="urn:ietf:params:xml:ns:contact-1.0"><contact:id>x</contact:id><contact:crDate>2026-01-01T00:00:00Z</contact:crDate></contact:creData></resData>`
		} else if strings.Contains(string(frame), "host:create") {
			data = `<resData><host:creData xmlns:host="urn:ietf:params:xml:ns:host-1.0"><host:name>x</host:name><host:crDate>2026-01-01T00:00:00Z</host:crDate></host:creData></resData>`
		}
		err = answer(`<response><result code="1000"><msg>ok</msg></result>` + data + `<trID><svTRID>S-1</svTRID></trID></response>`)
	}
}

// listen runs the server for the length of the test, and is a target that leads to it.
func (s *server) listen(t *testing.T) *Target {
	t.Helper()
	ca, err := pki.NewCA("test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.IssueServer("test", []string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := ca.Save(file("ca.pem"), file("ca.key")); err != nil {
		t.Fatal(err)
	}
	registrar, err := ca.IssueRegistrar("reg1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.Save(registrar, file("reg1.pem"), file("reg1.key")); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { s.serve(conn) })
		}
	})
	target, err := NewTarget(endpoints.Endpoints{
		TLD: "example", CA: file("ca.pem"), Sites: []endpoints.Site{{Name: "site1", EPP: l.Addr().String(), Admin: "https://127.0.0.1:1"}},
		Registrars: []endpoints.Registrar{{ID: "reg1", Password: "secret-1", Cert: file("reg1.pem"), Key: file("reg1.key")}},
		Operator:   endpoints.Operator{Cert: file("reg1.pem"), Key: file("reg1.key")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func checksOnly() Mix { return Mix{Name: "checks", Weights: map[Command]float64{Check: 1}} }

func newGenerator(t *testing.T, target *Target, o Options) *Generator {
	t.Helper()
	j, err := NewJournal(io.Discard, Beginning{TLD: "example", Balances: map[string]int64{"reg1": 1}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGenerator(t.Context(), target, j, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// A server that stalls for half a second sends one late answer; but fifty clients wanted something meanwhile, and the
// percentiles say so.
func TestAStallShowsThoughFewCommandsWereSent(t *testing.T) {
	t.Parallel()
	const rate, stall = 100, 500 * time.Millisecond
	s := &server{stall: func(check int64) {
		if check == 20 {
			<-time.After(stall)
		}
	}}
	g := newGenerator(t, s.listen(t), Options{Mix: checksOnly(), Rate: rate, Connections: 1, Duration: 2 * time.Second, Seed: 3})
	r, err := g.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.checks.Load() != r.Total.Count || r.Total.Dropped != 0 {
		t.Errorf("%d were sent and %d counted, %d dropped", s.checks.Load(), r.Total.Count, r.Total.Dropped)
	}
	// The stall covers a quarter of the 2 s, so a tenth of the arrivals waited for at least half of it.
	if half := stall.Seconds() * 1000 / 2; r.Total.P90 < half || r.Total.P99 < half {
		t.Errorf("a stall of %v is not in the percentiles: %+v", stall, r.Total)
	}
}

// What arrives at a full queue is dropped, and counted: no command is lost from the account.
func TestOverflowIsCounted(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	s := &server{stall: func(int64) { <-released }}
	g := newGenerator(t, s.listen(t), Options{Mix: checksOnly(), Rate: 2000, Connections: 2, Seed: 1})
	g.queue = 50
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dropped := func() int64 {
		g.tally.mu.Lock()
		defer g.tally.mu.Unlock()
		if n := g.tally.commands[Check]; n != nil {
			return n.dropped
		}
		return 0
	}
	results := make(chan *Result)
	go func() {
		r, err := g.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		results <- r
	}()
	if err := await(t.Context(), func() error {
		if n := dropped(); n == 0 {
			return io.ErrNoProgress
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(released)
	r := <-results
	// Two were under way; the rest of the queue was dropped with the end of the run.
	if r.Total.Count != 2 || r.Total.Dropped <= 50 {
		t.Errorf("%+v", r.Total)
	}
}

// The closed loop sends one command after the other on each connection, for the length of the load.
func TestClosedLoop(t *testing.T) {
	t.Parallel()
	s := &server{stall: func(int64) {}}
	g := newGenerator(t, s.listen(t), Options{Mix: checksOnly(), Connections: 3, Duration: 300 * time.Millisecond, WarmUp: 100 * time.Millisecond, Seed: 1})
	r, err := g.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Total.Count == 0 || r.Total.Count >= s.checks.Load() || r.Total.Codes[1000] != r.Total.Count {
		t.Errorf("%d were sent; counted without the warm-up: %+v", s.checks.Load(), r.Total)
	}
}

// While it is paused, a generator has no command under way.
func TestPause(t *testing.T) {
	t.Parallel()
	s := &server{stall: func(int64) {}}
	g := newGenerator(t, s.listen(t), Options{Mix: checksOnly(), Connections: 4, Seed: 1})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := g.Run(ctx)
		ended <- err
	}()
	progress := func() {
		t.Helper()
		goal := s.checks.Load() + 10
		if err := await(t.Context(), func() error {
			if s.checks.Load() < goal {
				return io.ErrNoProgress
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		progress()
		g.Pause()
		before := s.checks.Load()
		<-time.After(2 * time.Millisecond)
		if after := s.checks.Load(); after != before {
			t.Errorf("%d commands were sent during the pause", after-before)
		}
		g.Resume()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestImpossibleOptions(t *testing.T) {
	t.Parallel()
	good := Options{Mix: checksOnly(), Connections: 1}
	for what, change := range map[string]func(o *Options){
		"no connections":       func(o *Options) { o.Connections = 0 },
		"too many connections": func(o *Options) { o.Connections = MaxConnections + 1 },
		"a rate below nought":  func(o *Options) { o.Rate = -1 },
		"too high a rate":      func(o *Options) { o.Rate = MaxRate + 1 },
		"too long":             func(o *Options) { o.Duration = MaxDuration + 1 },
		"all warm-up":          func(o *Options) { o.Duration, o.WarmUp = time.Second, time.Second },
		"no commands":          func(o *Options) { o.Mix.Weights = nil },
	} {
		o := good
		change(&o)
		if o.Check() == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
