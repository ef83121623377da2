package dnsserve

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// Images says where zones are kept.
type Images struct {
	// Folder holds a file for each zone, and belongs to this process alone. It is made if it isn't there.
	// Empty: zones are kept in memory.
	Folder string
	// Identity is whose zones they are. Images of another identity are discarded: with a history of its own
	// a serial means something else.
	Identity string
	// Damaged is called, on a goroutine of its own, with the origin of a zone whose image turned out to hold
	// something else than was written. Queries that need it get SERVFAIL until the zone is loaded. May be nil.
	Damaged func(origin string)
	Log     *slog.Logger // nil: nothing is logged

	boot [16]byte
}

const (
	imageSuffix = ".zone"
	freshSuffix = ".new"
)

// OpenZones returns the zones that were served last, as far as their images are whole: each is at a serial that
// it once had, which may be older than the newest when the machine lost power. What can't be
// believed is removed. The caller brings them up to date by Publish or Load.
func OpenZones(images Images) (*Zones, error) {
	images.boot = thisBoot()
	return openZones(images)
}

func openZones(images Images) (*Zones, error) {
	z := NewZones()
	if images.Log == nil {
		images.Log = z.images.Log
	}
	z.images = images
	if images.Folder == "" || !canMap {
		z.images.Folder = ""
		return z, nil
	}
	if err := os.MkdirAll(images.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("dnsserve: folder of zone images: %w", err)
	}
	files, err := os.ReadDir(images.Folder)
	if err != nil {
		return nil, fmt.Errorf("dnsserve: folder of zone images: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(images.Folder, f.Name())
		switch {
		case strings.HasSuffix(f.Name(), freshSuffix):
			err = os.Remove(path) // the process ended before it was complete
		case strings.HasSuffix(f.Name(), imageSuffix):
			err = z.open(path)
		default:
			err = nil
		}
		if err != nil {
			return nil, fmt.Errorf("dnsserve: folder of zone images: %w", err)
		}
	}
	return z, nil
}

// open serves what a file holds, or removes it.
func (z *Zones) open(path string) error {
	v, err := openVersion(path, z.images)
	if err == nil && filepath.Base(path) != fileName(v.origin) {
		err = fmt.Errorf("%w: it holds another zone than its name says", errDamaged)
	}
	if err != nil {
		z.images.Log.Warn("a zone image is discarded", "file", path, "error", err)
		return os.Remove(path)
	}
	z.serve(v)
	return nil
}

func openVersion(path string, images Images) (v *version, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		// Whatever a header leads to that nobody would have written.
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errDamaged, cause)
		}
	}()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	im, h, err := openImage(file, images.boot)
	if err != nil {
		return nil, err
	}
	if im.identity != identityOf(images.Identity) {
		return nil, fmt.Errorf("%w: it is of another registry, or another life of this one", errDamaged)
	}
	v = newVersion(im, &h)
	if err := v.complete(); err != nil {
		return nil, err
	}
	if soaSerial(v.soa.first()) != v.serial {
		return nil, fmt.Errorf("%w: its serial is not its SOA's", errDamaged)
	}
	return v, nil
}

// fileName is the file of a zone: its origin, if that is as harmless as those of registries are.
func fileName(origin []byte) string {
	name := strings.TrimSuffix(show(origin), ".")
	harmless := func(c rune) bool {
		return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.'
	}
	if name == "" || len(name) > 100 || strings.HasPrefix(name, ".") || strings.TrimFunc(name, harmless) != "" || strings.ContainsFunc(name, func(c rune) bool { return !harmless(c) }) {
		sum := identityOf(string(origin))
		name = "_" + hex.EncodeToString(sum[:])
	}
	return name + imageSuffix
}

// build makes an image of one version. It is in a file that settle gives its name, or in memory: file is nil
// then. spare says that memory will do when the file can't be written.
func (z *Zones) build(origin []byte, serial uint32, spare bool, fill func(*edit) error) (v *version, file *os.File, err error) {
	if z.images.Folder != "" {
		if file, err = os.CreateTemp(z.images.Folder, fileName(origin)+".*"+freshSuffix); err == nil {
			if v, err = z.fill(file, origin, serial, fill); err == nil {
				return v, file, nil
			}
			os.Remove(file.Name())
		}
		var system *os.PathError
		if !spare || !errors.As(err, &system) {
			return nil, nil, err
		}
		z.images.Log.Error("a zone is kept in memory, for its image can't be written", "page", true, "zone", show(origin), "error", err)
	}
	v, err = z.fill(nil, origin, serial, fill)
	return v, nil, err
}

