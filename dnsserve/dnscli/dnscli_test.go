package dnscli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

// A record that a zone file has twice is one record (RFC 2181 §5).
func TestRecordsGivenTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zone")
	const text = `
@   60 IN SOA ns hostmaster 1 2 3 4 5
@   60 IN NS  ns
ns  60 IN A   192.0.2.1
ns  60 IN A   192.0.2.2
NS  60 IN A   192.0.2.1
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for set, err := range sets(path, "example.") {
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if set.Type == dns.TypeA {
			want = 2
		}
		if len(set.RData) != want {
			t.Errorf("%s type %d: %d records, not %d", set.Owner, set.Type, len(set.RData), want)
		}
	}
}
