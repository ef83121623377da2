package cluster

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// plan is what a cluster's folder remembers of it (cluster.json): all that a
// later start must find again.
type plan struct {
	Cluster     string      `json:"cluster"`
	TLD         string      `json:"tld"`
	PortBase    int         `json:"port_base"`
	Sites       []string    `json:"sites"`
	Registrars  []registrar `json:"registrars"`
	Provisioned bool        `json:"provisioned"` // the cluster exists, with its TLD and registrars
}

// registrar is an account that the first start opens.
type registrar struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	IANA     uint32 `json:"iana"`
	Password string `json:"password"`
	Deposit  string `json:"deposit"` // in USD; "": no account
}

// newPlan is the plan of a cluster that is about to be made.
func newPlan(o Options) plan {
	p := plan{Cluster: o.Name, TLD: o.TLD, PortBase: o.PortBase, Sites: o.Sites}
	// The ids are those that IANA keeps for tests of registries, so that they can't be a real registrar's.
	for _, r := range []registrar{
		{ID: "reg1", Name: "First Registrar Ltd", IANA: 9995, Deposit: Deposit},
		{ID: "reg2", Name: "Second Registrar Inc", IANA: 9996, Deposit: Deposit},
		{ID: "poor", Name: "Penniless Registrar", IANA: 9997},
	} {
		r.Password = newPassword()
		p.Registrars = append(p.Registrars, r)
	}
	return p
}

// newPassword is a random password of 16 characters, as many as EPP can carry (RFC 5730 pwType).
func newPassword() string {
	var random [10]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}

// loadPlan reads the plan of the cluster at dir; fs.ErrNotExist when there is none.
func loadPlan(dir string) (p plan, err error) {
	b, err := os.ReadFile(filepath.Join(dir, planFile))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("%s: %w", filepath.Join(dir, planFile), err)
	}
	if len(p.Sites) == 0 || len(p.Sites) > MaxSites || p.PortBase == 0 {
		return p, fmt.Errorf("%s: not a cluster's plan", filepath.Join(dir, planFile))
	}
	return p, nil
}

func (p plan) save(dir string) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, planFile), append(b, '\n'), 0o600)
}

// makeKEK writes a fresh key-encryption key unless there is one.
func makeKEK(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var key [32]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return writeFile(path, []byte(hex.EncodeToString(key[:])+"\n"), 0o600)
}

// writeFile replaces the file at path: whoever reads it sees the old content or the new, never a part, also after a crash.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been renamed, and is then not needed
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
