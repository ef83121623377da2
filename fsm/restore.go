package fsm

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"quorate/fsm/store"
)

// errDamaged says that a copy is not what was sent.
var errDamaged = errors.New("the copy is cut short or damaged")

// receive writes the state file of a store.Export to path, synced and verified.
func receive(r io.Reader, path string, highest store.Level) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("receiving state: %w", err)
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = checkSum(f, n)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("receiving state: %w", err)
	}
	db, err := store.OpenAs(path, highest)
	if err != nil {
		return fmt.Errorf("received state: %w", err)
	}
	return errors.Join(db.Verify(), db.Close())
}

// checkSum holds the first octets of f against the SHA-256 in the last, and cuts that off.
func checkSum(f *os.File, size int64) error {
	body := size - sha256.Size
	if body <= 0 {
		return errDamaged
	}
	sum, want := sha256.New(), make([]byte, sha256.Size)
	if _, err := f.ReadAt(want, body); err != nil {
		return err
	}
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, body)); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return errDamaged
	}
	return f.Truncate(body)
}

// swap puts the file from in the place of to, durably.
func swap(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("swapping state files: %w", err)
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("syncing the state's folder: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
