package bench

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReadTransactions(t *testing.T) {
	t.Parallel()
	const log = "0 199 2241 0 1175850568 995598\n3 7 500000 0 1175850569 250000\n"
	var took []time.Duration
	var last time.Time
	err := readTransactions(strings.NewReader(log), func(began, ended time.Time) {
		took, last = append(took, ended.Sub(began)), ended
	})
	if err != nil || len(took) != 2 || took[0] != 2241*time.Microsecond || took[1] != 500*time.Millisecond || !last.Equal(time.Unix(1175850569, 250_000_000)) {
		t.Errorf("%v, %v, %v", took, last, err)
	}
	for _, bad := range []string{"0 199 failed 0 1175850568 995598\n", "0 199 2241\n", "\n"} {
		if err := readTransactions(strings.NewReader(bad), func(_, _ time.Time) {}); err == nil {
			t.Errorf("%q is no error", bad)
		}
	}
}

func TestMajorVersion(t *testing.T) {
	t.Parallel()
	if majorVersion("/usr/lib/postgresql/15/bin") != 15 || majorVersion("/usr/local/bin") != 0 {
		t.Error("the version isn't the folder's")
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for want, of := range map[float64][]float64{0: {}, 3: {3}, 2: {9, 1, 2}, 2.5: {4, 1, 2, 3}} {
		if got := median(of); got != want {
			t.Errorf("the median of %v is %v", of, got)
		}
	}
}

// The peer does what it is measured for: each way of creating writes every row, flushed at the standby too, and a balance that doesn't
// suffice is refused.
func TestPostgres(t *testing.T) {
	t.Parallel()
	bin, err := FindPostgres()
	if errors.Is(err, ErrNoPostgres) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir, which the servers' user may not enter.
	parent, err := os.MkdirTemp("", "quorate-peer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := StartPostgres(t.Context(), bin, parent)
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	query := func(sql string) string {
		t.Helper()
		got, err := p.query(context.Background(), sql)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	done := 0
	for round, x := range []transaction{byStatements, byFunction} {
		l, err := p.create(t.Context(), x, 2, 10, round, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		done += l.took.Len()
	}
	for table, rows := range map[string]int{
		"domains": 1, "due": 1, "host_links": 2, "contact_links": 3, "ledger": 1, "postings": 2, "history": 1, "bodies": 1, "command_results": 1, "zone_dirty": 1,
	} {
		// pgbench's last transactions may be committed and not in its log.
		if got := query("SELECT count(*) >= " + strconv.Itoa(done*rows) + ", count(*) % " + strconv.Itoa(rows) + " FROM " + table); done == 0 || got != "t|0" {
			t.Errorf("%s after %d creates: %s", table, done, got)
		}
	}
	if got := query("SELECT sum(10 ^ 12 - balance) = (SELECT sum(amount) FROM ledger) FROM accounts WHERE balance < 10 ^ 12"); got != "t" {
		t.Error("the balances don't say what was paid")
	}
	if got := query("SELECT sync_state FROM pg_stat_replication"); got != "sync" {
		t.Errorf("the standby is %q", got)
	}
	if got := query("SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"); got != "on on on" {
		t.Errorf("durability is %s", got)
	}
	query("UPDATE accounts SET balance = 799")
	for _, x := range []transaction{byStatements, byFunction} {
		if _, err := p.create(t.Context(), x, 1, 1, 9, time.Second); err == nil {
			t.Errorf("%s: a balance of 799 paid for 800", x.name)
		}
	}
	stop()
	if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
