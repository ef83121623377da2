package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

func TestBulkTransfers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	content := pattern(5_000_001)
	b.HandleBulk("take", func(_ context.Context, peer string, request []byte, w io.Writer) error {
		if peer != "a" || string(request) != "please" {
			return errors.New("wrong peer or request")
		}
		_, err := io.Copy(w, bytes.NewReader(content))
		return err
	})
	b.HandleBulk("empty", func(context.Context, string, []byte, io.Writer) error { return nil })
	b.HandleBulk("pieces", func(_ context.Context, _ string, _ []byte, w io.Writer) error {
		for i := range 1000 {
			if _, err := w.Write(content[i*100 : i*100+100]); err != nil {
				return err
			}
		}
		return nil
	})
	var transfers sync.WaitGroup
	for _, test := range []struct {
		method string
		want   []byte
	}{{"take", content}, {"empty", nil}, {"pieces", content[:100_000]}} {
		transfers.Go(func() {
			r, err := a.OpenBulk(testContext(t), "b", test.method, []byte("please"))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, test.want) {
				t.Errorf("%s: %d bytes of %d, %v", test.method, len(got), len(test.want), err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%s: reading on gives %d, %v", test.method, n, err)
			}
		})
	}
	transfers.Wait()
	total := uint64(len(content) + 100_000)
	if sent, received := b.Stats().BulkSent, a.Stats().BulkReceived; sent != total || received != total {
		t.Errorf("counted %d sent and %d received, want %d", sent, received, total)
	}
	if p := a.Peers()[0]; len(p.Outbound) != 1 || p.Outbound[0] != ProtocolBulk {
		t.Errorf("bulk is not on a connection of its own: %+v", p)
	}
}

// Whatever ends a transfer before its end, the reader must not take it for the end.
func TestBulkTruncationIsAnError(t *testing.T) {
	t.Parallel()
	a, b, r := throughRelay(t)
	wrote := make(chan struct{}, 1)
	half := func(w io.Writer) {
		w.Write(pattern(2 * writeChunk))
		wrote <- struct{}{}
	}
	b.HandleBulk("fails", func(_ context.Context, _ string, _ []byte, w io.Writer) error {
		half(w)
		return &CodedError{Code: "disk", Err: errors.New("read error")}
	})
	b.HandleBulk("panics", func(_ context.Context, _ string, _ []byte, w io.Writer) error {
		half(w)
		panic("on purpose")
	})
	b.HandleBulk("hangs", func(ctx context.Context, _ string, _ []byte, w io.Writer) error {
		half(w)
		<-ctx.Done()
		return ctx.Err()
	})
	read := func(ctx context.Context, method string) (int, error) {
		stream, err := a.OpenBulk(ctx, "b", method, nil)
		if err != nil {
			return 0, err
		}
		defer stream.Close()
		got, err := io.ReadAll(stream)
		return len(got), err
	}

	n, err := read(testContext(t), "fails")
	<-wrote
	if remote, ok := errors.AsType[*RemoteError](err); n != 2*writeChunk || !ok || remote.Code != "disk" || remote.Message != "read error" {
		t.Errorf("a handler's error after half: %d bytes, %v", n, err)
	}
	_, err = read(testContext(t), "panics")
	<-wrote
	if remote, ok := errors.AsType[*RemoteError](err); !ok || remote.Code != CodePanic || !errors.Is(err, ErrInterrupted) {
		t.Errorf("a panic after half: %v", err)
	}
	_, err = read(testContext(t), "nonesuch")
	if remote, ok := errors.AsType[*RemoteError](err); !ok || remote.Code != CodeNoMethod || !errors.Is(err, ErrUnreachable) {
		t.Errorf("an unknown method: %v", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-wrote; cancel() }()
	if _, err = read(ctx, "hangs"); !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that gives up: %v", err)
	}
	go func() { <-wrote; r.cut.Store(true) }()
	if _, err = read(testContext(t), "hangs"); !errors.Is(err, ErrInterrupted) {
		t.Errorf("a path that is cut: %v", err)
	}
}

func TestBulkReaderClosesEarly(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	ended := make(chan error, 1)
	b.HandleBulk("endless", func(_ context.Context, _ string, _ []byte, w io.Writer) error {
		_, err := io.Copy(w, zeros{})
		ended <- err
		return err
	})
	r, err := a.OpenBulk(testContext(t), "b", "endless", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	select {
	case err := <-ended:
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the writer ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the writer goes on for nobody")
	}
}

func TestBulkTransfersAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil), c.start("b", nil)
	entered, release := make(chan struct{}), make(chan struct{})
	b.HandleBulk("hold", func(context.Context, string, []byte, io.Writer) error {
		entered <- struct{}{}
		<-release
		return nil
	})
	var held []io.ReadCloser
	for range maxBulkPerPeer {
		r, err := a.OpenBulk(testContext(t), "b", "hold", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		held = append(held, r)
		<-entered
	}
	r, err := a.OpenBulk(testContext(t), "b", "hold", nil)
	if err == nil {
		_, err = r.Read(make([]byte, 1))
		r.Close()
	}
	if remote, ok := errors.AsType[*RemoteError](err); !ok || remote.Code != CodeBusy {
		t.Errorf("one transfer too many: %v", err)
	}
	close(release)
	for _, r := range held {
		if _, err := io.ReadAll(r); err != nil {
			t.Error(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
