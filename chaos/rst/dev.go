package rst

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quorate/epp/client"
	"quorate/node/admin"
	"quorate/node/endpoints"
	"quorate/transport/pki"
)

// The registrar that has what the two test registrars must not have, in a development cluster. The id is one that no real registrar has.
const (
	otherRegistrar = "rst-other"
	otherIANA      = 9998
	otherDeposit   = "100000.00"
	otherValidity  = 2 * 365 * 24 * time.Hour
)

// FromEndpoints derives the input from a development cluster: reg1 and reg2 are the test registrars, and a third, made for the purpose,
// gets the names, hosts and contacts that have to be there. The TLD set is tlds, which must be of one policy, or else the cluster's first
// TLD.
func FromEndpoints(ctx context.Context, e endpoints.Endpoints, tlds ...string) (Input, error) {
	if len(tlds) == 0 {
		tlds = []string{e.TLD}
	}
	if len(e.Registrars) < 2 || len(e.Sites) == 0 {
		return Input{}, errors.New("the development cluster has no two registrars")
	}
	one, two := e.Registrars[0], e.Registrars[1]
	in := Input{
		HostName: "localhost", CA: e.CA, RegistryDataModel: minimum, HostModel: objects, SecDNSInterfaces: dsData, GluePolicy: "wide",
		ClID01: one.ID, Pwd01: one.Password, Certificate01: one.Cert, Key01: one.Key,
		ClID02: two.ID, Pwd02: two.Password, Certificate02: two.Cert, Key02: two.Key,
		RequiredContactTypes:     []string{},
		SupportedContactElements: []string{"org", "street", "sp", "pc", "voice", "voice:ext", "fax", "fax:ext"},
		SupportedPostalInfoTypes: "both",
	}
	for _, s := range e.Sites {
		in.Addresses = append(in.Addresses, s.EPP)
		for _, tld := range tlds {
			in.RDAPBaseURLs = append(in.RDAPBaseURLs, RDAP{TLD: tld, BaseURL: s.RDAP})
		}
	}
	operator, err := operatorOf(e)
	if err != nil {
		return in, err
	}
	currency := ""
	for i, name := range tlds {
		tld, err := operator.TLD(ctx, name)
		if err != nil {
			return in, fmt.Errorf("asking for the TLD %s: %w", name, err)
		}
		in.TLDs = append(in.TLDs, TLD{Name: name})
		policy := in
		policy.take(tld)
		if i > 0 && (policy.RegistryDataModel != in.RegistryDataModel || policy.HostModel != in.HostModel || policy.SecDNSInterfaces != in.SecDNSInterfaces) {
			return in, fmt.Errorf("the TLDs %s and %s are of different policies: test them one after the other", tlds[0], name)
		}
		in, currency = policy, tld.Currency
	}
	other, err := otherAccount(ctx, operator, e, currency)
	if err != nil {
		return in, fmt.Errorf("a third registrar: %w", err)
	}
	if err := in.populate(ctx, e, other); err != nil {
		return in, fmt.Errorf("making what has to be registered: %w", err)
	}
	return in, in.Check()
}

// take takes over a TLD's policy.
func (in *Input) take(tld admin.TLD) {
	in.RegistryDataModel = minimum
	if tld.Model == "thick" {
		in.RegistryDataModel = maximum
	}
	in.SecDNSInterfaces = tld.SecDNS.Interface
	if tld.Hosts != "" {
		in.HostModel = tld.Hosts
	}
	in.RequiredContactTypes = append([]string{}, tld.RequiredContacts...)
}

// operatorOf is the admin API of the first site that answers.
func operatorOf(e endpoints.Endpoints) (*admin.Client, error) {
	pool, err := pki.LoadPool(e.CA)
	if err != nil {
		return nil, err
	}
	cert, err := pki.Load(e.Operator.Cert, e.Operator.Key)
	if err != nil {
		return nil, err
	}
	return admin.NewClient(e.Sites[0].Admin, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}), nil
}

