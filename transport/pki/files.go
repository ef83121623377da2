package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The permissions of what is written: a key is its owner's alone.
const (
	certMode fs.FileMode = 0o644
	keyMode  fs.FileMode = 0o600
)

// Save writes the authority's certificate and key as PEM files, the key with mode 0600. Each file is replaced atomically and is on
// disk when Save returns; the key goes first, so a certificate that is there has its key beside it. Errors name the file.
func (ca *CA) Save(certFile, keyFile string) error {
	return Save(tls.Certificate{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key}, certFile, keyFile)
}

// LoadCA reads what Save wrote. A missing file is fs.ErrNotExist; a certificate that isn't an authority of a cluster is ErrNotCA.
func LoadCA(certFile, keyFile string) (*CA, error) {
	pair, err := Load(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	id, err := ParseIdentity(pair.Leaf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", certFile, ErrNotCA, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA || id.Role != RoleCA {
		return nil, fmt.Errorf("%s: %w: it is a certificate of %s", certFile, ErrNotCA, id)
	}
	return &CA{cluster: id.Cluster, cert: pair.Leaf, key: key}, nil
}

// Save writes a certificate (with its chain) and its key as (*CA).Save does.
func Save(cert tls.Certificate, certFile, keyFile string) error {
	chain, err := CertificatePEM(cert)
	if err != nil {
		return err
	}
	key, err := KeyPEM(cert.PrivateKey)
	if err != nil {
		return err
	}
	if err := WriteFile(keyFile, key, keyMode); err != nil {
		return err
	}
	return WriteFile(certFile, chain, certMode)
}

// Load reads a certificate and its key; the Leaf is set. A missing file is fs.ErrNotExist. It doesn't look at the validity period.
func Load(certFile, keyFile string) (tls.Certificate, error) {
	chain, err := readFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}

// LoadPool reads a PEM file of one or more authorities' certificates into a pool.
func LoadPool(file string) (*x509.CertPool, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s: no certificate in PEM form in it", file)
	}
	return pool, nil
}

// CertificatePEM is the certificate and its chain in PEM form, leaf first.
func CertificatePEM(cert tls.Certificate) ([]byte, error) {
	var out bytes.Buffer
	for _, der := range cert.Certificate {
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return nil, fmt.Errorf("encode a certificate: %w", err)
		}
	}
	return out.Bytes(), nil
}

// KeyPEM is a private key in PEM form (PKCS #8, RFC 5958).
func KeyPEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxPEMFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > MaxPEMFile {
		return nil, fmt.Errorf("read %s: larger than %d bytes, not a certificate or key", name, MaxPEMFile)
	}
	return data, nil
}

// WriteFile replaces a file atomically and durably: a reader, or a crash, sees the old content or the new, never a part; and nobody
// may read the new content whom mode doesn't let, also where more could read the old.
func WriteFile(name string, data []byte, mode fs.FileMode) error {
	if err := replaceFile(name, data, mode); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func replaceFile(name string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(name)
	// os.CreateTemp makes it with mode 0600: a key is never readable by others, not even for a moment.
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there is nothing by this name once it has been renamed
	if err := errors.Join(writeSync(f, data, mode), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(dir) // the rename is durable only once the directory is
}

func writeSync(f *os.File, data []byte, mode fs.FileMode) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), f.Sync())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
