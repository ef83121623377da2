package dnsserve

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// boot makes images of a test as if they were written under a certain run of a kernel.
func boot(n byte) [16]byte { return [16]byte{n} }

func openFolder(t testing.TB, folder string, run byte) *Zones {
	t.Helper()
	zones, err := openZones(Images{Folder: folder, Identity: "test", boot: boot(run)})
	if err != nil {
		t.Fatal(err)
	}
	return zones
}

// corpusQuestions ask for all that an example zone has, and for what it hasn't, with and without DO.
var corpusQuestions = sync.OnceValue(func() map[string][]byte {
	names := []string{"example.", "nothing.example.", "www.foo.example.", "x.bar.example.", "plain.example.", "ns1.nic.example.", "b.ent.example.",
		"a.b.wild.example.", "host.wild.example.", "second.example.", "x.ent.example.", "new.example.", "deep.new.example.", "0123456789abcdefghijklmnopqrstuv.example."}
	for i := range 20 {
		names = append(names, fmt.Sprintf("f%d.example.", i*20))
	}
	all := make(map[string][]byte)
	for _, name := range names {
		for _, typ := range []uint16{dns.TypeA, dns.TypeSOA, dns.TypeNS, dns.TypeDS, dns.TypeTXT, dns.TypeANY} {
			for _, do := range []bool{false, true} {
				m := question(name, typ)
				m.Id = 1
				if do {
					withOPT(m, 4096, func(o *dns.OPT) { o.SetDo() })
				}
				wire, err := m.Pack()
				if err != nil {
					panic(err)
				}
				all[fmt.Sprintf("%s %d %v", name, typ, do)] = wire
			}
		}
	}
	return all
})

// corpus asks zones all of that by TCP and returns the answers, octet by octet, by question.
func corpus(t testing.TB, zones *Zones) map[string]string {
	t.Helper()
	r, out := testResponder(zones), make([]byte, maxMessage)
	all := make(map[string]string)
	for question, wire := range corpusQuestions() {
		all[question] = string(out[:r.respond(out, wire, peer{tcp: true})])
	}
	return all
}

func isServFail(answer string) bool {
	return len(answer) >= headerSize && answer[3]&15 == rcodeServFail
}

// shown is an answer of corpus in words.
func shown(answer string) string {
	var m dns.Msg
	if err := m.Unpack([]byte(answer)); err != nil {
		return fmt.Sprintf("%x: %v", answer, err)
	}
	return dump(&m)
}

func testResponder(zones *Zones) *responder {
	return &responder{zones: zones, udpSize: defaultUDPSize, stats: new(counters)}
}

// step makes publication number serial of the zone that corpus asks.
func step(t testing.TB, zones *Zones, serial uint32) {
	t.Helper()
	changes := []Change{
		put(t, soa(serial)),
		put(t, fmt.Sprintf("new.example. 60 NS ns%d.new.example.", serial)),
		put(t, fmt.Sprintf("ns%d.new.example. 60 A 192.0.%d.%d", serial, serial>>8&255, serial&255)),
		drop(fmt.Sprintf("ns%d.new.example.", serial-1), dns.TypeA),
		put(t, fmt.Sprintf("deep.b.ent.example. 60 TXT %d", serial)),
	}
	if serial%2 == 0 {
		changes = append(changes, drop("plain.example.", dns.TypeNS), put(t, "foo.example. 60 NS ns1.foo.example."))
	} else {
		changes = append(changes, put(t, "plain.example. 60 NS ns.elsewhere.test."))
	}
	if err := zones.Publish("example.", serial-1, serial, changes); err != nil {
		t.Fatal(err)
	}
}

