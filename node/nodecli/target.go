package nodecli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
	"quorate/node/endpoints"
	"quorate/transport/pki"
)

// target is where a command goes, and how it shows what comes back.
type target struct {
	endpoints, site string
	admin           string
	ca, cert, key   string
	clTRID          string
	json, local     bool
}

// flags adds those that every command has.
func (t *target) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&t.endpoints, "endpoints", "", "`file` that says where the sites are (default $"+endpoints.Variable+", else "+endpoints.DefaultPath+")")
	f.StringVar(&t.site, "site", "", "`name` of the site to ask (default: the first that answers)")
	f.StringVar(&t.admin, "admin", "", "`URL` of a node's admin API, instead of a file of endpoints; needs --ca, --cert and --key")
	f.StringVar(&t.ca, "ca", "", "`file` with the cluster's CA, PEM (default: as in the file of endpoints)")
	f.StringVar(&t.cert, "cert", "", "`file` with the operator's certificate, PEM (default: as in the file of endpoints)")
	f.StringVar(&t.key, "key", "", "`file` with the operator's key, PEM (default: as in the file of endpoints)")
	f.BoolVar(&t.json, "json", false, "show JSON, for programs")
}

// reads adds the flag of commands that read the registry.
func (t *target) reads(c *cobra.Command) {
	c.Flags().BoolVar(&t.local, "local", false, "show what the node itself has, without asking a quorum whether it is up to date")
}

// writes adds the flag of commands that change the registry.
func (t *target) writes(c *cobra.Command) {
	c.Flags().StringVar(&t.clTRID, "cltrid", "", "`id` that the history can be searched for (default: a random one)")
}

// node is a node that can be asked.
type node struct {
	site   string // "" when it was given by its URL
	client *admin.Client
}

// nodes are those that the flags name, in the order to ask them in.
func (t *target) nodes() ([]node, error) {
	if t.admin != "" {
		if t.ca == "" || t.cert == "" || t.key == "" {
			return nil, errors.New("--admin needs --ca, --cert and --key")
		}
		if t.site != "" || t.endpoints != "" {
			return nil, errors.New("--admin names the node; --site and --endpoints are of no use with it")
		}
		return t.clients(endpoints.Site{Admin: t.admin})
	}
	e, err := endpoints.Load(endpoints.Path(t.endpoints))
	if err != nil {
		return nil, err
	}
	for flag, value := range map[*string]string{&t.ca: e.CA, &t.cert: e.Operator.Cert, &t.key: e.Operator.Key} {
		if *flag == "" {
			*flag = value
		}
	}
	if t.site != "" {
		s, err := e.Site(t.site)
		if err != nil {
			return nil, err
		}
		return t.clients(s)
	}
	return t.clients(e.Sites...)
}

func (t *target) clients(sites ...endpoints.Site) (all []node, err error) {
	pool, err := pki.LoadPool(t.ca)
	if err != nil {
		return nil, fmt.Errorf("the cluster's CA: %w", err)
	}
	certificate, err := pki.Load(t.cert, t.key)
	if err != nil {
		return nil, fmt.Errorf("the operator's certificate: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{certificate}}
	for _, s := range sites {
		client := admin.NewClient(s.Admin, config)
		if t.local {
			client = client.Local()
		}
		all = append(all, node{s.Name, client})
	}
	return all, nil
}

// ask puts a question, or a command, to the first node that can take it. It goes on to the next only when nothing
// can have come of it at the one before.
func ask[T any](ctx context.Context, t *target, question func(context.Context, *admin.Client) (T, error)) (answer T, err error) {
	nodes, err := t.nodes()
	if err != nil {
		return answer, err
	}
	if t.clTRID != "" {
		ctx = admin.WithClTRID(ctx, t.clTRID)
	}
	var reasons []string
	for _, n := range nodes {
		answer, err = question(ctx, n.client)
		n.client.Close()
		if err == nil || !admin.TryElsewhere(err) {
			return answer, err
		}
		reasons = append(reasons, strings.TrimPrefix(n.site+": ", ": ")+err.Error())
	}
	return answer, errors.New(strings.Join(reasons, "; "))
}
