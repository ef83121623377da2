package cluster

import (
	"context"
	"fmt"

	"quorate/epp/client"
)

// Connect opens an EPP connection to the site with the registrar's certificate. There is no session yet.
func (c *Cluster) Connect(ctx context.Context, site, registrar string) (*client.Client, error) {
	cfg, err := c.RegistrarTLS(registrar)
	if err != nil {
		return nil, err
	}
	s, err := client.Dial(ctx, c.addresses(site).EPP, cfg)
	if err == nil && c.options.Answered != nil {
		s.Trace = func(out bool, xml []byte) {
			if !out {
				c.options.Answered(xml)
			}
		}
	}
	return s, err
}

// Login opens an EPP session at the site as the registrar.
func (c *Cluster) Login(ctx context.Context, site, registrar string) (*client.Client, error) {
	s, err := c.Connect(ctx, site, registrar)
	if err != nil {
		return nil, err
	}
	if _, err := s.Login(ctx, registrar, c.Password(registrar)); err != nil {
		s.Close()
		return nil, fmt.Errorf("login of %s at %s: %w", registrar, site, err)
	}
	return s, nil
}
