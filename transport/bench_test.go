package transport

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// quiet starts two nodes that don't log.
func quiet(b *testing.B) (*node, *node) {
	c := newCluster(b)
	discard := func(config *Config) { config.Logger = slog.New(slog.DiscardHandler) }
	return c.start("a", discard), c.start("b", discard)
}

func BenchmarkCall(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"500B", 500}, {"64KiB", 64 << 10}} {
		request := make([]byte, size.bytes)
		start := func(b *testing.B) *node {
			from, to := quiet(b)
			to.Handle("sink", func(context.Context, string, []byte) ([]byte, error) { return nil, nil })
			if _, err := from.Call(context.Background(), "b", "sink", nil); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(size.bytes))
			b.ReportAllocs()
			b.ResetTimer()
			return from
		}
		b.Run(size.name+"/one", func(b *testing.B) {
			from := start(b)
			for b.Loop() {
				if _, err := from.Call(context.Background(), "b", "sink", request); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(size.name+"/64", func(b *testing.B) {
			from := start(b)
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := from.Call(context.Background(), "b", "sink", request); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	from, to := quiet(b)
	const size = 64 << 20
	to.HandleBulk("zeros", func(_ context.Context, _ string, _ []byte, w io.Writer) error {
		_, err := io.CopyN(w, zeros{}, size)
		return err
	})
	b.SetBytes(size)
	for b.Loop() {
		r, err := from.OpenBulk(context.Background(), "b", "zeros", nil)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		if n != size || err != nil {
			b.Fatal(n, err)
		}
		r.Close()
	}
}

func BenchmarkRaftStreamRoundTrip(b *testing.B) {
	from, to := quiet(b)
	go func() {
		conn, err := to.Raft().Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, conn)
	}()
	conn, err := from.Raft().Dial(raft.ServerAddress("b"), patience)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 500)
	for b.Loop() {
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := conn.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	from, to := quiet(b)
	to.echo()
	for b.Loop() {
		from.mustEcho(b, "b")
		from.Disconnect("b")
	}
}
