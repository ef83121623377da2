package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// rdapLoad is what came of a phase of RDAP queries.
type rdapLoad struct {
	took     Samples // of the successful ones
	failures atomic.Int64
	elapsed  time.Duration
	firstErr atomic.Pointer[error]
}

func (l *rdapLoad) fail(err error) {
	l.failures.Add(1)
	l.firstErr.CompareAndSwap(nil, &err)
}

// queryRDAP asks the server at base for the domains of names for the time d, over a fixed number of kept connections.
func queryRDAP(ctx context.Context, base string, cfg *tls.Config, names []string, d time.Duration) *rdapLoad {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	// HTTP/1.1: one connection per worker, as many clients have.
	client := &http.Client{Timeout: commandTimeout, Transport: &http.Transport{
		TLSClientConfig: cfg, MaxIdleConnsPerHost: rdapWorkers, MaxConnsPerHost: rdapWorkers,
	}}
	defer client.CloseIdleConnections()
	l := &rdapLoad{}
	begin := time.Now()
	var group sync.WaitGroup
	for i := range rdapWorkers {
		group.Go(func() {
			for n := i; ctx.Err() == nil; n += rdapWorkers {
				began := time.Now()
				err := lookUp(ctx, client, strings.TrimSuffix(base, "/")+"/domain/"+names[n%len(names)])
				switch {
				case err == nil:
					l.took.Add(time.Since(began))
				case ctx.Err() == nil:
					l.fail(err)
				}
			}
		})
	}
	group.Wait()
	l.elapsed = time.Since(begin)
	return l
}

func lookUp(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: HTTP status %d", url, resp.StatusCode)
	}
	return nil
}