func (z *Zones) fill(file *os.File, origin []byte, serial uint32, fill func(*edit) error) (v *version, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	im, err := newImage(file, origin, identityOf(z.images.Identity), z.images.boot)
	if err != nil {
		return nil, err
	}
	e := (&version{space: space{im.segments, nil}, image: im, origin: origin, labels: labelCount(origin), seed: im.seed}).edit(im)
	e.gathered = new(gathered)
	if err := fill(e); err != nil {
		return nil, err
	}
	if v, err = e.finish(serial); err != nil {
		return nil, fmt.Errorf("zone %s: %w", show(origin), err)
	}
	return v, nil
}

// settle gives the file of an image its name, in place of the one before. The caller holds z.write.
func (z *Zones) settle(v *version, file *os.File) {
	if file == nil {
		z.removeFile(v.origin)
		return
	}
	if err := os.Rename(file.Name(), filepath.Join(z.images.Folder, fileName(v.origin))); err != nil {
		z.images.Log.Error("a zone image can't be put in its place", "page", true, "zone", show(v.origin), "error", err)
		os.Remove(file.Name())
		z.removeFile(v.origin)
	}
}

// removeFile makes sure that an image that isn't served any more isn't served after a restart.
func (z *Zones) removeFile(origin []byte) {
	if z.images.Folder == "" {
		return
	}
	if err := os.Remove(filepath.Join(z.images.Folder, fileName(origin))); err != nil && !errors.Is(err, os.ErrNotExist) {
		z.images.Log.Error("an old zone image can't be removed", "page", true, "zone", show(origin), "error", err)
	}
}

// Sync brings what is served now to the disk, so that it is there even after a power cut. Publications go on
// meanwhile. Without it nothing is lost that the state doesn't have; a restart after a power cut takes longer.
func (z *Zones) Sync() error {
	var all error
	for _, served := range z.table.Load().zones {
		if err := z.sync(served); err != nil {
			all = errors.Join(all, fmt.Errorf("dnsserve: zone image of %s: %w", served.label, err))
		}
	}
	return all
}

func (z *Zones) sync(served *zone) error {
	v := served.version.Load()
	im := v.image
	if im.file == nil {
		return nil
	}
	im.syncing.Lock()
	defer im.syncing.Unlock()
	if v.serial == im.synced.serial && v.next == im.synced.next {
		return nil
	}
	from := int(im.synced.next >> refBits)
	for i := from; i < len(v.segments); i++ {
		if err := syncSegment(v.segments[i]); err != nil {
			return err
		}
	}
	if err := im.file.Sync(); err != nil { // the head, and how long the file is
		return err
	}
	z.write.Lock()
	err := im.writeHeader(v.roots, v.next, true)
	z.write.Unlock()
	if err == nil {
		err = im.file.Sync()
	}
	if err == nil {
		im.synced.serial, im.synced.next = v.serial, v.next
	}
	return err
}

// Close syncs the images. Zones that are still asked go on answering.
func (z *Zones) Close() error {
	z.close.Do(func() { close(z.closing) })
	z.working.Wait()
	return z.Sync()
}

// Expires returns when the first signature of a zone ends, to the minute, on the early side; false when the zone
// isn't served or isn't signed.
func (z *Zones) Expires(origin string) (time.Time, bool) {
	wire, err := parseName(origin)
	if err != nil {
		return time.Time{}, false
	}
	served := z.table.Load().zones[string(wire)]
	if served == nil {
		return time.Time{}, false
	}
	v := served.version.Load()
	return time.Unix(int64(v.earliest), 0), v.signed
}

// Origins returns the zones that are served, in no order.
func (z *Zones) Origins() (all []string) {
	for _, served := range z.table.Load().zones {
		all = append(all, served.label)
	}
	return all
}

// damage notes that an image isn't what it was, once.
func (z *Zones) damage(v *version, cause any) {
	served := z.table.Load().zones[string(v.origin)]
	if served == nil || served.version.Load().image != v.image || !served.damaged.CompareAndSwap(false, true) {
		return
	}
	z.damages.Add(1)
	z.images.Log.Error("a zone image is damaged", "page", true, "zone", served.label, "cause", fmt.Sprint(cause))
	if z.images.Damaged != nil {
		go z.images.Damaged(served.label)
	}
}
