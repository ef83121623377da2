package e2e

import (
	"strconv"
	"strings"
	"testing"

	"quorate/chaos/cluster"
	"quorate/epp/client"
)

// The objects that a test's domains refer to.
const registrant = "tester-1"

var nameservers = []string{"ns1.hosting.test", "ns2.hosting.test"}

// login opens an EPP session for the length of the test.
func login(t *testing.T, c *cluster.Cluster, site, registrar string) *client.Client {
	t.Helper()
	s, err := c.Login(t.Context(), site, registrar)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// contact is a contact to create.
func contact(id string) client.Contact {
	return client.Contact{
		ID: id, Email: "tester@hosting.test", AuthInfo: "secret-1", Voice: client.Phone{Number: "+1.5555550123"},
		Postal: []client.PostalInfo{{Type: "int", Name: "Terry Tester", Org: "Testing Ltd", Street: []string{"1 Test Street"}, City: "Testville", Province: "CA", PostalCode: "90001", Country: "US"}},
	}
}

// furnish makes the contact and the name servers that domains refer to.
func furnish(t *testing.T, s *client.Client) {
	t.Helper()
	_, err := s.CreateContact(t.Context(), contact(registrant))
	do(t, err)
	for _, ns := range nameservers {
		_, err := s.CreateHost(t.Context(), ns)
		do(t, err)
	}
}

// domain is a domain to create, delegated to nameservers.
func domain(name string, years int) client.DomainCreate {
	return client.DomainCreate{
		Name: name, Years: years, Registrant: registrant, Hosts: nameservers, AuthInfo: "secret-1",
		Contacts: []client.DomainContact{{Type: "admin", ID: registrant}, {Type: "tech", ID: registrant}},
	}
}

func create(t *testing.T, s *client.Client, name string) {
	t.Helper()
	_, err := s.CreateDomain(t.Context(), domain(name, 1))
	do(t, err)
}

// cents is a decimal amount of money in minor units.
func cents(t *testing.T, amount string) int64 {
	t.Helper()
	whole, fraction, _ := strings.Cut(amount, ".")
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		t.Fatalf("amount %q: %v", amount, err)
	}
	return n
}

// price is the price of a year, in cents, as the TLD has it.
func price(t *testing.T, c *cluster.Cluster, site string) (createPrice, renewPrice int64) {
	t.Helper()
	a, err := c.Admin(site)
	do(t, err)
	tld, err := a.TLD(t.Context(), c.TLD())
	do(t, err)
	return cents(t, tld.CreatePrice), cents(t, tld.RenewPrice)
}
