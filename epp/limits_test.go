package epp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/epp/client"
	"quorate/fsm/registry"
)

// connect shakes hands as reg1 and reads the greeting.
func (s *testServer) connect(t *testing.T) *tls.Conn {
	t.Helper()
	conn := must(tls.Dial("tcp", s.addr, clientTLS(t, "reg1")))
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	must(newFrames(conn).Next())
	return conn
}

// wantClosed waits until the server closes the connection without another word.
func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	rest, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection was not closed")
	}
	if len(rest) > 0 {
		t.Errorf("%d octets before the end: %q", len(rest), rest)
	}
}

func TestFramesOutOfBounds(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for name, stream := range map[string][]byte{
		"4 GiB":               binary.BigEndian.AppendUint32(nil, 1<<32-1),
		"nothing":             binary.BigEndian.AppendUint32(nil, 0),
		"a header only":       binary.BigEndian.AppendUint32(nil, 4),
		"one octet too many":  binary.BigEndian.AppendUint32(nil, MaxFrame+1),
		"all of it is coming": append(binary.BigEndian.AppendUint32(nil, 300<<10), make([]byte, 300<<10)...),
		"HTTP":                []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := s.connect(t)
			if _, err := conn.Write(stream); err != nil {
				t.Fatal(err)
			}
			answer := must(newFrames(conn).Next())
			collect(t, answer)
			if got := client.Code(answer); got != 2500 {
				t.Errorf("%s", answer)
			}
			wantClosed(t, conn)
		})
	}
	// The longest frame is answered.
	doc := commandDoc(`<logout/>`)
	doc += strings.Repeat(" ", MaxFrame-4-len(doc))
	conn := s.connect(t)
	must(conn.Write(unit(doc)))
	if got := client.Code(must(newFrames(conn).Next())); got != 2002 {
		t.Errorf("the longest frame: %d", got)
	}
}

// Each kind of slowness meets a server that is impatient in that alone, so that a busy machine fails nothing else.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	const short = 200 * time.Millisecond
	impatient := func(t *testing.T, l Limits) *testServer {
		t.Parallel()
		return newServer(t, func(c *Config) { c.Limits = l })
	}
	loggedIn := func(t *testing.T, s *testServer) *tls.Conn {
		t.Helper()
		conn := s.connect(t)
		must(conn.Write(unit(loginDoc())))
		if got := client.Code(must(newFrames(conn).Next())); got != 1000 {
			t.Fatal(got)
		}
		return conn
	}
	t.Run("no handshake", func(t *testing.T) {
		s := impatient(t, Limits{HandshakeTime: short})
		conn := must(net.Dial("tcp", s.addr))
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, conn)
	})
	t.Run("no login", func(t *testing.T) {
		wantClosed(t, impatient(t, Limits{LoginTime: short}).connect(t))
	})
	t.Run("busy, but no login", func(t *testing.T) {
		c := impatient(t, Limits{LoginTime: short}).dial(t, "reg1")
		for {
			// It ends by the server's clock, however diligent the client is.
			if _, err := c.Hello(soon(t)); err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("the connection was not closed")
				}
				return
			}
		}
	})
	t.Run("half a header", func(t *testing.T) {
		conn := impatient(t, Limits{FrameTime: short}).connect(t)
		must(conn.Write([]byte{0, 0}))
		wantClosed(t, conn)
	})
	t.Run("half a frame, octet by octet", func(t *testing.T) {
		conn := loggedIn(t, impatient(t, Limits{FrameTime: short}))
		frame := unit(commandDoc(`<logout/>`))
		for i := range len(frame) / 2 {
			if _, err := conn.Write(frame[i : i+1]); err != nil {
				return // it was closed even earlier, on a slow machine
			}
		}
		wantClosed(t, conn)
	})
	t.Run("idle", func(t *testing.T) {
		wantClosed(t, loggedIn(t, impatient(t, Limits{IdleTime: short})))
	})
}

// A client that sends and never reads is dropped once its buffers are full.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Limits.WriteTime = 200 * time.Millisecond })
	raw := must(net.Dial("tcp", s.addr))
	defer raw.Close()
	// Not smaller: a full buffer of a few segments makes the system drop acknowledgements with what it can't take, and then nobody can write.
	if err := raw.(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	config := clientTLS(t, "reg1")
	config.ServerName = "127.0.0.1"
	conn := tls.Client(raw, config)
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	hello := bytes.Repeat(unit(`<epp xmlns="`+nsEPP+`"><hello/></epp>`), 1000)
	for {
		if _, err := conn.Write(hello); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection was not closed")
			}
			return
		}
	}
}

func TestSessionLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Limits = Limits{SessionsPerRegistrar: 2, Sessions: 3} })
	first := s.login(t, "reg1")
	s.login(t, "reg1")
	third := s.dial(t, "reg1")
	_, err := third.Login(soon(t), "reg1", testPassword)
	wantCode(t, "a registrar's third session", err, 2502)
	if _, err := third.Hello(soon(t)); err == nil {
		t.Error("the connection is open after 2502")
	}
	s.login(t, "reg2")
	_, err = s.dial(t, "NewRegistrar").Login(soon(t), "NewRegistrar", testPassword)
	wantCode(t, "a session too many in all", err, 2502)
	// One leaves, one may come: as soon as the server has noticed.
	must(first.Logout(soon(t)))
	for deadline := time.Now().Add(patience); ; {
		_, err := s.dial(t, "reg1").Login(soon(t), "reg1", testPassword)
		if err == nil {
			break
		}
		if wantCode(t, "a session after one has left", err, 2502); time.Now().After(deadline) || t.Failed() {
			t.Fatal("the session that ended still counts")
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Limits.Connections = 2 })
	s.connect(t)
	held := s.connect(t)
	if c, err := client.Dial(soon(t), s.addr, clientTLS(t, "reg1")); err == nil {
		c.Close()
		t.Error("a third connection got a greeting")
	}
	held.Close()
	for deadline := time.Now().Add(patience); ; {
		c, err := client.Dial(soon(t), s.addr, clientTLS(t, "reg1"))
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the connection that ended still counts: %v", err)
		}
	}
}

// With all turns at shaking hands taken, the next connection waits for one, but not for ever.
func TestHandshakesAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Limits = Limits{Handshakes: 1, HandshakeTime: 2 * time.Second} })
	s.handshakes <- struct{}{}
	if c, err := client.Dial(soon(t), s.addr, clientTLS(t, "reg1")); err == nil {
		c.Close()
		t.Error("a second handshake at a time")
	}
	<-s.handshakes
	s.dial(t, "reg1")
}

// Clients that fall silent before the handshake or in the middle of it take neither turns nor places from others.
func TestSilenceBeforeTheGreeting(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) {
		c.Limits = Limits{Handshakes: 1, HandshakeRate: 5, HandshakeTime: 2 * patience}
	})
	for i := range 40 {
		conn := must(net.Dial("tcp", s.addr))
		defer conn.Close()
		if i%2 == 0 {
			must(conn.Write([]byte{22, 3, 1, 1, 0})) // a record's header, and no more
		}
	}
	// One has had the server's answer to its hello.
	answered, ended := make(chan struct{}), make(chan struct{})
	defer close(ended)
	go func() {
		_, _ = tls.Dial("tcp", s.addr, &tls.Config{
			InsecureSkipVerify: true,
			VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
				close(answered)
				<-ended
				return net.ErrClosed
			},
		})
	}()
	select {
	case <-answered:
	case <-time.After(patience):
		t.Fatal("the hello was not answered")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, s.addr, clientTLS(t, "reg1"))
	if err != nil {
		t.Fatalf("beside silent clients: %v", err)
	}
	c.Close()
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	began, finish := make(chan struct{}), make(chan struct{})
	s.registry.mu.Lock()
	s.registry.before = func(Request) error {
		close(began)
		<-finish
		return nil
	}
	s.registry.mu.Unlock()
	idle, busy := s.connect(t), s.login(t, "reg2")
	result := make(chan error, 1)
	go func() {
		_, err := busy.CreateDomain(context.Background(), client.DomainCreate{Name: "last.tld"})
		result <- err
	}()
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	wantClosed(t, idle)
	if _, err := net.DialTimeout("tcp", s.addr, patience); err == nil {
		t.Error("a connection after the shutdown began")
	}
	close(finish)
	wantCode(t, "the command at hand", <-result, 1000)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := busy.Hello(soon(t)); err == nil {
		t.Error("a session outlived the shutdown")
	}
}

