package epp

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// testLimiter is a cluster of one, without time.
type testLimiter struct {
	mu     sync.Mutex
	held   map[string]uint32
	events map[string]uint32
	broke  map[string]bool // what there is no more of in this second
	asked  map[string]int
}

func newLimiter() *testLimiter {
	return &testLimiter{held: map[string]uint32{}, events: map[string]uint32{}, broke: map[string]bool{}, asked: map[string]int{}}
}

func (l *testLimiter) Hold(_ context.Context, key string, limit uint32) (func(), bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[key] >= limit {
		return nil, false
	}
	l.held[key]++
	return func() { l.mu.Lock(); defer l.mu.Unlock(); l.held[key]-- }, true
}

func (l *testLimiter) Spend(key string, _ uint32) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[key]++
	if l.broke[key] {
		return time.Millisecond
	}
	return 0
}

func (l *testLimiter) Count(key string, _ time.Duration, n uint32) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[key] += n
	return l.events[key]
}

func (l *testLimiter) Forget(key string) { l.mu.Lock(); defer l.mu.Unlock(); delete(l.events, key) }

// set changes what the limiter knows.
func (l *testLimiter) set(do func()) { l.mu.Lock(); defer l.mu.Unlock(); do() }

func newLimited(t *testing.T, configure func(*Config)) (*testServer, *testLimiter) {
	l := newLimiter()
	return newServer(t, func(c *Config) {
		c.Limiter, c.Node = l, "n1"
		if configure != nil {
			configure(c)
		}
	}), l
}

// wrong logs in n times with a wrong password, over as many connections.
func (s *testServer) wrong(t *testing.T, certificateOf, clID string, n int) {
	t.Helper()
	for range n {
		c := s.dial(t, certificateOf)
		if _, err := c.Login(soon(t), clID, "foo-BAR3"); code(t, err) < 2200 {
			t.Fatal(err)
		}
		c.Close()
	}
}

func TestWrongPasswordsLock(t *testing.T) {
	t.Parallel()
	s, _ := newLimited(t, nil)
	s.registry.operate(t, registry.KindAccessSet, registry.AccessSet{Access: registry.Access{Failures: 3}})
	locked := func() (until registry.Time, by registry.Actor) {
		if err := s.registry.machine.View(func(v fsm.View) error {
			r, _ := v.Registrar("reg1")
			until = r.LockedUntil
			v.History(r.LastEvent, func(rec registry.Record) bool { by = rec.Actor; return false })
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return until, by
	}
	session := s.login(t, "reg1")
	s.wrong(t, "reg2", "reg1", 5) // somebody else's certificate
	if until, _ := locked(); until != 0 {
		t.Fatal("a stranger can lock a registrar")
	}
	s.wrong(t, "reg1", "reg1", 2)
	s.login(t, "reg1") // right between wrong ones: what was, was a slip
	s.wrong(t, "reg1", "reg1", 2)
	if until, _ := locked(); until != 0 {
		t.Fatal("locked too soon")
	}
	s.wrong(t, "reg1", "reg1", 1)
	if until, by := locked(); until != testNow+registry.DefaultAccess.LockTime || by != (registry.Actor{Role: registry.RoleNode, Name: "n1"}) {
		t.Fatalf("locked until %v by %v", until, by)
	}
	_, err := s.dial(t, "reg1").Login(soon(t), "reg1", testPassword)
	wantCode(t, "the right password, while locked", err, 2200)
	must(session.CheckDomains(soon(t), "a.tld"))
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Unlock: true})
	s.wrong(t, "reg1", "reg1", 1) // the count has begun anew
	s.login(t, "reg1")
	if strings.Contains(s.log.String(), "could not be locked") {
		t.Error("a lock failed")
	}
}

// An address that is wrong again and again, about whomever, isn't listened to for a while.
func TestWrongPasswordsFromOneAddress(t *testing.T) {
	t.Parallel()
	s, l := newLimited(t, nil)
	l.set(func() { l.events["failure-from/127.0.0.1"] = addressFailures * registry.DefaultAccess.Failures })
	c := s.dial(t, "reg2")
	_, err := c.Login(soon(t), "reg2", testPassword)
	wantCode(t, "a login", err, 2501)
	if _, err := c.Hello(soon(t)); err == nil {
		t.Error("the connection is open")
	}
	l.set(func() { delete(l.events, "failure-from/127.0.0.1") })
	s.wrong(t, "reg2", "reg2", 1)
	l.set(func() {
		if l.events["failure-from/127.0.0.1"] != 1 {
			t.Errorf("%d counted", l.events["failure-from/127.0.0.1"])
		}
	})
	s.login(t, "reg2")
}

