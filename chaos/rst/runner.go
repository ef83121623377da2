package rst

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quorate/transport/pki"
)

// Options say how to run the cases.
type Options struct {
	Input   Input
	Cases   []string // ids, or beginnings of ids; none: all
	Plan    string   // the test plan; default: RSPChangePlan
	Data    string   // folder of data providers and the specification's lists; "": none
	Schemas string   // path of all.xsd; "": frames are not validated
	Online  bool     // the host name is resolved, and public authorities are asked for
	Strict  bool     // what needs an extension that isn't announced fails
	Seed    uint64   // of names and values; 0: a new one
	// Tell, if set, hears of each case as it is done.
	Tell func(Result)
}

// RSPChangePlan is the test plan in which launch-1.0 isn't asked for.
const RSPChangePlan = "StandardRSPChangeTest"

// Report is what a run found.
type Report struct {
	Suite     string    `json:"suite"`
	Plan      string    `json:"plan"`
	Started   time.Time `json:"started"`
	Seed      uint64    `json:"seed"`
	Addresses []string  `json:"addresses"`
	Schemas   string    `json:"schemas,omitempty"`
	Data      string    `json:"data,omitempty"`
	Cases     []Result  `json:"cases"`
	Passed    bool      `json:"passed"`
}

// account is a registrar as the cases log in.
type account struct {
	clID, password string
	certificate    *tls.Certificate // nil: none
	model          string           // minimum or maximum
}

// Runner runs cases against one deployment. It is for one goroutine.
type Runner struct {
	o         Options
	in        Input
	addresses []string
	roots     *x509.CertPool // nil: the machine's
	serverID  string         // that certificates name
	one, two  account
	gateway   *gateway
	random    *rand.Rand
	prefix    string // of the names of this run
	greeting  *greeting
}

// NewRunner makes ready to run, without connecting to anything but, online, the DNS.
func NewRunner(ctx context.Context, o Options) (*Runner, error) {
	if err := o.Input.Check(); err != nil {
		return nil, err
	}
	if o.Plan == "" {
		o.Plan = RSPChangePlan
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	r := &Runner{o: o, in: o.Input, serverID: o.Input.HostName, random: rand.New(rand.NewPCG(o.Seed, 2))}
	r.prefix = "rst" + r.letters(5)
	var err error
	if o.Input.CA != "" {
		if r.roots, err = pki.LoadPool(r.in.file(o.Input.CA)); err != nil {
			return nil, fmt.Errorf("epp.caFile: %w", err)
		}
	}
	if r.one, err = r.account(r.in.ClID01, r.in.Pwd01, r.in.Certificate01, r.in.Key01, r.in.DataModel01); err != nil {
		return nil, err
	}
	if r.two, err = r.account(r.in.ClID02, r.in.Pwd02, r.in.Certificate02, r.in.Key02, r.in.DataModel02); err != nil {
		return nil, err
	}
	if o.Schemas != "" {
		if _, err := os.Stat(o.Schemas); err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
	}
	if r.addresses, err = r.resolve(ctx, r.in.HostName, r.in.Addresses); err != nil {
		return nil, err
	}
	return r, r.findGateway(ctx)
}

// resolve finds the addresses of an EPP service: those given, else the host name's.
func (r *Runner) resolve(ctx context.Context, host string, given []string) ([]string, error) {
	if len(given) > 0 {
		return given, nil
	}
	if !r.o.Online {
		return nil, fmt.Errorf("the addresses of %s are not given, and are only looked up with --online", host)
	}
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dnsError, err)
	}
	var all []string
	for _, ip := range ips {
		all = append(all, net.JoinHostPort(ip, "700"))
	}
	return all, nil
}

func (r *Runner) account(clID, password, certFile, keyFile, model string) (a account, err error) {
	a = account{clID: clID, password: password, model: r.in.model(model)}
	if certFile == "" {
		return a, nil
	}
	if keyFile == "" {
		keyFile = certFile
	}
	cert, err := tls.LoadX509KeyPair(r.in.file(certFile), r.in.file(keyFile))
	if err != nil {
		return a, fmt.Errorf("certificate of %s: %w", clID, err)
	}
	a.certificate = &cert
	return a, nil
}

// Run runs the cases in order, up to the first finding that is critical.
func (r *Runner) Run(ctx context.Context) (*Report, error) {
	cases, err := Select(r.o.Cases)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Suite: "StandardEPP", Plan: r.o.Plan, Started: time.Now().UTC(), Seed: r.o.Seed, Addresses: r.addresses, Passed: true,
		Schemas: r.o.Schemas, Data: r.o.Data,
	}
	var stopped string
	for _, c := range cases {
		result := Result{ID: c.ID, Summary: c.Summary, Outcome: NotRun, Reason: stopped}
		if stopped == "" {
			result = r.try(ctx, c)
		}
		if r.o.Strict && len(result.Later) > 0 && result.Outcome != Failed {
			result.Outcome = Failed
		}
		if result.Outcome == Failed || result.Outcome == NotRun {
			report.Passed = false
		}
		if result.critical() {
			stopped = c.ID + " found something critical"
		}
		report.Cases = append(report.Cases, result)
		if r.o.Tell != nil {
			r.o.Tell(result)
		}
	}
	return report, ctx.Err()
}

// ErrNoCase says that no case has such an id.
var ErrNoCase = errors.New("no such case")

// Select finds the cases whose ids begin with one of the given, in the specification's order; none given means all.
func Select(ids []string) ([]Case, error) {
	if len(ids) == 0 {
		return Cases(), nil
	}
	var chosen []Case
	for _, id := range ids {
		if !slices.ContainsFunc(Cases(), func(c Case) bool { return strings.HasPrefix(c.ID, id) }) {
			return nil, fmt.Errorf("%w: %s", ErrNoCase, id)
		}
	}
	for _, c := range Cases() {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(c.ID, id) }) {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}

// maximal is an account that gives contacts, and the other one; ok is false when no account does.
func (r *Runner) maximal() (gives, other account, ok bool) {
	if r.one.model == maximum {
		return r.one, r.two, true
	}
	return r.two, r.one, r.two.model == maximum
}

// eachTLD calls f for the TLDs in which ASCII names can be registered.
func (r *Runner) eachTLD(f func(tld string) error) error {
	for _, t := range r.in.TLDs {
		if t.IDNOnly {
			continue
		}
		if err := f(t.Name); err != nil {
			return err
		}
	}
	return nil
}

// letters are n random lower-case letters.
func (r *Runner) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + r.random.IntN(26))
	}
	return string(b)
}

// label is a fresh label for a domain name.
func (r *Runner) label() string { return r.prefix + r.letters(12) }

// secret is fresh authorization information, with more than the 128 bits that RFC 9154 §4.1 wants, and what password policies ask for.
func (r *Runner) secret() string {
	b := make([]byte, 20)
	for i := range b {
		b[i] = byte(r.random.Uint32())
	}
	return "aZ9-" + base32.StdEncoding.EncodeToString(b)[:28]
}

// dataFile is a file of the data folder, or fs.ErrNotExist.
func (r *Runner) dataFile(elements ...string) ([]byte, error) {
	if r.o.Data == "" {
		return nil, fs.ErrNotExist
	}
	path := filepath.Join(append([]string{r.o.Data}, elements...)...)
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxInput {
		return nil, fmt.Errorf("%s is too big", path)
	}
	return os.ReadFile(path)
}