// otherAccount finds the third registrar's account, or opens it. Its password and certificate are kept beside those of the others.
func otherAccount(ctx context.Context, operator *admin.Client, e endpoints.Endpoints, currency string) (endpoints.Registrar, error) {
	folder := filepath.Dir(e.Registrars[0].Cert)
	r := endpoints.Registrar{ID: otherRegistrar, Cert: filepath.Join(folder, otherRegistrar+".pem"), Key: filepath.Join(folder, otherRegistrar+".key")}
	passwordFile := filepath.Join(folder, otherRegistrar+".password")
	password, err := os.ReadFile(passwordFile)
	if err == nil {
		r.Password = strings.TrimSpace(string(password))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if r.Password == "" {
		var random [10]byte
		rand.Read(random[:]) // never fails (crypto/rand)
		r.Password = strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
		ca, err := pki.LoadCA(e.CA, strings.TrimSuffix(e.CA, ".pem")+".key")
		if err != nil {
			return r, fmt.Errorf("the cluster's CA, which lies beside a development cluster: %w", err)
		}
		cert, err := ca.IssueRegistrar(r.ID, otherValidity)
		if err == nil {
			err = pki.Save(cert, r.Cert, r.Key)
		}
		if err == nil {
			err = os.WriteFile(passwordFile, []byte(r.Password+"\n"), 0o600)
		}
		if err != nil {
			return r, err
		}
	}
	return r, openAccount(ctx, operator, r, currency)
}

func openAccount(ctx context.Context, operator *admin.Client, r endpoints.Registrar, currency string) error {
	cert, err := pki.Load(r.Cert, r.Key)
	if err != nil {
		return err
	}
	shown, err := operator.Registrar(ctx, r.ID)
	var refused *admin.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		const host = otherRegistrar + ".test"
		shown, err = operator.CreateRegistrar(ctx, admin.Registrar{
			ID: r.ID, Name: "Owner of what is registered", Password: r.Password, Certificates: []string{pki.Fingerprint(cert.Leaf)}, IANA: otherIANA,
			URL: "https://" + host + "/", Whois: "whois." + host, RDAP: "https://rdap." + host + "/",
			AbuseEmail: "abuse@" + host, AbusePhone: "+1.5555550102", Email: "contact@" + host, Voice: "+1.5555550103",
			Street: []string{"2 Test Street"}, City: "Testville", Province: "CA", PostalCode: "90001", Country: "US",
		})
	}
	if err != nil {
		return err
	}
	if len(shown.Balances) == 0 {
		_, err = operator.Deposit(ctx, r.ID, admin.Deposit{Currency: currency, Amount: otherDeposit})
	}
	return err
}

// populate makes a name, a host and two contacts, unless they are there.
func (in *Input) populate(ctx context.Context, e endpoints.Endpoints, other endpoints.Registrar) error {
	pool, err := pki.LoadPool(e.CA)
	if err != nil {
		return err
	}
	cert, err := pki.Load(other.Cert, other.Key)
	if err != nil {
		return err
	}
	c, err := client.Dial(ctx, e.Sites[0].EPP, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Login(ctx, other.ID, other.Password); err != nil {
		return err
	}
	if in.RegistryDataModel != minimum {
		in.RegisteredContacts = []string{"rst-contact-1", "rst-contact-2"}
	}
	for _, id := range in.RegisteredContacts {
		_, err := c.CreateContact(ctx, client.Contact{
			ID: id, Email: "rst@example.com", AuthInfo: "rst-Contact-1", Voice: client.Phone{Number: "+1.5555550104"},
			Postal: []client.PostalInfo{{Type: "int", Name: "Rory Registered", Street: []string{"3 Test Street"}, City: "Testville", Country: "US"}},
		})
		if err := unlessThere(err); err != nil {
			return err
		}
	}
	for _, tld := range in.TLDs {
		if err := in.register(ctx, c, tld.Name); err != nil {
			return err
		}
	}
	_, err = c.Logout(ctx)
	return err
}

// register makes the name and the host that have to be there in a TLD.
func (in *Input) register(ctx context.Context, c *client.Client, tld string) error {
	domain := client.DomainCreate{Name: "rst-registered." + tld, Years: 1}
	if in.RegistryDataModel == maximum {
		domain.Registrant = in.RegisteredContacts[0]
		for _, role := range in.RequiredContactTypes {
			domain.Contacts = append(domain.Contacts, client.DomainContact{Type: role, ID: domain.Registrant})
		}
	}
	in.RegisteredNames = append(in.RegisteredNames, domain.Name)
	if _, err := c.CreateDomain(ctx, domain); unlessThere(err) != nil {
		return err
	}
	if in.HostModel != objects {
		return nil
	}
	host := "ns1." + domain.Name
	in.RegisteredNameservers = append(in.RegisteredNameservers, host)
	_, err := c.CreateHost(ctx, host, registeredAddress)
	return unlessThere(err)
}

// unlessThere takes it for no error that an object exists.
func unlessThere(err error) error {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == 2302 {
		return nil
	}
	return err
}
