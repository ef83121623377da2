package cluster

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/miekg/dns"

	"quorate/transport/pki"
)

// clientTLS is how a client with the named certificate ("": with none) connects to a site.
func (c *Cluster) clientTLS(name string) (*tls.Config, error) {
	pool, err := pki.LoadPool(c.CACert())
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	if name != "" {
		pair, err := pki.Load(c.certificateFiles(name))
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// RegistrarTLS is how the registrar connects to EPP at any site.
func (c *Cluster) RegistrarTLS(registrar string) (*tls.Config, error) { return c.clientTLS(registrar) }

// OperatorTLS is how the operator connects to the admin API at any site.
func (c *Cluster) OperatorTLS() (*tls.Config, error) { return c.clientTLS(operatorName) }

// Password is the registrar's EPP password; "" for a registrar that the first start didn't create.
func (c *Cluster) Password(registrar string) string {
	for _, r := range c.plan.Registrars {
		if r.ID == registrar {
			return r.Password
		}
	}
	return ""
}

// Deposit is what the first start paid into the registrar's account, in Currency; "" for nothing.
func (c *Cluster) Deposit(registrar string) string {
	for _, r := range c.plan.Registrars {
		if r.ID == registrar {
			return r.Deposit
		}
	}
	return ""
}

// Query asks the site's name server over UDP, and again over TCP when the answer is truncated.
func (c *Cluster) Query(ctx context.Context, site, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	client := &dns.Client{Timeout: probeTimeout}
	answer, _, err := client.ExchangeContext(ctx, q, c.addresses(site).DNS)
	if err == nil && answer.Truncated {
		client.Net = "tcp"
		answer, _, err = client.ExchangeContext(ctx, q, c.addresses(site).DNS)
	}
	if err != nil {
		return nil, fmt.Errorf("DNS at %s: %w", site, err)
	}
	return answer, nil
}

// Delegation returns the name servers that the site's name server refers to for a name, or nil when it delegates nothing there.
func (c *Cluster) Delegation(ctx context.Context, site, name string) ([]string, error) {
	answer, err := c.Query(ctx, site, name, dns.TypeA)
	if err != nil {
		return nil, err
	}
	var servers []string
	for _, rr := range answer.Ns {
		if ns, ok := rr.(*dns.NS); ok && !answer.Authoritative {
			servers = append(servers, strings.TrimSuffix(ns.Ns, "."))
		}
	}
	return servers, nil
}

// Whois asks the site's WHOIS server.
func (c *Cluster) Whois(ctx context.Context, site, query string) (string, error) {
	answer, err := whois(ctx, c.addresses(site).WHOIS, query)
	if err != nil {
		return "", fmt.Errorf("WHOIS at %s: %w", site, err)
	}
	return answer, nil
}

func whois(ctx context.Context, address, query string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, query+"\r\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	return string(b), err
}

// RDAP asks the site's RDAP server; path is as in domain/foo.example.
func (c *Cluster) RDAP(ctx context.Context, site, path string) (status int, body []byte, err error) {
	cfg, err := c.clientTLS("")
	if err != nil {
		return 0, nil, err
	}
	return get(ctx, cfg, "https://"+c.addresses(site).RDAP+"/"+path)
}

// get fetches a URL on a connection of its own.
func get(ctx context.Context, cfg *tls.Config, url string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: cfg}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return 0, nil, fmt.Errorf("GET %s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}

// greeting connects to the site's EPP server as reg1 would, and reads its greeting (RFC 5734 §3).
func (c *Cluster) greeting(ctx context.Context, site string) error {
	cfg, err := c.clientTLS(c.plan.Registrars[0].ID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	d := tls.Dialer{Config: cfg}
	conn, err := d.DialContext(ctx, "tcp", c.addresses(site).EPP)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	var header [4]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return err
	}
	frame := make([]byte, min(binary.BigEndian.Uint32(header[:]), maxAnswer))
	if _, err := io.ReadFull(conn, frame[len(header):]); err != nil {
		return err
	}
	if !strings.Contains(string(frame), "greeting>") {
		return errors.New("the first frame is no greeting")
	}
	return nil
}
