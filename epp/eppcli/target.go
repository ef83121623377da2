package eppcli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"quorate/epp/client"
)

// Where a development cluster is described.
const (
	defaultEndpoints  = "var/dev/endpoints.json"
	endpointsVariable = "QUORATE_ENDPOINTS"
)

// cluster is what of that description a registrar needs.
type cluster struct {
	CA    string `json:"ca"`
	Sites []struct {
		Name string `json:"name"`
		EPP  string `json:"epp"`
	} `json:"sites"`
	Registrars []struct {
		ID       string `json:"id"`
		Password string `json:"password"`
		Cert     string `json:"cert"`
		Key      string `json:"key"`
	} `json:"registrars"`
}

// target is whom to speak with, and as whom.
type target struct{ addr, ca, cert, key, clid, password string }

// target puts flags before the cluster's description, which isn't read when they say it all.
func (o *options) target() (*target, error) {
	t := &target{addr: o.addr, ca: o.ca, cert: o.cert, key: o.key, clid: o.clid, password: o.password}
	if o.pwdFile != "" {
		line, err := firstLine(o.pwdFile)
		if err != nil {
			return nil, err
		}
		t.password = line
	}
	if t.addr != "" && t.ca != "" && t.cert != "" && t.key != "" && t.clid != "" && t.password != "" {
		return t, nil
	}
	if err := o.fill(t); err != nil {
		return nil, err
	}
	return t, nil
}

func (o *options) fill(t *target) error {
	path := cmp.Or(o.endpoints, os.Getenv(endpointsVariable), defaultEndpoints)
	c, err := readCluster(path)
	if err != nil {
		return err
	}
	t.ca = cmp.Or(t.ca, c.CA)
	var names []string
	for _, s := range c.Sites {
		names = append(names, s.Name)
		if t.addr == "" && (o.site == "" || s.Name == o.site) {
			t.addr = s.EPP
		}
	}
	if t.addr == "" {
		return fmt.Errorf("%s has no site %s; it has: %s", path, o.site, strings.Join(names, ", "))
	}
	names = nil
	want := cmp.Or(o.registrar, o.clid)
	found := false
	for _, r := range c.Registrars {
		names = append(names, r.ID)
		if !found && (want == "" || r.ID == want) {
			found = true
			t.clid, t.password = cmp.Or(t.clid, r.ID), cmp.Or(t.password, r.Password)
			t.cert, t.key = cmp.Or(t.cert, r.Cert), cmp.Or(t.key, r.Key)
		}
	}
	if t.cert == "" || t.key == "" || t.clid == "" || t.password == "" {
		return fmt.Errorf("%s has no registrar %s; it has: %s", path, want, strings.Join(names, ", "))
	}
	return nil
}

func readCluster(path string) (c cluster, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no %s: start the development cluster with make run, or name a server with --addr, --ca, --cert, --key, --clid and --password", path)
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxEndpoints)).Decode(&c); err != nil {
		return c, fmt.Errorf("%s does not describe a cluster: %w", path, err)
	}
	return c, nil
}

func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	return s.Text(), s.Err()
}

// dial connects.
func (t *target) dial(ctx context.Context, trace func(bool, []byte)) (*client.Client, error) {
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", t.ca)
	}
	cert, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return nil, fmt.Errorf("client certificate %s: %w", t.cert, err)
	}
	c, err := client.Dial(ctx, t.addr, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	c.Trace = trace
	return c, nil
}

var passwordElement = regexp.MustCompile(`(<pw>)[^<]*(</pw>)`)

// hidePasswords keeps a login's password off the screen. authInfo stays: who asks for frames wants to see it.
func hidePasswords(xml []byte) []byte {
	return passwordElement.ReplaceAll(xml, []byte("${1}********${2}"))
}
