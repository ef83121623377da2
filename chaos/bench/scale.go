package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
)

// ScaleOptions say how large a registry to measure.
type ScaleOptions struct {
	Domains     int // at least
	Connections int // that create them
	Restarts    int // of each kind
}

// Scale fills a cluster through EPP and prints what its nodes hold in memory and on disk, and how long they take to come back.
func Scale(ctx context.Context, c *cluster.Cluster, o ScaleOptions, out io.Writer) error {
	t, err := NewTarget(c.Endpoints())
	if err != nil {
		return err
	}
	if err := t.furnish(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	fmt.Fprintf(out, "Machine: %s\n", machine())
	last, err := t.fill(ctx, o, out)
	if err != nil {
		return fmt.Errorf("filling: %w", err)
	}
	if _, err := settle(ctx, c); err != nil {
		return err
	}
	if err := reportSizes(ctx, c, out); err != nil {
		return err
	}
	return t.reportRestarts(ctx, c, o, last, out)
}

// fill creates domains until there are enough, and returns the name of one of the last.
func (t *Target) fill(ctx context.Context, o ScaleOptions, out io.Writer) (last string, err error) {
	if err := t.enlist(ctx, registrarsFor(o.Domains)); err != nil {
		return "", err
	}
	begin, done := time.Now(), 0
	var first, newest float64
	for done < o.Domains {
		l, err := t.createMany(ctx, o.Connections, len(t.accounts), fillPhase)
		if err != nil {
			return "", err
		}
		if len(l.failures) > 0 || len(l.names) == 0 {
			return "", fmt.Errorf("%d created, and not: %s", len(l.names), tally(l.failures))
		}
		done += len(l.names)
		last = l.names[len(l.names)-1]
		newest = float64(len(l.names)) / l.elapsed.Seconds()
		if first == 0 {
			first = newest
		}
	}
	fmt.Fprintf(out, "Filled through EPP: %d domains over %d connections at all sites in %.0f s; %.0f/s in the first %v, %.0f/s in the last\n",
		done, o.Connections, time.Since(begin).Seconds(), first, fillPhase, newest)
	return last, nil
}

// registrarsFor is how many registrars it takes to pay for so many domains.
func registrarsFor(domains int) int { return domains/domainsByRegistrar + 1 }

// reportSizes prints what each site holds.
func reportSizes(ctx context.Context, c *cluster.Cluster, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nsite\tresident, MiB\tof it private\tmapped files\tGo heap, MiB\tstate.db, MiB\traft.db, MiB\t")
	const mib = 1 << 20
	for _, s := range c.Sites() {
		resident, err := memory(c.PID(s))
		if err != nil {
			return err
		}
		heap, err := metric(ctx, c.MetricsURL(s), "go_memstats_heap_inuse_bytes")
		if err != nil {
			return err
		}
		var sizes []float64
		for _, name := range []string{"state.db", "raft.db"} {
			info, err := os.Stat(filepath.Join(c.DataFolder(s), name))
			if err != nil {
				return err
			}
			sizes = append(sizes, float64(info.Size())/mib)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", s, resident["VmRSS"]/mib, resident["RssAnon"]/mib, resident["RssFile"]/mib, heap/mib, sizes[0], sizes[1])
	}
	return w.Flush()
}

// memory is a process's memory by kind, in bytes (proc(5), /proc/PID/status).
func memory(pid int) (map[string]float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	kinds := map[string]float64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		text, isKB := strings.CutSuffix(strings.TrimSpace(value), " kB")
		if n, err := strconv.ParseFloat(text, 64); err == nil && isKB {
			kinds[key] = n * 1024
		}
	}
	return kinds, nil
}

// metric is the value of a metric without labels.
func metric(ctx context.Context, url, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Timeout: commandTimeout}).Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return readMetric(io.LimitReader(resp.Body, maxBody), name)
}

// readMetric finds a metric without labels in Prometheus' text format.
func readMetric(r io.Reader, name string) (float64, error) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(text, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// restart is how long a site took, from the start of its process.
type restart struct{ dns, epp *Samples }

// reportRestarts ends sites in order and by force, and prints how long they take to serve again.
func (t *Target) reportRestarts(ctx context.Context, c *cluster.Cluster, o ScaleOptions, name string, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nrestart\tstart to DNS, p50\tlongest\tstart to EPP, p50\tlongest\tn\t")
	for _, kind := range []struct {
		name string
		end  func(site string) error
	}{{"SIGTERM", c.Stop}, {"SIGKILL", c.Kill}} {
		took := restart{&Samples{}, &Samples{}}
		for i := range o.Restarts {
			if err := t.restart(ctx, c, i%len(c.Sites()), kind.end, name, took); err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t\n", kind.name, ms(took.dns.Quantile(0.5)), ms(took.dns.Quantile(1)), ms(took.epp.Quantile(0.5)), ms(took.epp.Quantile(1)), took.dns.Len())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "DNS: a referral for one of the newest names. EPP: connect, login (which hashes the password) and a linearizable info of the same name.\nOne site after the other, the leader's among them, while the others run.")
	return nil
}

func (t *Target) restart(ctx context.Context, c *cluster.Cluster, site int, end func(string) error, name string, took restart) error {
	id := t.Sites[site].Name
	if err := end(id); err != nil {
		return err
	}
	begin := time.Now()
	if err := c.Start(id); err != nil {
		return err
	}
	alive := func(err error) error {
		if err != nil && !c.Running(id) {
			return fmt.Errorf("%w: %s", errEnded, c.LastWords(id))
		}
		return err
	}
	if err := eventually(ctx, func() error { return alive(t.referral(ctx, site, name)) }); err != nil {
		return err
	}
	took.dns.Add(time.Since(begin))
	if err := eventually(ctx, func() error { return alive(t.info(ctx, site, name)) }); err != nil {
		return err
	}
	took.epp.Add(time.Since(begin))
	_, err := settle(ctx, c)
	return err
}

// referral is nil when the site's name server knows the delegation.
func (t *Target) referral(ctx context.Context, site int, name string) error {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	client := &dns.Client{Timeout: dnsPatience}
	answer, _, err := client.ExchangeContext(ctx, q, t.Sites[site].DNS)
	if err == nil && len(answer.Ns) == 0 {
		err = errors.New("no referral")
	}
	return err
}

// info is nil when the site answers a registrar that asks for a domain.
func (t *Target) info(ctx context.Context, site int, name string) error {
	c, err := t.login(ctx, site)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.InfoDomain(ctx, name, "", "")
	return err
}