// TestImageAfterRestart: what was published is served by the next process, and goes on from there. After a power
// cut it is what was synced.
func TestImageAfterRestart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone)
	load(t, zones, ".", ". 60 SOA a. b. 3 1 1 1 1\n. 60 NS a.")
	want := map[uint32]map[string]string{}
	for serial := uint32(8); serial < 40; serial++ {
		step(t, zones, serial)
		want[serial] = corpus(t, zones)
		if serial == 20 {
			if err := zones.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		zones = openFolder(t, folder, 1)
		if got, ok := zones.Serial("example."); !ok || got != serial {
			t.Fatalf("serial %d, %v after a restart at %d", got, ok, serial)
		}
		if got := corpus(t, zones); !maps.Equal(got, want[serial]) {
			t.Fatalf("serial %d answers otherwise after a restart", serial)
		}
	}
	if got, ok := zones.Serial("."); !ok || got != 3 {
		t.Errorf("the root zone has serial %d, %v", got, ok)
	}
	zones = openFolder(t, folder, 2)
	if got, _ := zones.Serial("example."); got != 20 || !maps.Equal(corpus(t, zones), want[20]) {
		t.Errorf("serial %d after a power cut, 20 was synced", got)
	}
	step(t, zones, 21)
	if err := zones.Close(); err != nil {
		t.Fatal(err)
	}
	zones = openFolder(t, folder, 3)
	if got, _ := zones.Serial("example."); got != 21 || !maps.Equal(corpus(t, zones), want[21]) {
		t.Errorf("serial %d after a clean end at 21", got)
	}
}

// TestImageOfAnother: another identity, a file under another's name, one that was dropped, one half made.
func TestImageOfAnother(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone)
	load(t, zones, "gone.", "gone. 60 SOA a. b. 3 1 1 1 1\ngone. 60 NS a.")
	zones.Drop("gone.")
	image, err := os.ReadFile(filepath.Join(folder, "example.zone"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"other.zone", "example.zone.1.new", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zones = openFolder(t, folder, 1)
	if all := zones.Origins(); !slices.Equal(all, []string{"example."}) {
		t.Errorf("opened %v", all)
	}
	for name, there := range map[string]bool{"example.zone": true, "gone.zone": false, "other.zone": false, "example.zone.1.new": false, "notes.txt": true} {
		if _, err := os.Stat(filepath.Join(folder, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	zones, err = openZones(Images{Folder: folder, Identity: "another life", boot: boot(1)})
	if err != nil || len(zones.Origins()) > 0 {
		t.Errorf("opened %v of another identity: %v", zones.Origins(), err)
	}
}

// filler makes a zone of many pages.
var filler = func() string {
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "f%d NS ns1.f%d\nns1.f%d A 192.0.2.1\n", i, i, i)
	}
	return b.String()
}()

// damageable makes an image with a few publications in it and returns its octets, up to the last one in use, and
// what is right at each serial.
func damageable(t testing.TB) (image []byte, want map[uint32]map[string]string) {
	t.Helper()
	folder := t.TempDir()
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone+signature("@", "SOA")+signature("foo", "DS")+filler)
	want = map[uint32]map[string]string{7: corpus(t, zones)}
	for serial := uint32(8); serial < 12; serial++ {
		step(t, zones, serial)
		want[serial] = corpus(t, zones)
		if serial == 9 {
			if err := zones.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	image, err := os.ReadFile(filepath.Join(folder, "example.zone"))
	if err != nil {
		t.Fatal(err)
	}
	return image[:headSize+int(served(zones, "\x07example\x00").next)<<unitBits], want
}

// judge opens an image and asks it everything: it must serve a serial that there was, or nothing; where it can't
// answer rightly it answers SERVFAIL. It returns the serial, 0 for nothing, and how many answers failed.
func judge(t testing.TB, image []byte, run byte, want map[uint32]map[string]string) (serial uint32, failed int) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "example.zone"), image, 0o600); err != nil {
		t.Fatal(err)
	}
	zones := openFolder(t, folder, run)
	serial, ok := zones.Serial("example.")
	if !ok {
		return 0, 0
	}
	if want[serial] == nil {
		t.Fatalf("serial %d is none that there was", serial)
	}
	for question, got := range corpus(t, zones) {
		if isServFail(got) {
			failed++
		} else if got != want[serial][question] {
			t.Fatalf("serial %d: %s gets\n%swant\n%s", serial, question, shown(got), shown(want[serial][question]))
		}
	}
	runtime.GC() // unmaps, and closes files
	return serial, failed
}

