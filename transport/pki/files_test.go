package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFilesRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	caFile, caKey := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	certFile, keyFile := filepath.Join(dir, "node.pem"), filepath.Join(dir, "node.key")
	made := newCA(t)
	if err := made.Save(caFile, caKey); err != nil {
		t.Fatal(err)
	}
	ca, err := LoadCA(caFile, caKey)
	if err != nil {
		t.Fatal(err)
	}
	if ca.Cluster() != "test.example" || !ca.Certificate().Equal(made.Certificate()) {
		t.Errorf("the authority came back as %s of %s", ca.Certificate().Subject, ca.Cluster())
	}
	cert, err := ca.IssueNode("node-1", nil, time.Hour) // with the key that was loaded
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // writing over what is there is allowed
		if err := Save(cert, certFile, keyFile); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := Load(certFile, keyFile)
	if err != nil || loaded.Leaf == nil || !bytes.Equal(loaded.Leaf.Raw, cert.Leaf.Raw) {
		t.Errorf("the certificate came back as %+v, %v", loaded.Leaf, err)
	}
	pool, err := LoadPool(caFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.Leaf.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
		t.Error(err)
	}
	for file, want := range map[string]fs.FileMode{caFile: 0o644, caKey: 0o600, certFile: 0o644, keyFile: 0o600} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (%v)", file, info.Mode(), want, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestWrongFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	ca := newCA(t)
	node, err := ca.IssueNode("node-1", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(ca.Save(path("ca.pem"), path("ca.key")), Save(node, path("node.pem"), path("node.key")),
		os.WriteFile(path("junk"), []byte("junk"), 0o600), os.WriteFile(path("large"), make([]byte, MaxPEMFile+1), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		load func() error
		want string
		is   error
	}{
		{"missing", func() error { _, err := LoadCA(path("none"), path("ca.key")); return err }, "none", fs.ErrNotExist},
		{"missing key", func() error { _, err := Load(path("node.pem"), path("none")); return err }, "none", fs.ErrNotExist},
		{"not an authority", func() error { _, err := LoadCA(path("node.pem"), path("node.key")); return err }, "node.pem", ErrNotCA},
		{"another's key", func() error { _, err := Load(path("node.pem"), path("ca.key")); return err }, "node.pem", nil},
		{"junk", func() error { _, err := Load(path("junk"), path("junk")); return err }, "junk", nil},
		{"junk pool", func() error { _, err := LoadPool(path("junk")); return err }, "no certificate", nil},
		{"large", func() error { _, err := LoadPool(path("large")); return err }, "larger than", nil},
		{"a folder", func() error { _, err := LoadPool(dir); return err }, dir, nil},
	} {
		err := test.load()
		if err == nil || !strings.Contains(err.Error(), test.want) || (test.is != nil && !errors.Is(err, test.is)) {
			t.Errorf("%s: %v, want %q (%v)", test.name, err, test.want, test.is)
		}
	}
}

func TestWriteErrorsAreClear(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	missing := filepath.Join(t.TempDir(), "missing", "ca.key")
	if err := ca.Save(missing, missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "write "+missing) {
		t.Errorf("into a folder that isn't there: %v", err)
	}
	// A directory where the file should go: what was there stays, nothing temporary is left.
	dir := t.TempDir()
	taken := filepath.Join(dir, "ca.key")
	if err := os.MkdirAll(filepath.Join(taken, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := ca.Save(filepath.Join(dir, "ca.pem"), taken); err == nil || !strings.Contains(err.Error(), "write "+taken) {
		t.Errorf("over a directory: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("after the failure the folder has %v, %v", entries, err)
	}
}

// /dev/full is a disk that is full; the old file must survive a write that fails so.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs /dev/full:", err)
	}
	defer full.Close()
	if err := writeSync(full, []byte("data"), keyMode); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
}
