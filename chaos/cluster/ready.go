package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/miekg/dns"
)

// door is a listener of a site, and how to find out whether it serves.
type door struct {
	name  string
	probe func(c *Cluster, ctx context.Context, site string) error
}

// doors are what a site must answer at before it counts as up. Which of them
// work without a quorum, or before there is a TLD, is for the caller to know.
var (
	adminDoor = door{"admin", func(c *Cluster, ctx context.Context, site string) error {
		_, err := c.Status(ctx, site)
		return err
	}}
	publicDoors = []door{
		{"EPP", (*Cluster).greeting},
		{"WHOIS", func(c *Cluster, ctx context.Context, site string) error {
			answer, err := c.Whois(ctx, site, "nic."+c.plan.TLD)
			if err == nil && answer == "" {
				err = errors.New("an empty answer")
			}
			return err
		}},
		{"RDAP", func(c *Cluster, ctx context.Context, site string) error {
			status, _, err := c.RDAP(ctx, site, "help")
			return wantOK(status, err)
		}},
		{"DNS", func(c *Cluster, ctx context.Context, site string) error {
			answer, err := c.Query(ctx, site, c.plan.TLD, dns.TypeSOA)
			if err == nil && (!answer.Authoritative || len(answer.Answer) == 0) {
				err = fmt.Errorf("no SOA of %s: %s", c.plan.TLD, dns.RcodeToString[answer.Rcode])
			}
			return err
		}},
		{"metrics", func(c *Cluster, ctx context.Context, site string) error {
			status, _, err := get(ctx, nil, c.MetricsURL(site))
			return wantOK(status, err)
		}},
	}
	readyDoor = door{"/readyz", func(c *Cluster, ctx context.Context, site string) error {
		status, body, err := get(ctx, nil, "http://"+c.addresses(site).Metrics+"/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s", body)
		}
		return err
	}}
)

func wantOK(status int, err error) error {
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("HTTP status %d", status)
	}
	return err
}

// await waits until all of the doors answer at the site, or its process is gone.
func (c *Cluster) await(ctx context.Context, site string, doors ...door) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	died := false
	var last error
	err := poll(ctx, func() error {
		if died = !c.Running(site); died {
			return nil
		}
		for len(doors) > 0 {
			if err := doors[0].probe(c, ctx, site); err != nil {
				// The probe that the deadline cut off says less than the one before it.
				if ctx.Err() == nil || last == nil {
					last = fmt.Errorf("%s: %w", doors[0].name, err)
				}
				return last
			}
			doors = doors[1:]
		}
		return nil
	})
	switch {
	case died:
		return fmt.Errorf("%s ended: %s", site, c.LastWords(site))
	case err != nil:
		return fmt.Errorf("%s doesn't serve: %w", site, err)
	}
	return nil
}

// awaitAll awaits the doors at each of the sites.
func (c *Cluster) awaitAll(ctx context.Context, sites []string, doors ...door) error {
	for _, s := range sites {
		if err := c.await(ctx, s, doors...); err != nil {
			return err
		}
	}
	return nil
}

// AwaitServing waits until each of the sites answers at all its public doors and the admin API. It needs no quorum.
func (c *Cluster) AwaitServing(ctx context.Context, sites ...string) error {
	return c.awaitAll(ctx, sites, append([]door{adminDoor}, publicDoors...)...)
}

// AwaitReady waits until each of the sites serves and is ready for EPP, which needs a leader.
func (c *Cluster) AwaitReady(ctx context.Context, sites ...string) error {
	return c.awaitAll(ctx, sites, append([]door{adminDoor, readyDoor}, publicDoors...)...)
}
