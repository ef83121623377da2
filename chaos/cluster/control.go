package cluster

import (
	"context"
	"errors"
	"os"

	"quorate/node/admin"
	"quorate/node/endpoints"
)

// Admin is a client of the site's admin API, with the operator's certificate.
func (c *Cluster) Admin(site string) (*admin.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.admins[site]; ok {
		return client, nil
	}
	cfg, err := c.OperatorTLS()
	if err != nil {
		return nil, err
	}
	client := admin.NewClient(c.AdminURL(site), cfg)
	c.admins[site] = client
	return client, nil
}

// AdminURL is the base URL of the site's admin API.
func (c *Cluster) AdminURL(site string) string { return "https://" + c.addresses(site).Admin }

// RDAPURL is the base URL of the site's RDAP server, with the final slash that RFC 9224 §3 wants.
func (c *Cluster) RDAPURL(site string) string { return "https://" + c.addresses(site).RDAP + "/" }

// MetricsURL is the URL of the site's metrics.
func (c *Cluster) MetricsURL(site string) string {
	return "http://" + c.addresses(site).Metrics + "/metrics"
}

// Status is what the site knows of itself and the cluster.
func (c *Cluster) Status(ctx context.Context, site string) (admin.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client, err := c.Admin(site)
	if err != nil {
		return admin.Status{}, err
	}
	return client.Status(ctx)
}

// ErrNoLeader says that no running site leads.
var ErrNoLeader = errors.New("no leader")

// Leader is the site that leads by its own word. A deposed leader may think so for a moment, so it is the one of the highest term.
func (c *Cluster) Leader(ctx context.Context) (site string, err error) {
	var term uint64
	for _, s := range c.plan.Sites {
		if !c.Running(s) {
			continue
		}
		st, err := c.Status(ctx, s)
		if err == nil && st.State == "leader" && st.Term >= term {
			site, term = s, st.Term
		}
	}
	if site == "" {
		return "", ErrNoLeader
	}
	return site, nil
}

// AwaitLeader waits until one of the sites leads, and returns it.
func (c *Cluster) AwaitLeader(ctx context.Context) (site string, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = poll(ctx, func() error {
		site, err = c.Leader(ctx)
		return err
	})
	return site, err
}

// Up starts all sites; the first time, it makes the cluster and provisions it. It returns when all sites answer at all doors, and has
// then written the endpoints file. When it fails, the sites that it has started are stopped again. Tell, if not nil, hears of progress.
func (c *Cluster) Up(ctx context.Context, tell func(format string, args ...any)) (err error) {
	if tell == nil {
		tell = func(string, ...any) {}
	}
	if err := c.nothingRuns(); err != nil {
		return err
	}
	for _, s := range c.plan.Sites {
		if err := c.addresses(s).checkFree(); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.StopAll())
		}
	}()
	if c.options.WAN != nil {
		if err := c.startWAN(ctx); err != nil {
			return err
		}
		tell("wide area started: a round trip of %v between any two sites", 2*c.options.WAN.Link.Delay)
	}
	for _, s := range c.plan.Sites {
		if err := c.Start(s); err != nil {
			return err
		}
		tell("%s started, pid %d", s, c.PID(s))
	}
	if err := c.awaitAll(ctx, c.plan.Sites, adminDoor); err != nil {
		return err
	}
	leader, err := c.AwaitLeader(ctx)
	if err != nil {
		return err
	}
	tell("%s leads", leader)
	if !c.plan.Provisioned {
		if err := c.found(ctx, leader); err != nil {
			return err
		}
		tell("TLD %s and registrars created", c.plan.TLD)
	}
	if err := c.AwaitReady(ctx, c.plan.Sites...); err != nil {
		return err
	}
	tell("all sites answer EPP, WHOIS, RDAP, DNS, admin API and metrics")
	return c.WriteEndpoints()
}

// found provisions a new cluster and notes that it exists.
func (c *Cluster) found(ctx context.Context, leader string) error {
	if err := c.provision(ctx, leader); err != nil {
		return err
	}
	c.plan.Provisioned = true
	if err := c.plan.save(c.dir); err != nil {
		return err
	}
	return c.writeConfig(c.plan.Sites[0])
}

// EndpointsFile is the path of the file that tells clients where the cluster is.
func (c *Cluster) EndpointsFile() string { return c.path(endpointsFile) }

// Endpoints say where the cluster is, and as whom to talk to it.
func (c *Cluster) Endpoints() endpoints.Endpoints {
	e := endpoints.Endpoints{TLD: c.plan.TLD, CA: c.CACert()}
	for _, s := range c.plan.Sites {
		a := c.addresses(s)
		e.Sites = append(e.Sites, endpoints.Site{
			Name: s, PID: c.PID(s), EPP: a.EPP, WHOIS: a.WHOIS, RDAP: c.RDAPURL(s), DNS: a.DNS, Admin: c.AdminURL(s), Metrics: c.MetricsURL(s),
		})
	}
	for _, r := range c.plan.Registrars {
		cert, key := c.certificateFiles(r.ID)
		e.Registrars = append(e.Registrars, endpoints.Registrar{ID: r.ID, Password: r.Password, Cert: cert, Key: key})
	}
	cert, key := c.certificateFiles(operatorName)
	e.Operator = endpoints.Operator{Name: operatorName, Cert: cert, Key: key}
	return e
}

// WriteEndpoints writes the endpoints file anew, with the pids as they are.
func (c *Cluster) WriteEndpoints() error {
	// Two writers at once could leave the older pids: one at a time.
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var lock *os.File
	if err := poll(ctx, func() (err error) {
		lock, err = lockFile(c.path(endpointsFile + ".lock"))
		return err
	}); err != nil {
		return err
	}
	defer lock.Close()
	return c.Endpoints().Save(c.EndpointsFile())
}
