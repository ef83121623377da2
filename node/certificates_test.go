package node

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"quorate/transport/pki"
)

func TestCertificatesFollowTheirFiles(t *testing.T) {
	t.Parallel()
	ca, err := pki.NewCA("test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &servedCertificate{name: "epp", cert: filepath.Join(dir, "epp.pem"), key: filepath.Join(dir, "epp.key")}
	issue := func(into *servedCertificate) string {
		t.Helper()
		leaf, err := ca.IssueServer("epp", []string{"127.0.0.1"}, time.Hour)
		if err == nil {
			err = pki.Save(leaf, into.cert, into.key)
		}
		if err != nil {
			t.Fatal(err)
		}
		return pki.Fingerprint(leaf.Leaf)
	}
	served := func() string {
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pki.Fingerprint(got.Leaf)
	}
	if _, err := c.load(); err == nil {
		t.Error("no files")
	}
	first := issue(c)
	if changed, err := c.load(); !changed || err != nil || served() != first {
		t.Fatalf("%v, %v", changed, err)
	}
	if changed, err := c.load(); changed || err != nil {
		t.Errorf("again: %v, %v", changed, err)
	}
	// Halfway: the certificate is the next one's, the key is not.
	other := &servedCertificate{cert: filepath.Join(dir, "next.pem"), key: filepath.Join(dir, "next.key")}
	second := issue(other)
	if err := os.Rename(other.cert, c.cert); err != nil {
		t.Fatal(err)
	}
	if changed, err := c.load(); changed || err == nil || served() != first {
		t.Errorf("halfway: %v, %v", changed, err)
	}
	if err := os.Rename(other.key, c.key); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { follow(ctx, slog.New(slog.DiscardHandler), c); close(ended) }()
	for end := time.Now().Add(20 * time.Second); served() != second; {
		if time.Now().After(end) {
			t.Fatal("the new certificate isn't served")
		}
		hup(t)
	}
	stop()
	<-ended
}

var caught sync.Once

// hup sends this process what makes it look at its files. Go programs that don't listen for it end by it, so it is caught once and for all.
func hup(t *testing.T) {
	t.Helper()
	caught.Do(func() { signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) })
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