func TestShutdownInAHurry(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	began, finish := make(chan struct{}), make(chan struct{})
	s.registry.mu.Lock()
	s.registry.before = func(Request) error {
		close(began)
		<-finish
		return nil
	}
	s.registry.mu.Unlock()
	busy := s.login(t, "reg2")
	result := make(chan error, 1)
	go func() {
		_, err := busy.CreateDomain(context.Background(), client.DomainCreate{Name: "last.tld"})
		result <- err
	}()
	<-began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(ctx) }()
	// The connection goes without an answer, before the command ends.
	var e *client.Error
	if err := <-result; err == nil || errors.As(err, &e) {
		t.Errorf("an answer: %v", err)
	}
	close(finish)
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A bug in one session is that session's.
func TestPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.registry.mu.Lock()
	s.registry.before = func(Request) error { panic("broken invariant") }
	s.registry.mu.Unlock()
	other := s.login(t, "reg2")
	// The fake's mutex is released by its own defer, so others go on.
	if _, err := s.login(t, "reg1").CreateDomain(soon(t), client.DomainCreate{Name: "a.tld"}); err == nil {
		t.Error("an answer")
	}
	must(other.CheckDomains(soon(t), "a.tld"))
	if !strings.Contains(s.log.String(), "broken invariant") {
		t.Error("the log does not tell")
	}
}

func TestNewServerRefusesConfigs(t *testing.T) {
	t.Parallel()
	p := testCredentials(t)
	good := Config{ServerID: "epp", ClientCAs: p.ca.Pool(), Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &p.server, nil }}
	if _, err := NewServer(good, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"short id": func(c *Config) { c.ServerID = "x" }, "long id": func(c *Config) { c.ServerID = strings.Repeat("x", 65) },
		"no certificate": func(c *Config) { c.Certificate = nil }, "no authorities": func(c *Config) { c.ClientCAs = nil },
	} {
		c := good
		change(&c)
		if _, err := NewServer(c, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What bounds an answer: the most that one check can return stays below the 8 KiB that some clients read.
func TestLongestCheckFits(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	var names strings.Builder
	for i := range MaxCheck {
		fmt.Fprintf(&names, "<domain:name>%s-%02d.tld</domain:name>", strings.Repeat("x", 30), i)
	}
	answer := must(c.Raw(soon(t), []byte(commandDoc(`<check><domain:check xmlns:domain="`+nsDomain+`">`+names.String()+`</domain:check></check>`))))
	if len(answer) > 8<<10 {
		t.Errorf("%d octets", len(answer))
	}
	if got := client.Code(answer); registry.Code(got) != registry.Success {
		t.Errorf("%d", got)
	}
}

// A thousand connections that do nothing, or nothing useful, keep nobody from being served.
func TestIdleCrowd(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) {
		c.Limits = Limits{Connections: 2000, HandshakeRate: 100_000, LoginTime: 10 * time.Minute, HandshakeTime: patience, FrameTime: 10 * time.Minute}
	})
	const crowd = 400
	frame := unit(loginDoc())
	var all sync.WaitGroup
	gate := make(chan struct{}, 16)
	conns := make([]*tls.Conn, crowd)
	for i := range crowd {
		gate <- struct{}{}
		all.Go(func() {
			defer func() { <-gate }()
			conn, err := tls.Dial("tcp", s.addr, clientTLS(t, "reg1"))
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
			// Most say nothing; others are in the middle of a header, of a frame, or of one of 4 GiB.
			switch i % 10 {
			case 7:
				_, err = conn.Write(frame[:3])
			case 8:
				_, err = conn.Write(frame[:len(frame)-1])
			case 9:
				_, err = conn.Write(binary.BigEndian.AppendUint32(nil, 1<<32-1))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	c := s.login(t, "reg2")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "crowd.tld"}))
	var took []time.Duration
	for range 100 {
		began := time.Now()
		must(c.CheckDomains(soon(t), "crowd.tld"))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("beside the crowd half of the answers take more than %s", median)
	}
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	if open < crowd*8/10 {
		t.Errorf("only %d connections are open: the test shows nothing", open)
	}
}

// A client that goes while its command is at hand, or before its answer, leaves nothing behind.
func TestClientsThatGo(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for range 20 {
		conn := s.connect(t)
		must(conn.Write(unit(loginDoc())))
		conn.NetConn().Close()
	}
	count := func() (conns, sessions, networks int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns), s.sessions, len(s.networks)
	}
	for deadline := time.Now().Add(patience); ; {
		conns, sessions, networks := count()
		if conns+sessions+networks == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections, %d sessions, %d networks are left", conns, sessions, networks)
		}
	}
}
