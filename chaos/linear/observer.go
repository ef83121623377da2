package linear

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"quorate/chaos/cluster"
	"quorate/node/admin"
)

// observer reads one site's own replica, over and over, as the public and the operator see it.
type observer struct {
	cluster  *cluster.Cluster
	record   *recorder
	names    []string
	accounts []string
	client   int
	site     string
	random   *rand.Rand
}

// watch looks until ctx ends.
func (o *observer) watch(ctx context.Context) {
	looks := []func(context.Context, *Op) error{o.whois, o.rdap, o.dns, o.serial, o.balance}
	for turn := 0; pause(ctx, observeEvery); turn++ {
		op := &Op{Client: o.client, Site: o.site, Name: o.names[o.random.IntN(len(o.names))]}
		o.record.do(op, func(op *Op) {
			ctx, cancel := context.WithTimeout(ctx, readPatience)
			defer cancel()
			op.Outcome = OK
			if looks[turn%len(looks)](ctx, op) != nil {
				op.Outcome = Unknown
			}
		})
	}
}

func (o *observer) whois(ctx context.Context, op *Op) error {
	op.Kind = WHOIS
	answer, err := o.cluster.Whois(ctx, o.site, "domain "+op.Name)
	if err != nil {
		return err
	}
	op.Seen, err = readWhois(answer)
	return err
}

// readWhois reads a WHOIS answer about a domain; nil if there is none.
func readWhois(answer string) (*Domain, error) {
	if strings.HasPrefix(answer, "No match for ") {
		return nil, nil
	}
	d := &Domain{}
	var states, hosts []string
	for line := range strings.Lines(answer) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		var err error
		switch key {
		case "Registry Domain ID":
			d.ROID = value
		case "Creation Date":
			d.Created, err = parseTime(value)
		case "Updated Date":
			d.Updated, err = parseTime(value)
		case "Registry Expiry Date":
			d.Expires, err = parseTime(value)
		case "Domain Status":
			status, _, _ := strings.Cut(value, " ")
			states = append(states, status)
		case "Name Server":
			hosts = append(hosts, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.ROID == "" {
		return nil, fmt.Errorf("a WHOIS answer that is neither a domain nor none: %.80q", answer)
	}
	d.Statuses, d.Hosts = clientStatuses(states), NewSet(hosts...)
	return d, nil
}

func parseTime(text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	return millis(t), err
}

func (o *observer) rdap(ctx context.Context, op *Op) error {
	op.Kind = RDAP
	status, body, err := o.cluster.RDAP(ctx, o.site, "domain/"+op.Name)
	switch {
	case err != nil:
		return err
	case status == http.StatusNotFound:
		return nil
	case status != http.StatusOK:
		return fmt.Errorf("RDAP answers %d", status)
	}
	op.Seen, err = readRDAP(body)
	return err
}

// readRDAP reads a domain object (RFC 9083 §5.3).
func readRDAP(body []byte) (*Domain, error) {
	var answer struct {
		Handle string   `json:"handle"`
		Status []string `json:"status"`
		Events []struct {
			Action string `json:"eventAction"`
			Date   string `json:"eventDate"`
		} `json:"events"`
		Nameservers []struct {
			Name string `json:"ldhName"`
		} `json:"nameservers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	if answer.Handle == "" {
		return nil, fmt.Errorf("an RDAP answer without a handle: %.80q", body)
	}
	d := &Domain{ROID: answer.Handle}
	for _, e := range answer.Events {
		to, ok := map[string]*int64{"registration": &d.Created, "last changed": &d.Updated, "expiration": &d.Expires}[e.Action]
		if !ok {
			continue
		}
		var err error
		if *to, err = parseTime(e.Date); err != nil {
			return nil, err
		}
	}
	var states, hosts []string
	for _, s := range answer.Status {
		states = append(states, camel(s))
	}
	for _, n := range answer.Nameservers {
		hosts = append(hosts, n.Name)
	}
	d.Statuses, d.Hosts = clientStatuses(states), NewSet(hosts...)
	return d, nil
}

// camel is RDAP's spelling of a status in EPP's (RFC 8056 §2): client hold, clientHold.
func camel(status string) string {
	words := strings.Fields(status)
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}

func (o *observer) dns(ctx context.Context, op *Op) error {
	op.Kind = DNS
	servers, err := o.cluster.Delegation(ctx, o.site, op.Name)
	if err == nil && len(servers) > 0 {
		op.Seen = &Domain{Hosts: NewSet(servers...)}
	}
	return err
}

func (o *observer) serial(ctx context.Context, op *Op) error {
	op.Kind, op.Name = Serial, ""
	answer, err := o.cluster.Query(ctx, o.site, o.cluster.TLD(), dns.TypeSOA)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(answer.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
	if at < 0 {
		return fmt.Errorf("no SOA: %s", dns.RcodeToString[answer.Rcode])
	}
	op.Serial = answer.Answer[at].(*dns.SOA).Serial
	return nil
}

func (o *observer) balance(ctx context.Context, op *Op) error {
	op.Kind, op.Name, op.Actor = LocalBalance, "", o.accounts[o.random.IntN(len(o.accounts))]
	a, err := o.cluster.Admin(o.site)
	if err != nil {
		return err
	}
	return readBalance(ctx, a.Local(), op)
}

// readBalance fills in what the operation's account holds; one that no money has reached holds nothing.
func readBalance(ctx context.Context, a *admin.Client, op *Op) error {
	r, err := a.Registrar(ctx, op.Actor)
	if err != nil {
		return err
	}
	for _, b := range r.Balances {
		if b.Currency == cluster.Currency {
			op.Amount, err = admin.ParseMoney(b.Balance, b.Currency)
		}
	}
	return err
}
