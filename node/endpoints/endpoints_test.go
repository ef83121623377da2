package endpoints

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func sample() Endpoints {
	return Endpoints{
		TLD: "example", CA: "/dev/ca.pem",
		Sites: []Site{
			{"site1", 101, "127.0.0.1:7001", "127.0.0.1:7002", "https://127.0.0.1:7003/", "127.0.0.1:7004", "https://127.0.0.1:7005", "http://127.0.0.1:7006"},
			{Name: "site2"},
		},
		Registrars: []Registrar{{"reg1", "secret-1", "/dev/reg1.pem", "/dev/reg1.key"}},
		Operator:   Operator{"ops", "/dev/ops.pem", "/dev/ops.key"},
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "endpoints.json")
	for _, e := range []Endpoints{{Sites: []Site{{Name: "old"}}}, sample()} {
		if err := e.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, %v; want %+v", got, err, e)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with passwords has mode %v, %v", info.Mode(), err)
	}
	rest, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(rest) != 1 {
		t.Errorf("%d files are left in the folder, %v", len(rest), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"tld"`, `"ca"`, `"sites"`, `"name"`, `"pid": 101`, `"epp"`, `"whois"`, `"rdap"`, `"dns"`, `"admin"`, `"metrics"`, `"registrars"`, `"id"`, `"password"`, `"cert"`, `"key"`, `"operator"`} {
		if !strings.Contains(string(text), field) {
			t.Errorf("no %s in the file", field)
		}
	}
}

func TestSaveInMissingFolder(t *testing.T) {
	t.Parallel()
	if err := sample().Save(filepath.Join(t.TempDir(), "none", "endpoints.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make run") {
		t.Errorf("a missing file: %v", err)
	}
	for content, want := range map[string]string{
		"":                              "not a file of endpoints",
		"{}":                            "names no site",
		`{"sites":1}`:                   "not a file of endpoints",
		strings.Repeat(" ", maxFile+10): "larger than",
	} {
		path := filepath.Join(t.TempDir(), "endpoints.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want the path and %q", err, want)
		}
	}
}

func TestByName(t *testing.T) {
	t.Parallel()
	e := sample()
	if s, err := e.Site("site1"); err != nil || s.PID != 101 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := e.Site("site9"); err == nil || !strings.Contains(err.Error(), "site1, site2") {
		t.Errorf("got %v", err)
	}
	if r, err := e.Registrar("reg1"); err != nil || r.Password != "secret-1" {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := e.Registrar("reg9"); err == nil || !strings.Contains(err.Error(), "reg1") {
		t.Errorf("got %v", err)
	}
}

func TestPath(t *testing.T) {
	t.Setenv(Variable, "")
	if got := Path(""); got != DefaultPath {
		t.Errorf("got %q", got)
	}
	t.Setenv(Variable, "/elsewhere.json")
	if got := Path(""); got != "/elsewhere.json" {
		t.Errorf("got %q", got)
	}
	if got := Path("/given.json"); got != "/given.json" {
		t.Errorf("got %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"tld":"example","ca":"/ca.pem","sites":[{"name":"site1","pid":1,"admin":"https://127.0.0.1:1"}],"registrars":[],"operator":{"name":"ops"}}`))
	f.Add([]byte(`{"sites":[{}],"later":true}`))
	f.Add([]byte(`{"sites":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parse(b)
		if err == nil && len(e.Sites) == 0 {
			t.Error("a file without sites is taken")
		}
	})
}
