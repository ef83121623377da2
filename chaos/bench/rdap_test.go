package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRDAPLoadTellsSuccessFromFailure(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/domain/there.example" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	cfg := &tls.Config{RootCAs: pool}
	const phase = 2 * time.Second // for one handshake at least, on a machine that does much else
	l := queryRDAP(context.Background(), server.URL, cfg, []string{"there.example"}, phase)
	if l.took.Len() == 0 || l.failures.Load() != 0 {
		t.Errorf("%d successes, %d failures, %v", l.took.Len(), l.failures.Load(), l.firstErr.Load())
	}
	l = queryRDAP(context.Background(), server.URL, cfg, []string{"gone.example"}, phase)
	if err := l.firstErr.Load(); l.took.Len() != 0 || l.failures.Load() == 0 || err == nil || !strings.Contains((*err).Error(), "404") {
		t.Errorf("%d successes, %d failures, %v", l.took.Len(), l.failures.Load(), err)
	}
}
