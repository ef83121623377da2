package e2e

import (
	"testing"

	"quorate/chaos/cluster"
)

// agree waits until all sites have applied what the furthest of them has now, and fails the test unless their digests right after that
// entry are equal and no command broke an invariant. It returns the entry's index.
func agree(t *testing.T, c *cluster.Cluster) (index uint64) {
	t.Helper()
	index, found := targetOf(t, c).Agree(t.Context())
	do(t, found.Err())
	return index
}

// balance is what the registrar has, as text, read from the site's own replica.
func balance(t *testing.T, c *cluster.Cluster, site, registrar string) string {
	t.Helper()
	client, err := c.Admin(site)
	do(t, err)
	r, err := client.Local().Registrar(t.Context(), registrar)
	do(t, err)
	for _, b := range r.Balances {
		if b.Currency == cluster.Currency {
			return b.Balance
		}
	}
	return ""
}
