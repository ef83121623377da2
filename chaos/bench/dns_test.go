package bench

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// answering runs a name server that turns each query round as answer says; nil drops it.
func answering(t *testing.T, answer func(n int64, query []byte) []byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var n atomic.Int64
	go func() {
		b := make([]byte, 512)
		for {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if a := answer(n.Add(1), b[:size]); a != nil {
				conn.WriteTo(a, from) // a lost answer is the generator's to notice
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestDNSLoadCountsAnswers(t *testing.T) {
	t.Parallel()
	const refused = 5
	for what, c := range map[string]struct {
		answer func(n int64, query []byte) []byte
		check  func(l dnsLoad) bool
	}{
		"all right":   {func(_ int64, q []byte) []byte { return q }, func(l dnsLoad) bool { return l.answers > 0 && l.wrong == 0 }},
		"all refused": {func(_ int64, q []byte) []byte { q[3] = refused; return q }, func(l dnsLoad) bool { return l.answers > 0 && l.wrong == l.answers }},
		"all dropped": {func(int64, []byte) []byte { return nil }, func(l dnsLoad) bool { return l.answers == 0 && l.lost > 0 }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l, err := queryDNS(context.Background(), answering(t, c.answer), []string{"a.example", "b.example"}, 2*dnsPatience)
			if err != nil || !c.check(l) {
				t.Errorf("%+v, %v", l, err)
			}
		})
	}
}

func TestEchoLimit(t *testing.T) {
	t.Parallel()
	rate, err := echoLimit(context.Background(), []string{"a.example"}, 100*time.Millisecond)
	if err != nil || rate <= 0 {
		t.Errorf("%v, %v", rate, err)
	}
}
