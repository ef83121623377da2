package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"quorate/node/endpoints"
)

// delegations holds each site's DNS against the names that are settled. Publication takes its time after a command, so it is waited for.
func (v *verification) delegations(ctx context.Context) (found []Problem) {
	names := slices.Sorted(maps.Keys(v.settled))
	sites := make([][]Problem, len(v.Sites))
	var group sync.WaitGroup
	for i, s := range v.Sites {
		group.Go(func() {
			resolver := &resolver{site: s}
			defer resolver.hangUp()
			left := names
			err := await(ctx, func() error {
				sites[i] = nil
				left = slices.DeleteFunc(slices.Clone(left), func(name string) bool {
					p := v.delegation(ctx, resolver, name)
					if p != nil {
						sites[i] = append(sites[i], *p)
					}
					return p == nil
				})
				return Problems(sites[i]).Err()
			})
			if err == nil {
				sites[i] = nil
			}
		})
	}
	group.Wait()
	return slices.Concat(sites...)
}

// delegation holds one site's delegation of a name against what it should be.
func (v *verification) delegation(ctx context.Context, r *resolver, name string) *Problem {
	want := ""
	if is := v.settled[name]; !is.Hold {
		want = is.Hosts
	}
	got, err := r.delegation(ctx, name)
	if err == nil && got != want {
		err = fmt.Errorf("it is delegated to [%s], not [%s]", got, want)
	}
	if err != nil {
		return &Problem{Kind: Delegation, Name: name, Site: r.site.Name, Text: err.Error()}
	}
	return nil
}

// resolver asks one site's name server over one socket.
type resolver struct {
	site endpoints.Site
	conn *dns.Conn
}

func (r *resolver) hangUp() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

// delegation is the name servers that the site refers to for a name, as State has them.
func (r *resolver) delegation(ctx context.Context, name string) (hosts string, err error) {
	c := &dns.Client{Timeout: dnsTimeout}
	if r.conn == nil {
		if r.conn, err = c.DialContext(ctx, r.site.DNS); err != nil {
			r.conn = nil
			return "", err
		}
	}
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	q.RecursionDesired = false
	answer, _, err := c.ExchangeWithConnContext(ctx, q, r.conn)
	if err != nil {
		r.hangUp() // a late answer must not be taken for the next one's
		return "", err
	}
	var servers []string
	for _, rr := range answer.Ns {
		if ns, ok := rr.(*dns.NS); ok && !answer.Authoritative {
			servers = append(servers, strings.TrimSuffix(ns.Ns, "."))
		}
	}
	return hostSet(servers), nil
}
