package dnsserve

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"sync"
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// errDamaged means that a file is no image, or one that is not to be believed.
var errDamaged = errors.New("damaged zone image")

// A file is a head of headSize octets, and then the segments. The head says whose image it is, and has slots
// for headers of versions: two that take turns, written by every publication, and two that take turns
// for versions of which the disk has everything. A header of the first kind is believed as long as the
// kernel that it was written under runs: a process that is killed leaves the page cache whole, a power cut doesn't.
const (
	headSize     = 64 << 10 // a multiple of every page size there is
	slotCount    = 4
	slotSize     = 512 // no header shares a disk sector with another
	slotStart    = 4096
	durableSlot  = 2 // the first of the slots for what is on the disk
	imageMagic   = "quorate zone image 1"
	magicSize    = 24
	identitySize = 16
)

// image is an arena, in a file or in memory alone. Nothing of it is unmapped while a version is in reach of
// anybody: versions hold the image, and the garbage collector says when the last is gone. That is the whole
// of reclamation; readers pay nothing for it.
type image struct {
	*mapping
	seed     [2]uint64 // of the hash of names
	identity [identitySize]byte
	origin   []byte
	unread   *unread

	boot     [16]byte
	seq      uint64 // of the newest header
	slots    [2]int // where the next header goes, of each kind
	reserved int64  // octets of the file that have room on the disk

	syncing sync.Mutex // one sync at a time; guards what follows
	synced  struct {
		serial uint32
		next   ref
	}
}

// mapping is what is left to do when an image is gone.
type mapping struct {
	file     *os.File // nil: memory alone
	segments [][]byte
}

func (m *mapping) release() {
	for _, s := range m.segments {
		_ = unmapSegment(s)
	}
	if m.file != nil {
		m.file.Close()
	}
}

// newImage makes an empty image; in memory when file is nil.
func newImage(file *os.File, origin []byte, identity [identitySize]byte, boot [16]byte) (*image, error) {
	im := &image{mapping: &mapping{file: file}, origin: origin, identity: identity, boot: boot, slots: [2]int{0, durableSlot}}
	var seed [16]byte
	rand.Read(seed[:])
	im.seed = [2]uint64{le.Uint64(seed[:]), le.Uint64(seed[8:])}
	runtime.AddCleanup(im, (*mapping).release, im.mapping)
	if file == nil {
		return im, nil
	}
	head := append(make([]byte, 0, slotStart), imageMagic...)[:magicSize]
	head = append(head, identity[:]...)
	head = append(head, seed[:]...)
	head = append(head, origin...)
	head = le.AppendUint32(head, crc32.Checksum(head, castagnoli))
	if err := reserve(file, 0, headSize); err != nil {
		return nil, err
	}
	if _, err := file.WriteAt(head, 0); err != nil {
		return nil, err
	}
	im.reserved = headSize
	return im, nil
}

// readHead is the other half of newImage.
func (im *image) readHead() error {
	head := make([]byte, magicSize+identitySize+16+maxName+4)
	if _, err := im.file.ReadAt(head, 0); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	const fixed = magicSize + identitySize + 16
	n := nameLen(head[fixed : fixed+maxName])
	if n == 0 || string(head[:len(imageMagic)]) != imageMagic || crc32.Checksum(head[:fixed+n], castagnoli) != le.Uint32(head[fixed+n:]) {
		return fmt.Errorf("%w: not the head of one", errDamaged)
	}
	copy(im.identity[:], head[magicSize:])
	im.seed = [2]uint64{le.Uint64(head[fixed-16:]), le.Uint64(head[fixed-8:])}
	im.origin = head[fixed : fixed+n]
	return nil
}

// header is what a slot holds: a version.
type header struct {
	seq     uint64
	durable bool
	boot    [16]byte
	roots
	next    ref    // where the next block will be
	tailSum uint32 // of the page that isn't full, up to there
}

// roots are where the tries of a version begin, and what is said of it as a whole.
type roots struct {
	serial  uint32
	names   ref    // all names but those of NSEC3, by hash
	denial  ref    // the names of NSEC3, by what they stand for
	sorted  ref    // the names that have NSEC, in canonical order (RFC 4034 §6.1)
	expiry  ref    // how many signatures end in each minute
	count   uint64 // of names, empty non-terminals and NSEC3 included
	garbage uint64 // octets before next that the version has no use for
}

