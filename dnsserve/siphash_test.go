package dnsserve

import "testing"

// TestSipHash compares with the test vectors of the paper's reference (key 00..0f, message 00 01 02 …).
func TestSipHash(t *testing.T) {
	t.Parallel()
	const k0, k1 = 0x0706050403020100, 0x0f0e0d0c0b0a0908
	msg := make([]byte, 16)
	for i := range msg {
		msg[i] = byte(i)
	}
	for n, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	} {
		if got := siphash(k0, k1, msg[:n]); got != want {
			t.Errorf("%d octets: %x, want %x", n, got, want)
		}
	}
}
