// Package bench measures a cluster through its front doors: round trips of EPP
// commands on one connection, creates per second on many, DNS and RDAP queries
// per second. It says what the machine is, what the generator itself could do,
// and whose processor time went into each operation.
package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"quorate/node/admin"
	"quorate/node/endpoints"
	"quorate/transport/pki"
)

// Options say how much to measure.
type Options struct {
	Connections int           // that create at once
	Phase       time.Duration // length of each phase; at most MaxPhase
}

// Target is a cluster to measure.
type Target struct {
	endpoints.Endpoints
	accounts    []account   // the first is the file's first registrar
	plainTLS    *tls.Config // for RDAP
	operatorTLS *tls.Config
	run         string       // begins all names of this run
	phases      atomic.Int32 // of creates so far: names of each are their own
	mu          sync.Mutex
	firstLogins map[firstLogin]time.Duration // what this run's first login took
}

// firstLogin names the first login of a registrar at a site.
type firstLogin struct {
	site int
	id   string
}

// NewTarget prepares for measuring the cluster at e, as its first registrar.
func NewTarget(e endpoints.Endpoints) (*Target, error) {
	if len(e.Registrars) == 0 {
		return nil, errors.New("the endpoints file names no registrar")
	}
	pool, err := pki.LoadPool(e.CA)
	if err != nil {
		return nil, err
	}
	t := &Target{Endpoints: e, run: "b" + strconv.FormatInt(time.Now().Unix(), 36), firstLogins: map[firstLogin]time.Duration{}}
	with := func(cert, key string) *tls.Config {
		cfg := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		if cert != "" && err == nil {
			var pair tls.Certificate
			pair, err = pki.Load(cert, key)
			cfg.Certificates = []tls.Certificate{pair}
		}
		return cfg
	}
	for _, r := range e.Registrars {
		t.accounts = append(t.accounts, account{r.ID, r.Password, with(r.Cert, r.Key)})
	}
	t.plainTLS, t.operatorTLS = with("", ""), with(e.Operator.Cert, e.Operator.Key)
	return t, err
}

// leader is the position of the site that leads.
func (t *Target) leader(ctx context.Context) (int, error) {
	for i, s := range t.Sites {
		client := admin.NewClient(s.Admin, t.operatorTLS)
		defer client.Close()
		if st, err := client.Status(ctx); err == nil && st.State == "leader" {
			return i, nil
		}
	}
	return 0, errors.New("no site leads")
}

func (t *Target) pids() (pids []int) {
	for _, s := range t.Sites {
		pids = append(pids, s.PID)
	}
	return pids
}