func TestImageCutShort(t *testing.T) {
	t.Parallel()
	image, want := damageable(t)
	whole := make([]byte, headSize+reserveStep)
	copy(whole, image)
	if serial, failed := judge(t, whole, 1, want); serial != 11 || failed > 0 {
		t.Fatalf("undamaged: serial %d, %d answers failed", serial, failed)
	}
	seen := map[uint32]int{}
	rnd := rand.New(rand.NewPCG(5, 5))
	cuts := []int{0, 1, 20, slotStart, slotStart + 10, slotStart + 2*slotSize, headSize - 1, headSize, headSize + tableSize, len(image) - 1, len(image)}
	for range 40 {
		cuts = append(cuts, rnd.IntN(len(image)), len(image)-rnd.IntN(6000))
	}
	for _, cut := range cuts {
		serial, failed := judge(t, whole[:cut], 1, want)
		seen[serial]++
		if cut < len(image) && serial == 11 || failed > 0 {
			t.Errorf("cut at %d of %d: serial %d, %d answers failed", cut, len(image), serial, failed)
		}
	}
	if len(seen) < 3 {
		t.Errorf("cuts lead to %v: not to older serials", seen)
	}
}

func TestImageFlipped(t *testing.T) {
	t.Parallel()
	image, want := damageable(t)
	rnd := rand.New(rand.NewPCG(6, 6))
	seen, failures := map[uint32]int{}, 0
	whole := make([]byte, headSize+reserveStep)
	data := headSize + tableSize
	for i := range 300 {
		copy(whole, image)
		at := rnd.IntN(len(image))
		switch i % 3 {
		case 0:
			at = data + rnd.IntN(len(image)-data)
		case 1:
			at = slotStart + rnd.IntN(slotCount*slotSize)
		}
		for range 1 + rnd.IntN(3) {
			whole[min(at+rnd.IntN(50), len(image)-1)] ^= byte(1 + rnd.IntN(255))
		}
		serial, failed := judge(t, whole, 1, want)
		seen[serial]++
		failures += failed
	}
	if seen[11] == 0 || seen[10]+seen[9] == 0 || seen[0] == 0 || failures == 0 {
		t.Errorf("flipped octets lead to serials %v, %d failed answers: something is not tried", seen, failures)
	}
}

// TestImageTorn puts files together as a crash leaves them: a process that was killed has written in order, a
// power cut leaves any pages of what was written since the last sync.
func TestImageTorn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "example.zone")
	read := func() []byte {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone)
	step(t, zones, 8)
	if err := zones.Sync(); err != nil {
		t.Fatal(err)
	}
	want := map[uint32]map[string]string{8: corpus(t, zones)}
	before := read()
	step(t, zones, 9)
	want[9] = corpus(t, zones)
	between := read()
	step(t, zones, 10)
	want[10] = corpus(t, zones)
	after := read()
	rnd := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		// Killed: what follows the header of serial 9 is there up to anywhere, the header of 10 isn't, or half.
		killed := slices.Clone(after)
		copy(killed[:headSize], between[:headSize])
		if i%2 == 0 {
			n := slotStart + rnd.IntN(slotSize*2)
			copy(killed[slotStart:n], after[slotStart:n])
		} else {
			at := headSize + rnd.IntN(len(after)-headSize)
			copy(killed[at:], between[at:])
		}
		if serial, failed := judge(t, killed, 1, want); serial < 9 || failed > 0 {
			t.Fatalf("killed: serial %d, %d answers failed", serial, failed)
		}
		// Cut off: any page is of any age, but what was synced is there.
		power := slices.Clone(before)
		for page := 0; page < len(power); page += pageSize {
			copy(power[page:page+pageSize], [][]byte{before, between, after}[rnd.IntN(3)][page:page+pageSize])
		}
		for slot := range slotCount {
			at := slotStart + slot*slotSize
			copy(power[at:at+slotSize], [][]byte{before, between, after}[rnd.IntN(3)][at:at+slotSize])
		}
		if serial, failed := judge(t, power, 2, want); serial != 8 || failed > 0 {
			t.Fatalf("power cut: serial %d, %d answers failed", serial, failed)
		}
	}
}

