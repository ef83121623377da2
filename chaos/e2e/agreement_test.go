package e2e

import (
	"context"
	"fmt"
	"testing"

	"quorate/chaos/cluster"
)

// agree waits until all sites have applied what the furthest of them has now, and fails the test unless their digests right after that
// entry are equal. It returns the entry's index.
func agree(t *testing.T, c *cluster.Cluster) (index uint64) {
	t.Helper()
	for _, s := range c.Sites() {
		await(t, "status of "+s, func(ctx context.Context) error {
			st, err := c.Status(ctx, s)
			index = max(index, st.Applied)
			return err
		})
	}
	digests := map[string]string{}
	for _, s := range c.Sites() {
		client, err := c.Admin(s)
		if err != nil {
			t.Fatal(err)
		}
		await(t, fmt.Sprintf("%s applies entry %d", s, index), func(ctx context.Context) error {
			d, err := client.Digest(ctx, index)
			digests[s] = d.Digest
			return err
		})
	}
	first := c.Sites()[0]
	for _, s := range c.Sites() {
		if digests[s] != digests[first] || digests[s] == "" {
			t.Errorf("digests after entry %d: %v", index, digests)
			break
		}
	}
	for _, s := range c.Sites() {
		if st, err := c.Status(t.Context(), s); err != nil || st.Incidents != 0 {
			t.Errorf("%s: %d commands broke an invariant (%v)", s, st.Incidents, err)
		}
	}
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
