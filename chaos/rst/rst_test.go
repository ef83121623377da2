package rst

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shared is a file of the shared data, or the test is skipped, which CI doesn't excuse.
func shared(t testing.TB, elements ...string) string {
	t.Helper()
	root := os.Getenv("QUORATE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{root}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v (set QUORATE_SHARED)", err)
	}
	return path
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The cases are the specification's, in its order.
func TestCasesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	var want []string
	for _, file := range []string{"epp-cases.yaml", "srsgw-cases.yaml"} {
		for _, m := range regexp.MustCompile(`(?m)^#?((?:epp|srsgw)-\d+):`).FindAllStringSubmatch(read(t, shared(t, "data", "rst-spec", file)), -1) {
			want = append(want, m[1])
		}
	}
	var got []string
	for _, c := range Cases() {
		got = append(got, c.ID)
		if c.Summary == "" || c.run == nil {
			t.Errorf("%s: %+v", c.ID, c)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("cases %q\nthe specification has %q", got, want)
	}
}

// Every error code that the cases and our own rows name is the specification's, with its severity.
func TestErrorCodesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	spec := map[string]Severity{}
	entry := regexp.MustCompile(`(?m)^#?((?:EPP|SRSGW)_\w+):\n#?\s+Severity: (\w+)`)
	for _, file := range []string{"epp-errors.yaml", "srsgw-errors.yaml"} {
		for _, m := range entry.FindAllStringSubmatch(read(t, shared(t, "data", "rst-spec", file)), -1) {
			spec[m[1]] = Severity(m[2])
		}
	}
	used := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`"((?:EPP|SRSGW)_\w*[A-Za-z0-9])"`)
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			for _, m := range literal.FindAllStringSubmatch(read(t, f), -1) {
				used[m[1]] = f
			}
		}
	}
	for provider, rows := range ownRows {
		for _, r := range rows {
			used[r.code()] = provider
		}
	}
	for code, where := range used {
		if spec[code] == "" {
			t.Errorf("%s: the specification has no %s", where, code)
		} else if spec[code] != severityOf(code) {
			t.Errorf("%s is of severity %s, not %s", code, spec[code], severityOf(code))
		}
	}
	if len(used) < 100 {
		t.Errorf("only %d codes found", len(used))
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	s := scope{variables: map[string]string{"TLD": "example", "name": "a.example"}, random: rand.New(rand.NewPCG(1, 1))}
	for cell, want := range map[string]string{
		"plain":                             "^plain$",
		"":                                  "^$",
		"{EMPTY}":                           `^\{EMPTY\}$`,
		"{AUTO}":                            `^\{AUTO\}$`,
		"{PREVIOUS}":                        `^\{PREVIOUS\}$`,
		`{RANDCHARS(17)}`:                   `^[a-z][a-z0-9]{16}$`,
		`{RANDHEX(32)}`:                     `^[0-9A-F]{64}$`,
		`{"ns1." & $name}`:                  `^ns1\.a\.example$`,
		`{"xn--" & RANDASCII(59)&"."&$TLD}`: `^xn--[a-z][a-z0-9]{58}\.example$`,
		`{ "a" }`:                           "^a$",
		`{""}`:                              "^$",
		`{RANDCHARS(0)}`:                    "^$",
	} {
		got, err := s.evaluate(cell)
		if err != nil || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q, %v", cell, got, err)
		}
	}
	for _, cell := range []string{"{}", "{x}", `{"a}`, `{"a" "b"}`, `{"a" &}`, "{$nobody}", "{RANDCHARS}", "{RANDCHARS(x)}", "{RANDCHARS(-1)}", "{RANDCHARS(99999)}", "{RAND(1)}", "{RANDCHARS(1}", "{EMPTY }"} {
		if got, err := s.evaluate(cell); !errors.Is(err, ErrExpression) {
			t.Errorf("%s: %q, %v", cell, got, err)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"{EMPTY}", `{"a" & RANDCHARS(3) & $TLD}`, "{RANDHEX(32)}", `{"`, "{$", "{RANDCHARS(99999999999999999999)}", "{&}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		s := scope{variables: map[string]string{"TLD": "example"}, random: rand.New(rand.NewPCG(1, 1))}
		out, err := s.evaluate(cell)
		if err != nil && !errors.Is(err, ErrExpression) {
			t.Errorf("%q: %v", cell, err)
		}
		if len(out) > (len(cell)+1)*2*maxRandom {
			t.Errorf("%q came to %d octets", cell, len(out))
		}
	})
}

// ICANN's data providers can be read, each cell of them, and so can ours.
func TestRowsCanBeRead(t *testing.T) {
	t.Parallel()
	folder := shared(t, "data")
	tr := &trial{Runner: &Runner{random: rand.New(rand.NewPCG(1, 1)), prefix: "rst", o: Options{Data: folder}}, result: &Result{}}
	published := 0
	for provider, columns := range map[string][]string{
		"epp-07-data": contactColumns, "epp-11-data": hostColumns, "epp-14-data": domainColumns, "epp-09-status-data": statusColumns,
		"epp-09-postalinfo-data": postalColumns, "epp-09-other-data": otherColumns, "epp-13-status-data": statusColumns,
		"epp-13-addr-data": {"action", "ip", "addr"}, "epp-16-status-data": statusColumns, "epp-16-ns-data": {"action"}, "epp-16-dnssec-data": {"pubKey", "digest"}, "epp-23-data": {"name"},
	} {
		rows, err := tr.rows(provider, columns...)
		if err != nil {
			t.Fatal(err)
		}
		e := evaluator{t: tr, tld: "example"}
		passing := 0
		for _, r := range rows {
			if r.passes() {
				passing++
			}
			if strings.Contains(r.cells["ns"], "$DOMAIN") || r.cells["registrant"] == cellNone {
				continue
			}
			if _, err := e.next(r, columns...); err != nil {
				t.Error(err)
			}
		}
		if passing == 0 || passing == len(rows) {
			t.Errorf("%s: %d of %d rows pass", provider, passing, len(rows))
		}
		published += len(rows) - len(ownRows[provider])
	}
	if published < 100 {
		t.Errorf("only %d rows of ICANN's", published)
	}
}