// TestDamageIsMended: a damaged page is told to the owner, whose Load mends the zone.
func TestDamageIsMended(t *testing.T) {
	t.Parallel()
	image, _ := damageable(t)
	// Names in the middle of the image, which no publication has touched.
	for at := len(image) / 2; at < len(image)/2+4*pageSize; at += 64 {
		image[at] ^= 1
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "example.zone"), append(image, make([]byte, reserveStep)...), 0o600); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 1)
	zones, err := openZones(Images{Folder: folder, Identity: "test", boot: boot(1), Damaged: func(origin string) { told <- origin }})
	if err != nil {
		t.Fatal(err)
	}
	corpus(t, zones)
	select {
	case origin := <-told:
		if origin != "example." {
			t.Errorf("told of %s", origin)
		}
	case <-time.After(deadline):
		t.Fatal("nobody was told")
	}
	load(t, zones, "example.", exampleZone)
	for question, got := range corpus(t, zones) {
		if isServFail(got) {
			t.Errorf("%s: %s", question, shown(got))
		}
	}
}

// TestCompaction publishes until the image has been copied several times, while it is asked.
func TestCompaction(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone+signature("foo", "DS"))
	reference := NewZones()
	load(t, reference, "example.", exampleZone+signature("foo", "DS"))
	images := map[*image]bool{}
	serial := uint32(8)
	for ; len(images) < 3 && serial < 20000; serial++ {
		step(t, zones, serial)
		step(t, reference, serial)
		images[served(zones, "\x07example\x00").image] = true
		if serial%512 == 0 && !maps.Equal(corpus(t, zones), corpus(t, reference)) {
			t.Fatalf("serial %d: a compacted zone answers otherwise", serial)
		}
	}
	if len(images) < 3 {
		t.Fatalf("%d images after %d publications", len(images), serial)
	}
	if err := zones.Close(); err != nil {
		t.Fatal(err)
	}
	want := corpus(t, zones)
	zones = openFolder(t, folder, 2)
	if got, _ := zones.Serial("example."); got != serial-1 || !maps.Equal(corpus(t, zones), want) {
		t.Errorf("serial %d after a restart, want %d", got, serial-1)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
}

// TestFullDisk keeps serving from memory where no image can be written.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	zones := openFolder(t, folder, 1)
	load(t, zones, "example.", exampleZone)
	zones.images.Folder = filepath.Join(folder, "missing")
	step(t, zones, 8)
	load(t, zones, "example.", strings.Replace(exampleZone, " 7 900", " 9 900", 1))
	if served(zones, "\x07example\x00").image.file != nil {
		t.Error("the zone is in a file that can't be")
	}
	step(t, zones, 10)
	if err := zones.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzImage opens an image with octets changed, the checksums of its head and headers made right again, and asks it.
func FuzzImage(f *testing.F) {
	image, _ := damageable(f)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0x10, 25, 0xff})       // serial
	f.Add([]byte{0, 0, 0x10, 30, 0x01})       // root of the names
	f.Add([]byte{0, 0, 0x10, 45, 0xff})       // next
	f.Add([]byte{0, 0, 0, 30, 0xff})          // identity
	f.Add([]byte{0, 1, 0x40, 0x10, 0x80})     // a page
	f.Add([]byte{0, 0, 0x10, 8, 1, 9, 9, 9})  // durable
	f.Add(bytes.Repeat([]byte{0, 0, 16}, 40)) // much
	f.Fuzz(func(t *testing.T, edits []byte) {
		whole := make([]byte, headSize+reserveStep)
		copy(whole, image)
		for ; len(edits) >= 5; edits = edits[5:] {
			whole[int(be.Uint32(edits))%len(image)] = edits[4]
		}
		for slot := range slotCount {
			b := whole[slotStart+slot*slotSize:]
			le.PutUint32(b[headerLength-4:], crc32.Checksum(b[:headerLength-4], castagnoli))
		}
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "example.zone"), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		s := NewServer(Config{}, openFolder(t, folder, 1))
		s.log, s.config.UDPSize = s.zones.images.Log, defaultUDPSize
		r, out := s.responder(new(counters)), make([]byte, maxMessage)
		for _, name := range []string{"example.", "x.example.", "www.foo.example.", "a.wild.example.", "second.example."} {
			s.answer(r, out, packed(t, withOPT(question(name, dns.TypeTXT), 1232, func(o *dns.OPT) { o.SetDo() })), peer{})
		}
		runtime.GC()
	})
}
