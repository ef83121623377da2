package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"quorate/transport/pki"
)

// certificateInterval is how often certificate files are looked at: a new one is served within a minute of its being put there.
const certificateInterval = 20 * time.Second

// servedCertificate is a certificate that follows its files: who renews it
// replaces them, and connections from then on see the new one. Files that don't fit together, as halfway through a
// replacement, change nothing.
type servedCertificate struct {
	name      string // what it is for, in the log
	cert, key string // paths
	now       atomic.Pointer[tls.Certificate]
	seen      []byte // content of the files when they were last looked at
}

// load reads the files; changed is false if they are as before.
func (c *servedCertificate) load() (changed bool, err error) {
	var content []byte
	for _, file := range []string{c.cert, c.key} {
		b, err := os.ReadFile(file)
		if err != nil {
			return false, fmt.Errorf("%s's certificate: %w", c.name, err)
		}
		content = append(content, b...)
	}
	if bytes.Equal(content, c.seen) {
		return false, nil
	}
	loaded, err := pki.Load(c.cert, c.key)
	c.seen = content
	if err != nil {
		return false, fmt.Errorf("%s's certificate: %w", c.name, err)
	}
	c.now.Store(&loaded)
	return true, nil
}

// get is for tls.Config.GetCertificate.
func (c *servedCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.now.Load(), nil
}

// follow looks at the files of all now and then, and at SIGHUP, until ctx ends.
func follow(ctx context.Context, log *slog.Logger, all ...*servedCertificate) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	every := time.NewTicker(certificateInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-hup:
		case <-ctx.Done():
			return
		}
		for _, c := range all {
			switch changed, err := c.load(); {
			case err != nil:
				log.Error("a new certificate can't be used: the old one stays", "page", true, "error", err)
			case changed:
				log.Info("a new certificate is served", "of", c.name, "until", c.now.Load().Leaf.NotAfter)
			}
		}
	}
}
