package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A transaction is a way to put one domain:create to PostgreSQL, as a script of pgbench.
type transaction struct {
	name   string
	script string
}

//go:embed postgres/statements.sql
var statementsScript string

//go:embed postgres/function.sql
var functionScript string

// The two ways: as an application does that decides between statements, and all within the server, which nothing can be faster than.
var (
	byStatements = transaction{"statements", statementsScript}
	byFunction   = transaction{"one function", functionScript}
)

// create has clients of pgbench register domains for the time d, each one transaction after the other, paid by random ones of so many
// registrars. round makes the names differ from those of other calls.
func (p *Postgres) create(ctx context.Context, x transaction, clients, registrars, round int, d time.Duration) (*createLoad, error) {
	folder, err := os.MkdirTemp(p.data, "pgbench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	script := filepath.Join(folder, "script.sql")
	if err := errors.Join(p.chown(folder), p.own(script, []byte(x.script))); err != nil {
		return nil, err
	}
	threads := min(clients, pgbenchThreads)
	c := p.command(ctx, "pgbench", "--no-vacuum", "--protocol", "prepared", "--client", strconv.Itoa(clients), "--jobs", strconv.Itoa(threads),
		"--time", strconv.Itoa(max(1, int(d.Round(time.Second).Seconds()))), "--file", script, "--log", "--log-prefix", filepath.Join(folder, "log"),
		"--define", "n=0", "--define", "round="+strconv.Itoa(round), "--define", "registrars="+strconv.Itoa(registrars))
	out, err := c.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("pgbench: %w: %s", err, out[:min(len(out), maxComplaint)])
	}
	l := &createLoad{failures: map[string]int{}}
	logs, err := filepath.Glob(filepath.Join(folder, "log.*"))
	if err != nil {
		return nil, err
	}
	var first, last time.Time
	for _, path := range logs {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		err = readTransactions(f, func(began, ended time.Time) {
			if first.IsZero() || began.Before(first) {
				first = began
			}
			if ended.After(last) {
				last = ended
			}
			l.took.Add(ended.Sub(began))
		})
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("pgbench's log: %w", err)
		}
	}
	if l.took.Len() == 0 {
		return nil, fmt.Errorf("pgbench did nothing: %s", bytes.TrimSpace(out))
	}
	l.elapsed = last.Sub(first)
	return l, nil
}

// readTransactions reads a log of pgbench --log: client, transaction, time taken, script, and when it ended in seconds and microseconds,
// the times in microseconds. A transaction that failed has a word in place of its time.
func readTransactions(r io.Reader, each func(began, ended time.Time)) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 {
			return fmt.Errorf("%q isn't a transaction", lines.Text())
		}
		var n [3]int64
		for i, place := range []int{2, 4, 5} {
			v, err := strconv.ParseInt(fields[place], 10, 64)
			if err != nil {
				return fmt.Errorf("%q isn't a successful transaction", lines.Text())
			}
			n[i] = v
		}
		ended := time.Unix(n[1], n[2]*1000)
		each(ended.Add(-time.Duration(n[0])*time.Microsecond), ended)
	}
	return lines.Err()
}
