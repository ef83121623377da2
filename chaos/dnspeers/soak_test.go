package dnspeers

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func begin(t *testing.T, k Kind, zone string) *Server {
	t.Helper()
	s, err := Start(t.Context(), k, zone, -1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// soakTime is how long random packets are sent: some seconds, or what QUORATE_SOAK says (make soak-dns: ten minutes).
func soakTime(t *testing.T) time.Duration {
	text := os.Getenv("QUORATE_SOAK")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// growth is how much more memory of its own a server may hold after random packets than after the first of them: buffers, and what the
// runtime keeps for later.
const growth = 24 << 20

// Whatever is sent to the name server, it answers good queries still, and holds no more memory than before.
func TestRandomPacketsLeaveMemoryFlat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zone := Zone{Names: 2000, Signed: true, Seed: 3}
	path := filepath.Join(dir, "zone")
	if err := zone.Write(path); err != nil {
		t.Fatal(err)
	}
	s := begin(t, Quorate(quorate(t)), path)
	queries, err := zone.Queries(2000, true)
	if err != nil {
		t.Fatal(err)
	}
	total := soakTime(t)
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	pester(t, s, queries, random, total/4) // buffers grow to what they will be
	before, _ := s.Memory()
	sent := pester(t, s, queries, random, total)
	after, _ := s.Memory()
	t.Logf("%d packets, memory %d MiB before and %d MiB after", sent, before>>20, after>>20)
	if after > before+growth {
		t.Errorf("memory grew from %d to %d MiB", before>>20, after>>20)
	}
	l, err := UDP(t.Context(), s, queries, 200*time.Millisecond)
	if err != nil || l.Answers == 0 || l.Wrong > 0 {
		t.Errorf("afterwards: %+v, %v", l, err)
	}
}

// pester sends noise, and queries with octets changed, cut short or added to, over UDP and TCP, for a time.
func pester(t *testing.T, s *Server, queries [][]byte, random *rand.Rand, d time.Duration) (sent int) {
	t.Helper()
	udp, err := net.Dial("udp4", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	answers := make([]byte, 64<<10)
	for until := time.Now().Add(d); time.Now().Before(until); sent++ {
		p := packet(queries, random)
		if random.IntN(200) == 0 {
			overTCP(t, s, p, random)
			continue
		}
		if _, err := udp.Write(p); err != nil {
			continue // the kernel's buffers are full
		}
		if sent%64 == 0 { // at the server's pace
			if err := udp.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			for err == nil {
				_, err = udp.Read(answers)
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			err = nil
		}
	}
	return sent
}

func packet(queries [][]byte, random *rand.Rand) []byte {
	if random.IntN(4) == 0 {
		p := make([]byte, random.IntN(600))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		return p
	}
	p := append([]byte(nil), queries[random.IntN(len(queries))]...)
	for range random.IntN(6) {
		p[random.IntN(len(p))] = byte(random.Uint32())
	}
	switch random.IntN(5) {
	case 0:
		p = p[:random.IntN(len(p))]
	case 1:
		p = append(p, p[random.IntN(len(p)):]...)
	}
	return p
}

// overTCP sends a message in its frame, or in one of another length, and hangs up without waiting.
func overTCP(t *testing.T, s *Server, p []byte, random *rand.Rand) {
	t.Helper()
	c, err := net.DialTimeout("tcp4", s.Address, time.Second)
	if err != nil {
		return // at its limit
	}
	defer c.Close()
	length := len(p)
	if random.IntN(3) == 0 {
		length = int(random.Uint32N(1 << 16))
	}
	_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(length)), p...))
}
