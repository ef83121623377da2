package epp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"quorate/epp/extension"
	"quorate/epp/frame"
	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// session is one connection, from its greeting to its end. Commands are
// carried out one after the other, in the order in which they came (RFC 5734 §3).
type session struct {
	server   *Server
	registry Registry
	log      *slog.Logger
	conn     *tls.Conn
	frames   *frame.Reader
	peer     peer
	from     string    // what counts as one client: the address, or its network
	loginBy  time.Time // when to give up on a client that doesn't log in
	out      []byte    // the last frame written, for its memory

	registrar  string // clID; "" before login
	dismiss    func() // counts the session out; nil before login
	objects    map[string]bool
	extensions map[string]*extension.Extension // by URI: those that login named
	lastWrite  uint64                          // index of the session's newest command in the log
	failures   int                             // wrong logins

	mu       sync.Mutex
	draining bool // no command may begin
}

// errDrained ends a session that the server asked to end.
var errDrained = errors.New("the server is stopping")

// errSilent ends a session without an answer: none would be true (docs/ARCHITECTURE.md).
var errSilent = errors.New("the outcome of a command is unknown")

// serve speaks with the client until one of both has had enough. The error says which, and is for the log.
func (s *session) serve(ctx context.Context) (err error) {
	defer func() {
		// A broken invariant costs the session that met it, not the node.
		if p := recover(); p != nil {
			s.log.Error("EPP session panicked", "page", true, "panic", p, "stack", string(debug.Stack()))
			err = errSilent
		}
	}()
	s.loginBy = time.Now().Add(s.server.config.Limits.LoginTime)
	if err := s.write(s.greeting(ctx)); err != nil {
		return err
	}
	for {
		doc, err := s.next()
		if errors.Is(err, frame.ErrLength) {
			return s.giveUp(err)
		}
		if err != nil {
			return err
		}
		answer, end, err := s.answer(ctx, doc)
		if err != nil {
			return err
		}
		if err := s.write(answer); err != nil || end {
			return err
		}
	}
}

// next waits for a frame: long for its beginning, not so long for the rest.
func (s *session) next() ([]byte, error) {
	limits := &s.server.config.Limits
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return nil, errDrained
	}
	deadline := s.loginBy
	if s.registrar != "" {
		deadline = time.Now().Add(limits.IdleTime)
	}
	err := s.conn.SetReadDeadline(deadline)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := s.frames.Await(); err != nil {
		return nil, err
	}
	if by := time.Now().Add(limits.FrameTime); s.registrar != "" || by.Before(deadline) {
		deadline = by
	}
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	return s.frames.Next()
}

// drain ends the session: at once if it waits for a command, else after the command at hand.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	// A session that is past next meets the flag there next time.
	_ = s.conn.SetReadDeadline(time.Now())
}

// write sends a frame, in one Write: some clients take an answer with one read.
func (s *session) write(b []byte) error {
	s.out = b
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.config.Limits.WriteTime)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// giveUp answers a frame whose end can't be found. The client may be busy
// sending the rest: closing now would reset the connection, and the answer be lost.
func (s *session) giveUp(cause error) error {
	r := refusal(registry.Fail(registry.CommandFailedClosing, "epp", "", "%v", cause))
	r.svTRID = s.registry.NextID()
	if err := s.write(r.frame(s.out)); err != nil {
		return err
	}
	if err := errors.Join(s.conn.CloseWrite(), s.conn.SetReadDeadline(time.Now().Add(lingerTime))); err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, s.conn, lingerOctets)
	return cause
}

// greeting makes the frame that opens the connection and answers a <hello>.
func (s *session) greeting(ctx context.Context) []byte {
	return s.server.greeting(s.out, time.Now(), services(ctx, s.registry))
}

// answer carries out one frame and returns the frame to answer with, and
// whether the connection ends then. With an error it ends without an answer.
func (s *session) answer(ctx context.Context, doc []byte) (reply []byte, end bool, err error) {
	began := time.Now()
	c, fail := parseCommand(doc)
	ctx, cancel := context.WithTimeout(ctx, s.server.config.Limits.CommandTime)
	defer cancel()
	// What is no command takes its turn among them all the same: it has its costs, too.
	if s.registrar != "" && c.verb != "logout" {
		if ended := s.standing(ctx); ended != nil {
			fail = ended
		}
	}
	if fail == nil && c.verb == "hello" {
		s.server.metrics.observe("hello", registry.Success, time.Since(began))
		return s.greeting(ctx), false, nil
	}
	var r response
	if fail != nil {
		r = refusal(fail)
	} else if r, err = s.execute(ctx, &c); err != nil {
		s.server.metrics.observe(c.label(), 0, time.Since(began))
		s.log.Warn("EPP command ended without an answer", "command", c.label(), "clTRID", c.clTRID, "error", err)
		return nil, true, err
	}
	r.clTRID = c.clTRID
	if r.svTRID == "" {
		r.svTRID = s.registry.NextID()
	}
	if s.registrar != "" && r.queue == nil {
		r.queue = s.queue(ctx)
	}
	if r.fail != nil && r.fail.Element == "" && r.fail.Reason != "" {
		r.fail = about(&c, r.fail)
	}
	s.server.metrics.observe(c.label(), r.code, time.Since(began))
	if s.log.Enabled(ctx, slog.LevelDebug) {
		s.logCommand(&c, &r, time.Since(began))
	}
	return r.frame(s.out), ends(r.code), nil
}

// about gives a reason that names no element one to stand beside: that of the command itself.
func about(c *command, fail *registry.Failure) *registry.Failure {
	e := &xmltree.Element{Space: nsEPP, Name: "command"}
	if c.element != nil {
		e = c.element
		if verbs[c.verb] && len(e.Children) > 0 {
			e = &e.Children[0]
		}
	}
	named := *fail
	named.Element = xmlschema.ElementName(e)
	return &named
}

// logCommand tells of a command what is no secret: neither values nor reasons that may repeat them.
func (s *session) logCommand(c *command, r *response, took time.Duration) {
	attrs := []any{"command", c.label(), "code", r.code, "clTRID", r.clTRID, "svTRID", r.svTRID, "took", took}
	if r.fail != nil {
		attrs = append(attrs, "element", r.fail.Element)
	}
	s.log.Debug("EPP command", attrs...)
}

// execute carries out a well-formed command.
func (s *session) execute(ctx context.Context, c *command) (response, error) {
	if s.registrar == "" && c.verb != "login" {
		return refusal(failAt(registry.CommandUse, c.element, "log in first")), nil
	}
	switch {
	case c.verb == "login":
		return s.login(ctx, c)
	case c.verb == "logout":
		return s.logout(c), nil
	case c.verb == "poll":
		return s.poll(ctx, c)
	}
	object, fail := c.object(s)
	if fail != nil {
		return refusal(fail), nil
	}
	parse, ok := operations[c.operation()]
	if !ok {
		return refusal(failAt(registry.UnimplementedCommand, object, "the command is not implemented for these objects")), nil
	}
	a, fail := parse(s, object)
	if fail == nil {
		fail = s.extend(c, &a)
	}
	if fail != nil {
		return refusal(fail), nil
	}
	if a.query != nil {
		return s.query(ctx, c, a), nil
	}
	return s.transform(ctx, c, a)
}

// query carries out a command that changes nothing.
func (s *session) query(ctx context.Context, c *command, a action) response {
	r := response{code: registry.Success}
	err := s.registry.View(ctx, a.level, s.lastWrite, func(v fsm.View) error {
		r.data, r.extension, r.unhandled = writer{}, writer{}, nil // a node may try again
		if r.fail = a.query(v, &r.data); r.fail == nil {
			r.fail = s.respond(c.operation(), &v, registry.Result{Code: r.code}, &r)
		}
		q := v.Queue(s.registrar)
		r.queue = &q
		return nil
	})
	if err != nil {
		s.log.Warn("EPP query impossible", "command", c.label(), "error", err)
		r.fail = registry.Fail(registry.CommandFailed, "", "", "the registry can't be read now")
	}
	if r.fail != nil {
		queue := r.queue
		r = refusal(r.fail)
		r.queue = queue
		return r
	}
	return r
}

// transform carries out a command that is for the log.
func (s *session) transform(ctx context.Context, c *command, a action) (response, error) {
	if a.prepare != nil {
		var prepared any
		var fail *registry.Failure
		if err := s.registry.View(ctx, fsm.Linearizable, s.lastWrite, func(v fsm.View) error {
			prepared, fail = a.prepare(v, a.body)
			return nil
		}); err != nil {
			s.log.Warn("EPP command impossible", "command", c.label(), "error", err)
			fail = registry.Fail(registry.CommandFailed, "", "", "the registry can't be read now")
		}
		if fail != nil {
			return refusal(fail), nil
		}
		a.body = prepared
	}
	result, id, err := s.registry.Execute(ctx, Request{
		Actor:  registry.Actor{Role: registry.RoleRegistrar, Name: s.registrar},
		ClTRID: c.clTRID, Kind: a.kind, Body: a.body,
	})
	switch {
	case errors.Is(err, fsm.ErrNotLogged):
		s.log.Warn("EPP command not logged", "command", c.label(), "error", err)
		return refusal(registry.Fail(registry.CommandFailed, "", "", "the registry can't take commands now")), nil
	case err != nil:
		return response{}, err
	}
	s.lastWrite = max(s.lastWrite, result.Index)
	r := response{code: result.Code, fail: result.Fail, svTRID: id.String()}
	if r.code.Failed() {
		return r, nil
	}
	if a.reply != nil {
		if err := a.reply(&r.data, result); err != nil {
			// It was done, but there are no words for it: silence is truer than 2400.
			return response{}, errors.Join(errSilent, err)
		}
	}
	if fail := s.respond(c.operation(), nil, result, &r); fail != nil {
		return response{}, errors.Join(errSilent, fail)
	}
	return r, nil
}
