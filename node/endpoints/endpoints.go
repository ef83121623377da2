// Package endpoints is the file that says where a cluster's sites answer and
// with which credentials: what a development cluster writes for people, scripts and
// the command line to find it. No node reads it.
package endpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DefaultPath is where the development cluster keeps the file, relative to the repository's root.
const DefaultPath = "var/dev/endpoints.json"

// Variable is the environment variable that names another file.
const Variable = "QUORATE_ENDPOINTS"

// maxFile bounds the file in bytes: a site or registrar takes some hundred bytes, and a wrong path must not fill memory.
const maxFile = 1 << 20

// Endpoints is the file's content. Addresses are host:port, RDAP, Admin and Metrics are URLs, files have absolute paths.
type Endpoints struct {
	TLD        string      `json:"tld"`
	CA         string      `json:"ca"` // certificates of the cluster's CA, PEM file
	Sites      []Site      `json:"sites"`
	Registrars []Registrar `json:"registrars"`
	Operator   Operator    `json:"operator"`
}

// Site is one node.
type Site struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	EPP     string `json:"epp"`
	WHOIS   string `json:"whois"`
	RDAP    string `json:"rdap"`
	DNS     string `json:"dns"`
	Admin   string `json:"admin"`
	Metrics string `json:"metrics"`
}

// Registrar has what a registrar logs in with.
type Registrar struct {
	ID       string `json:"id"`
	Password string `json:"password"`
	Cert     string `json:"cert"` // PEM file
	Key      string `json:"key"`  // PEM file
}

// Operator has what an operator calls the admin API with.
type Operator struct {
	Name string `json:"name"`
	Cert string `json:"cert"` // PEM file
	Key  string `json:"key"`  // PEM file
}

// Path is the file to use: the one given, else the environment's, else DefaultPath.
func Path(given string) string {
	for _, path := range []string{given, os.Getenv(Variable)} {
		if path != "" {
			return path
		}
	}
	return DefaultPath
}

// Load reads the file at path. A missing file is fs.ErrNotExist.
func Load(path string) (e Endpoints, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("there is no %s: start the development cluster with make run, or name another file or a node: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return e, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil {
		e, err = parse(b)
	}
	if err != nil {
		return e, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// parse reads the file's content. Fields that it doesn't know are a newer version's, and none of its business.
func parse(b []byte) (e Endpoints, err error) {
	if len(b) > maxFile {
		return e, fmt.Errorf("larger than %d bytes: not a file of endpoints", maxFile)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fmt.Errorf("not a file of endpoints: %w", err)
	}
	if len(e.Sites) == 0 {
		return e, errors.New("not a file of endpoints: it names no site")
	}
	return e, nil
}

// Save writes the file at path at once and whole: a reader sees the old content or the new. Only its owner may read
// it, for it holds passwords.
func (e Endpoints) Save(path string) (err error) {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding endpoints: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing endpoints: %w", err)
	}
	defer os.Remove(f.Name()) // nothing is there by this name after the renaming
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Site returns the site called name; the error names those that there are.
func (e Endpoints) Site(name string) (Site, error) {
	var names []string
	for _, s := range e.Sites {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Site{}, fmt.Errorf("there is no site %q; there are: %s", name, strings.Join(names, ", "))
}

// Registrar returns the registrar with this id; the error names those that there are.
func (e Endpoints) Registrar(id string) (Registrar, error) {
	var ids []string
	for _, r := range e.Registrars {
		if r.ID == id {
			return r, nil
		}
		ids = append(ids, r.ID)
	}
	return Registrar{}, fmt.Errorf("there is no registrar %q; there are: %s", id, strings.Join(ids, ", "))
}
