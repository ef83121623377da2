package bench

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"quorate/chaos/cluster"
	"quorate/node/admin"
	"quorate/transport/pki"
)

// account is a registrar to work as.
type account struct {
	id, password string
	tls          *tls.Config
}

// enlist opens accounts until there are n that can pay. They log in with the first registrar's certificate.
func (t *Target) enlist(ctx context.Context, n int) error {
	leads, err := t.leader(ctx)
	if err != nil {
		return err
	}
	operator := admin.NewClient(t.Sites[leads].Admin, t.operatorTLS)
	defer operator.Close()
	var paying []account
	for _, a := range t.accounts {
		r, err := operator.Registrar(ctx, a.id)
		if err != nil {
			return err
		}
		if len(r.Balances) > 0 {
			paying = append(paying, a)
		}
	}
	if len(paying) == 0 {
		return fmt.Errorf("no registrar has paid in")
	}
	t.accounts = paying
	certificate, err := x509.ParseCertificate(paying[0].tls.Certificates[0].Certificate[0])
	if err != nil {
		return err
	}
	for i := len(paying); i < n; i++ {
		a := account{fmt.Sprintf("%s-%d", t.run, i), rand.Text()[:16], paying[0].tls}
		_, err := operator.CreateRegistrar(ctx, admin.Registrar{
			ID: a.id, Name: "Benchmark Registrar", Password: a.password, Certificates: []string{pki.Fingerprint(certificate)},
			Email: "contact@bench.test", Voice: "+1.5555550101", Street: []string{"1 Test Street"}, City: "Testville", PostalCode: "90001", Country: "US",
		})
		if err != nil {
			return fmt.Errorf("registrar %s: %w", a.id, err)
		}
		if _, err := operator.Deposit(ctx, a.id, admin.Deposit{Currency: cluster.Currency, Amount: cluster.Deposit}); err != nil {
			return fmt.Errorf("deposit for registrar %s: %w", a.id, err)
		}
		t.accounts = append(t.accounts, a)
	}
	return nil
}
