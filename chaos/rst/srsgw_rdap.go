package rst

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// gatewayDomainRDAP is srsgw-13.
func gatewayDomainRDAP(ctx context.Context, t *trial) error {
	at, err := t.throughRDAP(ctx)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		d, err := at.gatewayDomain(ctx, tld)
		if err != nil {
			return err
		}
		_, err = t.sameRDAP(ctx, tld, "domain/"+url.PathEscape(d.name))
		return err
	})
}

// gatewayHostRDAP is srsgw-14.
func gatewayHostRDAP(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	at, err := t.throughRDAP(ctx)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		name, err := at.makeInternal(ctx, tld)
		if err != nil {
			return err
		}
		_, err = t.sameRDAP(ctx, tld, "nameserver/"+url.PathEscape(name))
		return err
	})
}

// gatewayRegistrarRDAP is srsgw-15.
func gatewayRegistrarRDAP(ctx context.Context, t *trial) error {
	at, err := t.throughRDAP(ctx)
	if err != nil {
		return err
	}
	tld := t.firstTLD()
	d, err := at.gatewayDomain(ctx, tld)
	if err != nil {
		return err
	}
	domain, err := t.sameRDAP(ctx, tld, "domain/"+url.PathEscape(d.name))
	if err != nil || domain == nil {
		return err
	}
	handle := registrarOf(domain)
	if handle == "" {
		t.find("SRSGW_RDAP_QUERY_FAILED", "no entity with the role registrar in the RDAP of %s", d.name)
		return nil
	}
	_, err = t.sameRDAP(ctx, tld, "entity/"+url.PathEscape(handle))
	return err
}

// throughRDAP opens a session at the gateway, if RDAP can be compared.
func (t *trial) throughRDAP(ctx context.Context) (*session, error) {
	if t.gateway == nil {
		return nil, skip("one address, and no gateway")
	}
	if len(t.baseURLs(t.firstTLD())) < 2 {
		return nil, skip("fewer than two RDAP base URLs are given")
	}
	return t.loginAt(ctx, t.gateway.address, t.gateway.one)
}

// baseURLs are where RDAP answers for a TLD, the gateway's first.
func (t *trial) baseURLs(tld string) (all []string) {
	for _, r := range slices.Concat(t.gateway.rdap, t.in.RDAPBaseURLs) {
		if r.TLD == tld && !slices.Contains(all, r.BaseURL) {
			all = append(all, r.BaseURL)
		}
	}
	return all
}

// sameRDAP asks every RDAP server the same, until all answers are the same or the deadline is over. It returns an answer.
func (t *trial) sameRDAP(ctx context.Context, tld, path string) (map[string]any, error) {
	begun := time.Now()
	for {
		first, problem := t.compareRDAP(ctx, tld, path)
		if problem == nil {
			return first, nil
		}
		if time.Since(begun) > gatewayDeadline {
			t.note(problem)
			return nil, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

func (t *trial) compareRDAP(ctx context.Context, tld, path string) (first map[string]any, p *Problem) {
	want, where := "", ""
	for _, base := range t.baseURLs(tld) {
		object, canonical, p := t.askRDAP(ctx, base, path)
		if p != nil {
			return nil, p
		}
		if first == nil {
			first, want, where = object, canonical, base
		} else if canonical != want {
			return nil, problem("SRSGW_RDAP_RESPONSES_DIFFER", "%s at %s and at %s: %s", path, base, where, firstDifference(indented(canonical), indented(want)))
		}
	}
	return first, nil
}

// askRDAP fetches an object, and makes it comparable (RFC 8785): members in order, without the event that says when the database was
// updated, and with the server's own base URL taken for the same everywhere.
func (t *trial) askRDAP(ctx context.Context, base, path string) (map[string]any, string, *Problem) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, "", problem("SRSGW_RDAP_QUERY_FAILED", "%v", err)
	}
	req.Header.Set("Accept", "application/rdap+json")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: t.roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		var lookup *net.DNSError
		var refused *net.OpError
		code := "SRSGW_RDAP_TLS_CONNECTION_ERROR"
		if errors.As(err, &lookup) {
			code = "SRSGW_RDAP_DNS_RESOLUTION_ERROR"
		} else if errors.As(err, &refused) && refused.Op == "dial" {
			code = "SRSGW_RDAP_SERVICE_PORT_UNREACHABLE"
		}
		return nil, "", problem(code, "%v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRDAP))
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/rdap+json") {
		return nil, "", problem("SRSGW_RDAP_QUERY_FAILED", "%s%s: %s, %s: %v", base, path, resp.Status, resp.Header.Get("Content-Type"), err)
	}
	t.checked = true
	object, canonical, err := canonicalJSON(body, base)
	if err != nil {
		return nil, "", problem("SRSGW_RDAP_QUERY_FAILED", "%s%s: %v", base, path, err)
	}
	return object, canonical, nil
}

// canonicalJSON reads an RDAP object and writes it as all servers should.
func canonicalJSON(body []byte, base string) (object map[string]any, canonical string, err error) {
	d := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(body, []byte(base), []byte("https://rdap/"))))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, "", fmt.Errorf("not a JSON object: %w", err)
	}
	forgetUpdates(object)
	b, err := json.Marshal(object) // with members in order
	return object, string(b), err
}

// forgetUpdates takes out the events that say when the database was updated, wherever they are.
func forgetUpdates(x any) {
	switch v := x.(type) {
	case []any:
		for _, e := range v {
			forgetUpdates(e)
		}
	case map[string]any:
		if events, ok := v["events"].([]any); ok {
			v["events"] = slices.DeleteFunc(events, func(e any) bool {
				event, _ := e.(map[string]any)
				return event["eventAction"] == "last update of RDAP database"
			})
		}
		for _, e := range v {
			forgetUpdates(e)
		}
	}
}

// registrarOf is the handle of an object's registrar.
func registrarOf(object map[string]any) string {
	entities, _ := object["entities"].([]any)
	for _, e := range entities {
		entity, _ := e.(map[string]any)
		roles, _ := entity["roles"].([]any)
		if slices.Contains(roles, any("registrar")) {
			handle, _ := entity["handle"].(string)
			return handle
		}
	}
	return ""
}

func indented(s string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(s), "", " ") != nil {
		return s
	}
	return b.String()
}