func TestSessionsOfAllNodes(t *testing.T) {
	t.Parallel()
	s, l := newLimited(t, nil)
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Sessions: ptr(uint32(2))})
	first := s.login(t, "reg1")
	l.set(func() { l.held["session/reg1"]++ }) // at another node
	c := s.dial(t, "reg1")
	_, err := c.Login(soon(t), "reg1", testPassword)
	wantCode(t, "one too many", err, 2502)
	if _, err := c.Hello(soon(t)); err == nil {
		t.Error("the connection is open after 2502")
	}
	s.login(t, "reg2")
	must(first.Logout(soon(t)))
	held := func() (n uint32) { l.set(func() { n = l.held["session/reg1"] }); return n }
	for deadline := time.Now().Add(patience); held() != 1; {
		if time.Now().After(deadline) {
			t.Fatal("a session that ended is still held")
		}
	}
	s.login(t, "reg1")
	// A login that came to nothing holds nothing.
	if r := s.change(t, testPassword, "reg1reg1"); r.Code != 2502 {
		t.Errorf("%+v", r)
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	s, l := newLimited(t, nil)
	l.set(func() { l.held["connection/127.0.0.1"] = registry.DefaultAccess.Connections })
	if c, err := client.Dial(soon(t), s.addr, clientTLS(t, "reg1")); err == nil {
		c.Close()
		t.Error("a connection too many, of all nodes")
	}
	l.set(func() { l.held["connection/127.0.0.1"] = 0 })
	c := s.dial(t, "reg1")
	c.Close()
	held := func() (n uint32) { l.set(func() { n = l.held["connection/127.0.0.1"] }); return n }
	for deadline := time.Now().Add(patience); held() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("a connection that ended is still held")
		}
	}
	// On this node alone it needs no leader's help.
	s.registry.operate(t, registry.KindAccessSet, registry.AccessSet{Access: registry.Access{Connections: 1}})
	s.cached.mu.Lock()
	s.cached.at = time.Now().Add(-time.Hour)
	s.cached.mu.Unlock()
	s.dial(t, "reg1")
	if c, err := client.Dial(soon(t), s.addr, clientTLS(t, "reg1")); err == nil {
		c.Close()
		t.Error("a second connection, of one that may be")
	}
}

// What comes too fast waits; what would wait too long is refused, and the connection closes.
func TestRates(t *testing.T) {
	t.Parallel()
	s, l := newLimited(t, func(c *Config) { c.Limits.CommandTime = time.Second })
	c, slow := s.login(t, "reg1"), s.dial(t, "reg2")
	l.set(func() { l.broke["command/reg1"], l.broke["login/127.0.0.1"] = true, true })
	_, err := slow.Login(soon(t), "reg2", testPassword)
	wantCode(t, "a login", err, 2502)
	if _, err := slow.Hello(soon(t)); err == nil {
		t.Error("the connection is open after 2502")
	}
	asked := func() (n int) { l.set(func() { n = l.asked["command/reg1"] }); return n }
	before := asked()
	waits := make(chan error, 1)
	go func() {
		_, err := c.CheckDomains(context.Background(), "a.tld")
		waits <- err
	}()
	for deadline := time.Now().Add(patience); asked() < before+2; {
		if time.Now().After(deadline) {
			t.Fatal("the command doesn't wait")
		}
	}
	l.set(func() { l.broke["command/reg1"] = false })
	wantCode(t, "a command in its turn", <-waits, 1000)
	before = asked()
	must(c.Hello(soon(t)))
	wantCode(t, "no command", send(t, c, commandDoc(`<nonsense/>`)).Err(), 2000)
	if n := asked(); n != before+2 {
		t.Errorf("two frames that are no commands took %d turns", n-before)
	}
	l.set(func() { l.broke["command/reg1"] = true })
	_, err = c.CheckDomains(soon(t), "a.tld")
	wantCode(t, "a command whose turn doesn't come", err, 2500)
	if _, err := c.Hello(soon(t)); err == nil {
		t.Error("the connection is open after 2500")
	}
}

// While there is no leader, a node's processors are for finding one.
func TestHandshakesWithoutALeader(t *testing.T) {
	t.Parallel()
	var p pace
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	turns := 0
	for p.wait(ctx, leaderlessHandshakes) == nil {
		turns++
	}
	if took := time.Since(began); turns < 5 || turns > leaderlessHandshakes+3 || took > patience {
		t.Errorf("%d turns in %s", turns, took)
	}
	s := newServer(t, func(c *Config) { c.Leaderless = func() bool { return true } })
	began = time.Now()
	for range 5 {
		s.dial(t, "reg1")
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("five handshakes in %s", took)
	}
}

func TestNetworksOfClients(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::/64", "[fe80::1%lo]:7": "fe80::/64",
	} {
		a, err := addressOf(textAddr(remote))
		if got := network(a); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", remote, got, err, want)
		}
	}
	if _, err := addressOf(textAddr("pipe")); err == nil {
		t.Error("a pipe has an address")
	}
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }
