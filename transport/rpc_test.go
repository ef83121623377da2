package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

func TestCallBetweenThreeNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	nodes := []*node{c.start("a", nil).echo(), c.start("b", nil).echo(), c.start("c", nil).echo()}
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				from.mustEcho(t, to.id)
			}
		}
	}
	for _, n := range nodes {
		peers := n.Peers()
		if len(peers) != 2 {
			t.Fatalf("%s has %d peers, want 2: %+v", n.id, len(peers), peers)
		}
		for _, p := range peers {
			if fmt.Sprint(p.Outbound, p.Inbound) != "[rpc] [rpc]" || p.RTT <= 0 || p.LastError != nil {
				t.Errorf("%s sees its peer as %+v", n.id, p)
			}
		}
		if s := n.Stats(); s.Dials != 2 || s.Accepts != 2 || s.Calls != 2 || s.Served != 2 {
			t.Errorf("%s counts %+v", n.id, s)
		}
	}
}

func TestCallsAreConcurrent(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start("a", nil)
	b := c.start("b", nil)
	const calls = 200
	// No call returns before all have arrived: they must be served at the same time.
	var arrived sync.WaitGroup
	arrived.Add(calls)
	b.Handle("gather", func(_ context.Context, _ string, request []byte) ([]byte, error) {
		arrived.Done()
		arrived.Wait()
		return request, nil
	})
	ctx := testContext(t)
	var done sync.WaitGroup
	for i := range calls {
		done.Go(func() {
			want := bytes.Repeat([]byte{byte(i)}, i*97)
			got, err := a.Call(ctx, "b", "gather", want)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("call %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	done.Wait()
	if dials := a.Stats().Dials; dials != 1 {
		t.Errorf("%d connections were dialled for concurrent calls, want 1", dials)
	}
}

func TestHandlerErrorsReachTheCaller(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	cause := errors.New("not the leader")
	for name, err := range map[string]error{
		"plain":   cause,
		"coded":   fmt.Errorf("wrapped: %w", &CodedError{Code: "not-leader", Err: cause}),
		"long":    errors.New(strings.Repeat("x", MaxErrorMessage+100)),
		"lengthy": &CodedError{Code: strings.Repeat("c", MaxErrorCode+100), Err: cause},
	} {
		b.Handle(name, func(context.Context, string, []byte) ([]byte, error) { return nil, err })
	}
	for _, test := range []struct{ method, code, message string }{
		{"plain", "", "not the leader"},
		{"coded", "not-leader", "wrapped: not the leader"},
		{"long", "", strings.Repeat("x", MaxErrorMessage)},
		{"lengthy", strings.Repeat("c", MaxErrorCode), "not the leader"},
	} {
		_, err := a.Call(testContext(t), "b", test.method, nil)
		remote, ok := errors.AsType[*RemoteError](err)
		if !ok || remote.Peer != "b" || remote.Code != test.code || remote.Message != test.message {
			t.Errorf("%s: %v", test.method, err)
		}
		if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrInterrupted) {
			t.Errorf("%s: a handler's answer looks like a transport's: %v", test.method, err)
		}
	}
}

func TestTransportRefusals(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	b.Handle("panic", func(context.Context, string, []byte) ([]byte, error) { panic("on purpose") })
	b.Handle("huge", func(context.Context, string, []byte) ([]byte, error) { return make([]byte, MaxMessage+1), nil })
	for _, test := range []struct {
		name, peer, method string
		request            int
		code               string
		outcome            error
	}{
		{"unknown method", "b", "nonesuch", 10, CodeNoMethod, ErrUnreachable},
		{"panic", "b", "panic", 10, CodePanic, ErrInterrupted},
		{"reply too large", "b", "huge", 10, CodeReplyTooLarge, ErrInterrupted},
		{"request too large", "b", "echo", MaxMessage + 1, "", ErrUnreachable},
		{"no address", "nobody", "echo", 10, "", ErrUnreachable},
		{"itself", "a", "echo", 10, "", ErrUnreachable},
		{"no method", "b", "", 10, "", ErrUnreachable},
		{"long method", "b", strings.Repeat("m", MaxMethod+1), 10, "", ErrUnreachable},
	} {
		_, err := a.Call(testContext(t), test.peer, test.method, make([]byte, test.request))
		var code string
		if remote, ok := errors.AsType[*RemoteError](err); ok {
			code = remote.Code
		}
		if !errors.Is(err, test.outcome) || code != test.code {
			t.Errorf("%s: %v (code %q), want %v (code %q)", test.name, err, code, test.outcome, test.code)
		}
	}
	a.mustEcho(t, "b") // none of it hurt the connection
	if dials := a.Stats().Dials; dials != 1 {
		t.Errorf("%d dials, want 1", dials)
	}
	if b.log.count("a handler panicked", "on purpose", "method=panic") != 1 {
		t.Errorf("the panic is not in the log:\n%s", b.log)
	}
}

func TestLargestMessages(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	b.Handle("same", func(_ context.Context, _ string, request []byte) ([]byte, error) { return request, nil })
	for _, size := range []int{0, 1, eagerBody, eagerBody + 1, MaxMessage} {
		want := pattern(size)
		got, err := a.Call(testContext(t), "b", "same", want)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

func TestDeadlineTravels(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	b.Handle("budget", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		deadline, ok := ctx.Deadline()
		if !ok {
			return []byte("none"), nil
		}
		return []byte(time.Until(deadline).Round(time.Hour).String()), nil
	})
	got, err := a.Call(context.Background(), "b", "budget", nil)
	if err != nil || string(got) != "none" {
		t.Errorf("without a deadline: %q, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Hour)
	defer cancel()
	got, err = a.Call(ctx, "b", "budget", nil)
	if err != nil || string(got) != "5h0m0s" {
		t.Errorf("with five hours: %q, %v", got, err)
	}
}

// A handler must learn that nobody waits for it any more; and the caller must not take other calls down with its own.
func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	entered, left := make(chan struct{}), make(chan struct{})
	b.Handle("hang", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		entered <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
		return nil, ctx.Err()
	})
	release := make(chan struct{})
	b.Handle("neighbour", func(context.Context, string, []byte) ([]byte, error) {
		entered <- struct{}{}
		<-release
		return nil, nil
	})
	neighbour := make(chan error, 1)
	go func() {
		_, err := a.Call(testContext(t), "b", "neighbour", nil)
		neighbour <- err
	}()
	<-entered

	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	_, err := a.Call(ctx, "b", "hang", nil)
	if !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call returns %v", err)
	}
	<-left

	// The same by deadline: longer than a keep-alive period, so that the peer is heard of meanwhile.
	ctx, cancel = context.WithTimeout(context.Background(), 3*DefaultKeepAlive)
	defer cancel()
	go func() { <-entered }()
	_, err = a.Call(ctx, "b", "hang", nil)
	if !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an expired call returns %v", err)
	}
	<-left

	close(release)
	if err := <-neighbour; err != nil {
		t.Errorf("the neighbour's call: %v", err)
	}
	if dials := a.Stats().Dials; dials != 1 {
		t.Errorf("%d dials, want 1", dials)
	}
}

func TestTooManyCallsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	var inside atomic.Int64
	release := make(chan struct{})
	b.Handle("hold", func(context.Context, string, []byte) ([]byte, error) {
		inside.Add(1)
		<-release
		return nil, nil
	})
	ctx := testContext(t)
	var done sync.WaitGroup
	for range maxCallsPerPeer {
		done.Go(func() {
			if _, err := a.Call(ctx, "b", "hold", nil); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "all calls are inside", func() bool { return inside.Load() == maxCallsPerPeer })
	_, err := a.Call(ctx, "b", "echo", nil)
	remote, ok := errors.AsType[*RemoteError](err)
	if !ok || remote.Code != CodeBusy || !errors.Is(err, ErrUnreachable) {
		t.Errorf("one call too many: %v", err)
	}
	close(release)
	done.Wait()
	eventually(t, "calls are served again", func() bool { return a.tryEcho("b") == nil })
	if b.Stats().Busy == 0 {
		t.Error("the refusal was not counted")
	}
}

// A request counts from when its length is known: whoever announces the most may send it slowly.
func TestTooManyBytesOfRequestsAreRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	ctx := testContext(t)
	announcement := appendRequest(nil, request{method: "echo", body: make([]byte, MaxMessage)})[:5+len("echo")+4]
	var announced []*quic.Stream
	for range maxRequestBytesPerPeer / MaxMessage {
		_, stream, err := a.openStream(ctx, "b", ProtocolRPC)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Write(announcement); err != nil {
			t.Fatal(err)
		}
		announced = append(announced, stream)
	}
	eventually(t, "the budget is used up", func() bool {
		_, err := a.Call(ctx, "b", "echo", []byte("one byte too many"))
		remote, ok := errors.AsType[*RemoteError](err)
		return ok && remote.Code == CodeBusy
	})
	for _, stream := range announced {
		reset(stream, resetAbandoned)
	}
	eventually(t, "calls are served again", func() bool { return a.tryEcho("b") == nil })
	if b.Stats().Busy == 0 {
		t.Error("the refusal was not counted")
	}
}

func TestMethodNamesAreChecked(t *testing.T) {
	t.Parallel()
	a := newCluster(t).start("a", nil).echo()
	for _, name := range []string{"", "echo", strings.Repeat("m", MaxMethod+1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("method %q was accepted", name)
				}
			}()
			a.Handle(name, nil)
		}()
	}
}

func TestCloseWaitsForWhatIsServed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", func(config *Config) { config.CloseTimeout = patience }).echo()
	entered, release := make(chan struct{}), make(chan struct{})
	b.Handle("hold", func(context.Context, string, []byte) ([]byte, error) {
		close(entered)
		<-release
		return []byte("done"), nil
	})
	type result struct {
		body []byte
		err  error
	}
	held := make(chan result, 1)
	go func() {
		body, err := a.Call(testContext(t), "b", "hold", nil)
		held <- result{body, err}
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	// While it waits, new requests are refused, with certainty.
	eventually(t, "new calls are refused", func() bool {
		err := a.tryEcho("b")
		remote, ok := errors.AsType[*RemoteError](err)
		return ok && remote.Code == CodeClosing && errors.Is(err, ErrUnreachable)
	})
	close(release)
	if r := <-held; r.err != nil || string(r.body) != "done" {
		t.Errorf("the call in flight: %q, %v", r.body, r.err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := b.Call(testContext(t), "a", "echo", nil); !errors.Is(err, ErrClosed) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("a call after Close: %v", err)
	}
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", func(config *Config) { config.CloseTimeout = 50 * time.Millisecond })
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	b.Handle("hang", func(context.Context, string, []byte) ([]byte, error) {
		close(entered)
		<-release
		return nil, nil
	})
	called := make(chan error, 1)
	go func() {
		_, err := a.Call(testContext(t), "b", "hang", nil)
		called <- err
	}()
	<-entered
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-called; !errors.Is(err, ErrInterrupted) {
		t.Errorf("the call in flight: %v", err)
	}
}

func TestDisconnect(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	a.mustEcho(t, "b")
	b.mustEcho(t, "a")
	a.Disconnect("b")
	eventually(t, "both sides have no connection", func() bool { return connections(a) == 0 && connections(b) == 0 })
	if peers := a.Peers(); len(peers) != 0 {
		t.Errorf("a still knows %+v", peers)
	}
	a.mustEcho(t, "b")
}

// Everything at once, and then Close in the middle of it: each call must end, in one of the ways that are promised.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", strict).echo(), c.start("b", strict).echo()
	stop := make(chan struct{})
	var busy sync.WaitGroup
	during := func(f func()) {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	var good atomic.Int64
	for range 4 {
		for _, pair := range [][2]*node{{a, b}, {b, a}} {
			during(func() {
				switch err := pair[0].tryEcho(pair[1].id); {
				case err == nil:
					good.Add(1)
				case !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrInterrupted):
					t.Error(err)
				}
			})
		}
	}
	during(func() { a.Peers(); b.Stats() })
	for range 20 {
		enough := good.Load() + 10
		eventually(t, "calls get through", func() bool { return good.Load() >= enough })
		a.Disconnect("b")
	}
	a.Close()
	close(stop)
	busy.Wait()
}

func connections(n *node) int {
	sum := 0
	for _, p := range n.Peers() {
		sum += len(p.Inbound) + len(p.Outbound)
	}
	return sum
}
