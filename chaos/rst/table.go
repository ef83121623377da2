package rst

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// row is a line of a data provider: a command's values, and what must come of it.
type row struct {
	cells  map[string]string
	source string // where it stands, for reports
}

// passes says whether the server must accept it.
func (r row) passes() bool { return r.cells["passOrFail"] == "pass" }

// code is the error code if the server doesn't do as the row says.
func (r row) code() string { return r.cells["errorCode"] }

// rows are the rows of a data provider: ICANN's, where they are at hand, then ours.
func (t *trial) rows(provider string, needed ...string) ([]row, error) {
	own, ok := ownRows[provider]
	if !ok {
		return nil, fmt.Errorf("there is no data provider %s", provider)
	}
	b, err := t.dataFile("rst-data-providers", provider+".csv")
	if errors.Is(err, fs.ErrNotExist) {
		t.remark("%s: ICANN's rows are not at hand; those of our own were tried", provider)
		return own, nil
	}
	if err != nil {
		return nil, err
	}
	published, columns, err := parseRows(provider, b)
	if err != nil {
		return nil, err
	}
	for _, c := range needed {
		if !slices.Contains(columns, c) {
			t.remark("%s.csv has no column %s, so it was left out", provider, c)
			return own, nil
		}
	}
	return append(published, own...), nil
}

// parseRows reads a data provider.
func parseRows(provider string, b []byte) (all []row, columns []string, err error) {
	records, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", provider, err)
	}
	if len(records) < 2 {
		return nil, nil, fmt.Errorf("%s: no rows", provider)
	}
	columns = records[0]
	for i, rec := range records[1:] {
		r := row{cells: map[string]string{}, source: fmt.Sprintf("%s, row %d", provider, i+2)}
		for j, v := range rec {
			r.cells[columns[j]] = v
		}
		if v := r.cells["passOrFail"]; v != "pass" && v != "fail" {
			return nil, nil, fmt.Errorf("%s: passOrFail is %q", r.source, v)
		}
		all = append(all, r)
	}
	return all, columns, nil
}

// pass makes a row of our own that the server must accept: a base with other cells, "name=value; name=value".
func pass(changes string) row { return ownRow(changes, "pass", wrongFailure) }

// fail makes a row of our own that the server must refuse, and the error if it doesn't.
func fail(code, changes string) row { return ownRow(changes, "fail", code) }

func ownRow(changes, want, code string) row {
	r := row{cells: map[string]string{"passOrFail": want, "errorCode": code}, source: changes}
	if changes == "" {
		return r
	}
	for _, c := range strings.Split(changes, "; ") {
		name, value, _ := strings.Cut(c, "=")
		r.cells[name] = value
	}
	return r
}

// table completes rows of our own with a base's cells.
func table(base map[string]string, rows ...row) []row {
	for i, r := range rows {
		for k, v := range base {
			if _, ok := r.cells[k]; !ok {
				r.cells[k] = v
			}
		}
		what := "all as it should be"
		if r.source != "" {
			what = r.source
		}
		rows[i].source = fmt.Sprintf("own row %d (%s)", i+1, what)
	}
	return rows
}

// evaluator works out the cells of one table's rows, one after the other.
type evaluator struct {
	t        *trial
	tld      string
	previous map[string]string
}

// next works out a row's cells. {EMPTY} and {AUTO} stay; {PREVIOUS} is what the row before came to.
func (e *evaluator) next(r row, columns ...string) (map[string]string, error) {
	s := scope{variables: map[string]string{"TLD": e.tld, "PREFIX": e.t.prefix}, random: e.t.random}
	out := map[string]string{}
	for _, c := range columns {
		cell, ok := r.cells[c]
		if !ok {
			cell = cellEmpty
		}
		v, err := s.evaluate(cell)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", r.source, c, err)
		}
		if v == cellPrevious {
			v = e.previous[c]
		}
		out[c] = v
		s.variables[c] = v
	}
	e.previous = out
	e.t.result.Rows++
	return out, nil
}

// judge holds an answer against a row, and says whether the command succeeded.
func (t *trial) judge(r row, got *reply) bool {
	switch {
	case r.passes() && got.failed():
		t.about(got, r.code(), "%s: refused", r.source)
	case !r.passes() && !got.failed():
		t.about(got, r.code(), "%s: accepted", r.source)
	}
	return !got.failed()
}