func TestWrongDataProviders(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a,b\n", "a,passOrFail\nx,perhaps\n", "a,passOrFail\nx\n", "\"a,passOrFail\n"} {
		if rows, _, err := parseRows("x", []byte(text)); err == nil {
			t.Errorf("%q: %d rows", text, len(rows))
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("name,passOrFail,errorCode\n{AUTO},pass,X\n"))
	f.Add([]byte("name,passOrFail\n\"{\"\"a\"\" & RANDCHARS(2)}\",fail\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, columns, err := parseRows("fuzz", b)
		if err == nil && (len(rows) == 0 || len(columns) == 0) {
			t.Errorf("%q: %d rows of %d columns, and no error", b, len(rows), len(columns))
		}
	})
}

// completeInput is an input file's content with some of it replaced.
func completeInput(replace ...string) string {
	text := `{"epp.hostName": "epp.rsp.tech", "epp.addresses": ["127.0.0.1:700"], "epp.clid01": "clid-01", "epp.pwd01": "foo2bar", "epp.clid02": "clid-02",
		"epp.pwd02": "foo3bar", "epp.hostModel": "objects", "epp.secDNSInterfaces": "dsData", "epp.registeredNames": ["example.example1", "example.co.example2"],
		"epp.registeredNameservers": ["ns1.example.example1"], "epp.registeredContacts": ["abc123", "def321"], "epp.requiredContactTypes": ["admin"],
		"epp.supportedContactElements": ["org", "voice", "voice:ext"], "general.registryDataModel": "maximum"}`
	return strings.NewReplacer(replace...).Replace(text)
}

func TestInput(t *testing.T) {
	t.Parallel()
	in, err := ParseInput([]byte(completeInput()))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(in.TLDs, []TLD{{Name: "example1"}, {Name: "co.example2"}}) || !in.supports("voice:ext") || in.supports("fax") || in.model(minimum) != maximum {
		t.Errorf("%+v", in)
	}
	for _, replace := range [][]string{
		{`"epp.clid01": "clid-01"`, `"epp.clid01": "c"`}, {`"epp.clid02": "clid-02"`, `"epp.clid02": "clid-01"`}, {"foo2bar", "foo"}, {"foo3bar", ""},
		{`"objects"`, `"both"`}, {`"dsData"`, `"ds"`}, {`"maximum"`, `"medium"`}, {`"maximum"`, `"per-registrar"`}, {`"example.example1", "example.co.example2"`, ``},
		{`"ns1.example.example1"`, ``}, {`, "def321"`, ``}, {"127.0.0.1:700", "127.0.0.1"}, {"epp.hostModel", "epp.hostmodels"}, {"example.example1", "example"}, {"}", ""},
	} {
		if _, err := ParseInput([]byte(completeInput(replace...))); err == nil {
			t.Errorf("with %q it is taken", replace)
		}
	}
	path := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(path, []byte(completeInput()), 0o600); err != nil {
		t.Fatal(err)
	}
	if in, err = LoadInput(path); err != nil || in.file("a.pem") != filepath.Join(filepath.Dir(path), "a.pem") {
		t.Errorf("%v, %s", err, in.file("a.pem"))
	}
}

func FuzzInput(f *testing.F) {
	f.Add([]byte(completeInput()))
	f.Add([]byte(`{"epp.clid01": 1}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := ParseInput(b)
		if err == nil && (in.ClID01 == "" || len(in.TLDs) == 0) {
			t.Errorf("%q is taken", b)
		}
	})
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for ids, want := range map[string]int{"": len(Cases()), "epp-14": 1, "epp-0,srsgw": 9 + 14, "epp-27,epp-1": 11} {
		var all []string
		if ids != "" {
			all = strings.Split(ids, ",")
		}
		if got, err := Select(all); err != nil || len(got) != want {
			t.Errorf("%q: %d cases, %v", ids, len(got), err)
		}
	}
	if _, err := Select([]string{"epp-99"}); !errors.Is(err, ErrNoCase) {
		t.Error(err)
	}
}

func TestCanonicalJSON(t *testing.T) {
	t.Parallel()
	const event = `"events":[{"eventAction":"registration","eventDate":"x"},{"eventAction":"last update of RDAP database","eventDate":"%s"}]`
	_, a, err := canonicalJSON([]byte(`{"handle":"1","links":[{"href":"https://a:1/domain/x"}],`+fmt.Sprintf(event, "1")+`}`), "https://a:1/")
	_, b, err2 := canonicalJSON([]byte(`{`+fmt.Sprintf(event, "2")+`,"links":[{"href":"https://b:2/domain/x"}],"handle":"1"}`), "https://b:2/")
	_, c, err3 := canonicalJSON([]byte(`{`+fmt.Sprintf(event, "2")+`,"links":[{"href":"https://b:2/domain/x"}],"handle":"2"}`), "https://b:2/")
	if err := errors.Join(err, err2, err3); err != nil || a != b || a == c || !strings.Contains(a, "registration") {
		t.Errorf("%v\n%s\n%s\n%s", err, a, b, c)
	}
}