// Run measures the target and prints what it finds.
func Run(ctx context.Context, t *Target, o Options, out io.Writer) error {
	o.Phase = min(o.Phase, MaxPhase)
	fmt.Fprintf(out, "Machine: %s\n", machine())
	if s, err := syncTime(filepath.Dir(t.CA)); err == nil {
		fmt.Fprintf(out, "Disk: 4 KiB made durable in %s (p50), %s (p99)\n", ms(s.Quantile(0.5)), ms(s.Quantile(0.99)))
	}
	fmt.Fprintf(out, "Cluster: %d sites, TLD %s\n\n", len(t.Sites), t.TLD)
	if err := t.furnish(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	if err := t.reportRoundTrips(ctx, o, out); err != nil {
		return fmt.Errorf("round trips: %w", err)
	}
	names, err := t.reportCreates(ctx, o, out)
	if err != nil {
		return fmt.Errorf("creates: %w", err)
	}
	names = names[:min(len(names), queried)]
	if err := t.reportDNS(ctx, o, names, out); err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	return t.reportRDAP(ctx, o, names, out)
}

// ms writes a duration in milliseconds.
func ms(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", millis(d))
}

func (t *Target) reportRoundTrips(ctx context.Context, o Options, out io.Writer) error {
	leads, err := t.leader(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "EPP over TLS, one connection, one command after the other")
	sites := []int{leads}
	if len(t.Sites) > 1 {
		sites = append(sites, (leads+1)%len(t.Sites))
	}
	var took []map[string]*Samples
	for _, s := range sites {
		m, err := t.roundTripsAt(ctx, s, o.Phase)
		if err != nil {
			return err
		}
		took = append(took, m)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "command\t")
	for i := range sites {
		fmt.Fprintf(w, "%s p50\tp99\tn\t", []string{"at the leader", "at a follower"}[i])
	}
	fmt.Fprintln(w)
	for _, c := range commands {
		fmt.Fprintf(w, "%s\t", c)
		for _, m := range took {
			s := m[c]
			fmt.Fprintf(w, "%s\t%s\t%d\t", ms(s.Quantile(0.5)), ms(s.Quantile(0.99)), s.Len())
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, `"login, first" is this run's first at a site: it hashes the password, unless the site has seen it in the last minutes; "again" doesn't.
check is at session level; info is linearizable: a quorum confirms the leader first. The transforms wait for a majority's disks.`)
	return nil
}

func (t *Target) reportCreates(ctx context.Context, o Options, out io.Writer) (names []string, err error) {
	before := usageOf(t.pids())
	l, err := t.createMany(ctx, o.Connections, 1, o.Phase)
	if err != nil {
		return nil, err
	}
	after := usageOf(t.pids())
	fmt.Fprintf(out, "\ndomain:create over EPP/TLS, %d connections over %d sites, %.1f s: %.0f/s, p50 %s, p99 %s, longest %s, %d done, failures: %s\n",
		o.Connections, len(t.Sites), l.elapsed.Seconds(), float64(l.took.Len())/l.elapsed.Seconds(),
		ms(l.took.Quantile(0.5)), ms(l.took.Quantile(0.99)), ms(l.took.Quantile(1)), l.took.Len(), tally(l.failures))
	fmt.Fprintln(out, "  "+after.since(before, l.took.Len(), l.elapsed))
	if len(l.names) == 0 {
		return nil, errors.New("not one succeeded")
	}
	return l.names, nil
}

// tally writes counts by kind, in order.
func tally(counts map[string]int) string {
	if len(counts) == 0 {
		return "none"
	}
	var kinds []string
	for k := range counts {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	text := ""
	for _, k := range kinds {
		text += fmt.Sprintf("%d × %s ", counts[k], k)
	}
	return text[:len(text)-1]
}

func (t *Target) reportDNS(ctx context.Context, o Options, names []string, out io.Writer) error {
	limit, err := echoLimit(ctx, names, o.Phase/4)
	if err != nil {
		return err
	}
	before := usageOf(t.pids())
	l, err := queryDNS(ctx, t.Sites[0].DNS, names, o.Phase)
	if err != nil {
		return err
	}
	after := usageOf(t.pids())
	fmt.Fprintf(out, "\nDNS over UDP at one site, referrals for %d names, %.1f s: %.0f answers/s, %d lost, %d not NOERROR\n",
		len(names), l.elapsed.Seconds(), l.rate(), l.lost, l.wrong)
	fmt.Fprintf(out, "  the generator shares the cores: against a bare echo it reaches %.0f/s\n  %s\n", limit, after.since(before, int(l.answers), l.elapsed))
	if l.wrong > 0 {
		return fmt.Errorf("%d answers were no referrals", l.wrong)
	}
	return nil
}

func (t *Target) reportRDAP(ctx context.Context, o Options, names []string, out io.Writer) error {
	before := usageOf(t.pids())
	l := queryRDAP(ctx, t.Sites[0].RDAP, t.plainTLS, names, o.Phase)
	after := usageOf(t.pids())
	fmt.Fprintf(out, "\nRDAP over HTTPS at one site, %d connections, %.1f s: %.0f/s, p50 %s, p99 %s, failures: %d\n",
		rdapWorkers, l.elapsed.Seconds(), float64(l.took.Len())/l.elapsed.Seconds(), ms(l.took.Quantile(0.5)), ms(l.took.Quantile(0.99)), l.failures.Load())
	fmt.Fprintln(out, "  "+after.since(before, l.took.Len(), l.elapsed))
	if err := l.firstErr.Load(); err != nil {
		return fmt.Errorf("RDAP, the first of %d failures: %w", l.failures.Load(), *err)
	}
	return nil
}
