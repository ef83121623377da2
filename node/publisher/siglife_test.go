package publisher

import (
	"bytes"
	"encoding/binary"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// signatureEnds is when the signature over a name's RRset ends; 0 if there is none.
func (r *rig) signatureEnds(owner string, kind uint16) (end registry.Time) {
	r.t.Helper()
	r.view(func(v fsm.View) {
		v.ZoneRRsets("example", func(s registry.RRset) bool {
			if s.Owner == owner && s.Type == kind && len(s.Sigs) > 0 {
				end = registry.Time(binary.BigEndian.Uint32(s.Sigs[0][8:])) * registry.Second
			}
			return true
		})
	})
	return end
}

// A child says for how long signatures over its DS records are to be good (RFC 5910 §3.3): no longer than it wishes, and than
// everybody's; and not so short that they could not be renewed in time.
func TestMaxSigLife(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	var p registry.ZonePolicy
	r.view(func(v fsm.View) { p, _ = v.ZonePolicy("example") })
	const day = registry.Day
	if p.Refresh != 8*day || p.Validity != 14*day || p.LeastLife() != 9*day {
		t.Fatalf("this test was made for another policy than %+v", p)
	}
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	seconds := func(d registry.Time) uint32 { return uint32(d / registry.Second) }
	for name, wish := range map[string]registry.Time{"none": 0, "ten": 10 * day, "short": day, "long": 60 * day} {
		r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{
			Name: name + ".example", Hosts: []string{"ns.elsewhere.test"}, MaxSigLife: seconds(wish),
			DS: []registry.DSData{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: bytes.Repeat([]byte{7}, 32)}},
		})
	}
	r.publish()
	lives := map[string][2]registry.Time{"none": {8 * day, 14 * day}, "ten": {8 * day, 10 * day}, "short": {8 * day, 9 * day}, "long": {8 * day, 14 * day}}
	check := func(what string) {
		t.Helper()
		for name, want := range lives {
			end := r.signatureEnds(name+".example", registry.TypeDS)
			if left := end - r.now; left < want[0]-2*registry.Hour || left > want[1] {
				t.Errorf("%s: the signature over the DS records of %s is good for %d more hours, want %d to %d", what, name, left/registry.Hour, want[0]/registry.Hour, want[1]/registry.Hour)
			}
		}
	}
	check("at first")
	renewed := map[registry.Time]bool{}
	for range 20 * 12 {
		r.advance(2 * registry.Hour)
		r.publish()
		check("later")
		renewed[r.signatureEnds("short.example", registry.TypeDS)] = true
	}
	if n := len(renewed); n < 20 || n > 45 { // once in half a day to a day
		t.Errorf("the shortest signatures were made %d times in 20 days", n)
	}
	// Another wish is heeded when it is made, and only when it must be.
	update := func(name string, wish registry.Time) {
		life := seconds(wish)
		r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name + ".example", MaxSigLife: &life})
		r.publish()
	}
	r.anew("example") // as with other keys: all is as fresh as can be
	r.publish()
	update("none", 9*day)
	lives["none"] = lives["short"]
	before := r.signatureEnds("short.example", registry.TypeDS)
	update("short", 30*day)
	if after := r.signatureEnds("short.example", registry.TypeDS); after != before {
		t.Error("a signature that is good was made anew because it might be good for longer")
	}
	check("after an update")
	r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{Signed: true}) })
}