func (h *header) encode() []byte {
	b := make([]byte, 0, slotSize)
	b = le.AppendUint64(b, h.seq)
	durable := byte(0)
	if h.durable {
		durable = 1
	}
	b = append(b, durable)
	b = append(b, h.boot[:]...)
	for _, v := range [...]uint32{h.serial, uint32(h.names), uint32(h.denial), uint32(h.sorted), uint32(h.expiry), uint32(h.next), h.tailSum} {
		b = le.AppendUint32(b, v)
	}
	b = le.AppendUint64(b, h.count)
	b = le.AppendUint64(b, h.garbage)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

const headerLength = 8 + 1 + 16 + 7*4 + 2*8 + 4

func (h *header) decode(b []byte) bool {
	if crc32.Checksum(b[:headerLength-4], castagnoli) != le.Uint32(b[headerLength-4:]) {
		return false
	}
	h.seq, h.durable = le.Uint64(b), b[8] == 1
	copy(h.boot[:], b[9:])
	var v [7]uint32
	for i := range v {
		v[i] = le.Uint32(b[25+4*i:])
	}
	h.serial, h.names, h.denial, h.sorted, h.expiry, h.next, h.tailSum = v[0], ref(v[1]), ref(v[2]), ref(v[3]), ref(v[4]), ref(v[5]), v[6]
	h.count, h.garbage = le.Uint64(b[53:]), le.Uint64(b[61:])
	return true
}

// extend makes segments up to and including that of r, with room on the disk for n octets at r.
func (im *image) extend(r ref, n int) error {
	for int(r>>refBits) >= len(im.segments) {
		if len(im.segments) == 1<<(32-refBits) {
			return fmt.Errorf("dnsserve: a zone image holds at most %d octets", int64(1)<<(32+unitBits))
		}
		// A map may go beyond the file's end; nothing is written there before there is room.
		segment, err := mapSegment(im.file, headSize+int64(len(im.segments))*segmentSize)
		if err != nil {
			return fmt.Errorf("dnsserve: map zone image: %w", err)
		}
		im.segments = append(im.segments, segment)
	}
	if im.file == nil {
		return nil
	}
	for end := headSize + int64(r)<<unitBits + int64(n); im.reserved < end; {
		step := int64(reserveStep)
		if im.reserved-headSize >= segmentSize {
			step = segmentSize // a large zone
		}
		if err := reserve(im.file, im.reserved, step); err != nil {
			return fmt.Errorf("dnsserve: zone image: %w", err)
		}
		im.reserved += step
	}
	return nil
}

// commit makes what was appended since start part of the file, as the newest version. Up to then the file says
// that the version before is.
func (im *image) commit(roots roots, start, next ref) error {
	if im.file == nil {
		return nil
	}
	for page := int(start >> (12 - unitBits)); page < int(next>>(12-unitBits)); page++ {
		if in := page & (1<<pagesBits - 1); in >= tableSize/pageSize {
			segment := im.segments[page>>pagesBits]
			le.PutUint32(segment[4*in:], pageSum(segment, in))
		}
	}
	return im.writeHeader(roots, next, false)
}

func (im *image) writeHeader(roots roots, next ref, durable bool) error {
	kind := 0
	if durable {
		kind = 1
	}
	h := header{seq: im.seq + 1, durable: durable, boot: im.boot, roots: roots, next: next, tailSum: im.tailSum(next)}
	if _, err := im.file.WriteAt(h.encode(), int64(slotStart+im.slots[kind]*slotSize)); err != nil {
		return fmt.Errorf("dnsserve: zone image: %w", err)
	}
	im.seq++
	im.slots[kind] ^= 1
	return nil
}

// tailSum is the checksum of the page that next is in, up to there.
func (im *image) tailSum(next ref) uint32 {
	at := int(next&refMask) << unitBits
	if at%pageSize == 0 {
		return 0
	}
	return crc32.Checksum(im.segments[next>>refBits][at-at%pageSize:at], castagnoli)
}

// openImage maps a file and finds the newest version in it that is to be believed. What it reads is the head
// and one page; all others are read, and checked, when they are needed.
func openImage(file *os.File, boot [16]byte) (im *image, h header, err error) {
	im = &image{mapping: &mapping{file: file}, boot: boot}
	defer func() {
		if err != nil {
			im.release()
		}
	}()
	if err := im.readHead(); err != nil {
		return nil, h, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, h, err
	}
	im.reserved = info.Size()
	slots := make([]byte, slotCount*slotSize)
	if _, err := file.ReadAt(slots, slotStart); err != nil {
		return nil, h, fmt.Errorf("%w: %w", errDamaged, err)
	}
	found := -1
	im.slots = [2]int{0, durableSlot}
	for i := range slotCount {
		var other header
		if !other.decode(slots[i*slotSize:]) || other.durable != (i >= durableSlot) {
			continue
		}
		im.seq = max(im.seq, other.seq)
		sameBoot := im.boot != [16]byte{} && other.boot == im.boot
		if (other.durable || sameBoot) && (found < 0 || other.seq > h.seq) && im.holds(&other) {
			found, h = i, other
		}
	}
	if found < 0 {
		return nil, h, fmt.Errorf("%w: no version in it is to be believed", errDamaged)
	}
	for i := range slotCount {
		// What can't be believed must not look as if it could once there is something else behind h.next.
		if other := (header{}); other.decode(slots[i*slotSize:]) && other.seq > h.seq {
			if _, err := file.WriteAt(make([]byte, slotSize), int64(slotStart+i*slotSize)); err != nil {
				return nil, h, err
			}
		}
	}
	im.slots[found/durableSlot] = found ^ 1
	if found < durableSlot {
		// The one that is believed stays until another is complete; so does the newest that is on the disk.
		im.slots[1] = im.olderDurable(slots)
	}
	im.unread = newUnread(int(h.next >> (12 - unitBits)))
	runtime.AddCleanup(im, (*mapping).release, im.mapping)
	return im, h, nil
}

func (im *image) olderDurable(slots []byte) int {
	var a, b header
	okA, okB := a.decode(slots[durableSlot*slotSize:]), b.decode(slots[(durableSlot+1)*slotSize:])
	if okA && (!okB || a.seq > b.seq) {
		return durableSlot + 1
	}
	return durableSlot
}

// holds reports whether the file has all that a header speaks of, as far as can be said without reading it.
func (im *image) holds(h *header) bool {
	if h.next < firstRef || headSize+int64(h.next)<<unitBits > im.reserved {
		return false
	}
	for int(h.next>>refBits) >= len(im.segments) {
		segment, err := mapSegment(im.file, headSize+int64(len(im.segments))*segmentSize)
		if err != nil {
			return false
		}
		im.segments = append(im.segments, segment)
	}
	return im.tailSum(h.next) == h.tailSum
}

func writeZeros(file *os.File, at, n int64) error {
	_, err := io.Copy(io.NewOffsetWriter(file, at), io.LimitReader(zeros{}, n))
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// identityOf is what a head holds of an identity.
func identityOf(text string) (id [identitySize]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(id[:], sum[:])
	return id
}
