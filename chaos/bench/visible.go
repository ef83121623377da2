package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"
)

// visibleSteps are the upper bounds of the histogram of how long a delegation takes to the name servers.
var visibleSteps = []time.Duration{
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond,
	200 * time.Millisecond, 300 * time.Millisecond, 500 * time.Millisecond, time.Second, 3600 * time.Second,
}

// reportVisible times the way from EPP's 1000 to an answer with the delegation at every site's name server: of n creates on one
// connection, alone and beside a stream of creates at another site.
func (t *Target) reportVisible(ctx context.Context, n int, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nfrom 1000 to the delegation in the DNS\tp50\tp90\tp99\tlongest\tn\t")
	var histograms strings.Builder
	for _, beside := range []bool{false, true} {
		sites, everywhere, err := t.visible(ctx, n, beside)
		if err != nil {
			return err
		}
		what := "alone"
		if beside {
			what = fmt.Sprintf("beside %d creates/s", time.Second/streamInterval)
		}
		for i, s := range append(sites, everywhere) {
			where := "at all sites"
			if i < len(sites) {
				where = "at " + t.Sites[i].Name
			}
			fmt.Fprintf(w, "%s, %s\t%s\t%s\t%s\t%s\t%d\t\n", what, where, ms(s.Quantile(0.5)), ms(s.Quantile(0.9)), ms(s.Quantile(0.99)), ms(s.Quantile(1)), s.Len())
		}
		fmt.Fprintf(&histograms, "%s, at all sites: %s\n", what, everywhere.histogram(visibleSteps))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, histograms.String())
	return err
}

// histogram counts the samples up to each bound.
func (s *Samples) histogram(bounds []time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make([]int, len(bounds))
	for _, d := range s.all {
		for i, b := range bounds {
			if d <= b {
				counts[i]++
				break
			}
		}
	}
	var text []string
	for i, n := range counts {
		if n > 0 {
			text = append(text, fmt.Sprintf("up to %v: %d", bounds[i], n))
		}
	}
	return strings.Join(text, ", ")
}

// visible creates n domains at the first site, each once the one before is seen everywhere.
func (t *Target) visible(ctx context.Context, n int, beside bool) (sites []*Samples, everywhere *Samples, err error) {
	if beside {
		s, err := t.startStream(ctx, 1%len(t.Sites))
		if err != nil {
			return nil, nil, err
		}
		defer func() {
			s.stop()
			s.sends.Wait()
		}()
	}
	c, err := t.login(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	everywhere = &Samples{}
	for range t.Sites {
		sites = append(sites, &Samples{})
	}
	phase := t.phases.Add(1)
	for i := range n {
		name := fmt.Sprintf("%s-v%d-%d.%s", t.run, phase, i, t.TLD)
		if _, err := c.CreateDomain(ctx, t.domain(name)); err != nil {
			return nil, nil, fmt.Errorf("create of %s: %w", name, err)
		}
		begin := time.Now()
		errs := make([]error, len(t.Sites))
		took := make([]time.Duration, len(t.Sites))
		var group sync.WaitGroup
		for site := range t.Sites {
			group.Go(func() {
				errs[site] = t.awaitDelegation(ctx, site, name)
				took[site] = time.Since(begin)
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, nil, err
		}
		longest := time.Duration(0)
		for site, d := range took {
			sites[site].Add(d)
			longest = max(longest, d)
		}
		everywhere.Add(longest)
	}
	return sites, everywhere, nil
}

// awaitDelegation asks a site's name server until it refers to the name servers of a domain.
func (t *Target) awaitDelegation(ctx context.Context, site int, name string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	client := &dns.Client{Timeout: dnsPatience}
	conn, err := client.DialContext(ctx, t.Sites[site].DNS)
	if err != nil {
		return err
	}
	defer conn.Close()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	q.RecursionDesired = false
	for {
		answer, _, err := client.ExchangeWithConnContext(ctx, q, conn)
		if err == nil && !answer.Authoritative && len(answer.Ns) > 0 {
			return nil
		}
		select {
		case <-time.After(visibleInterval):
		case <-ctx.Done():
			return fmt.Errorf("%s doesn't refer to the name servers of %s: %w", t.Sites[site].Name, name, ctx.Err())
		}
	}
}
