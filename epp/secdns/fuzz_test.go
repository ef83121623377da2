package secdns

import (
	"reflect"
	"strings"
	"testing"

	"quorate/epp/extension"
	"quorate/epp/xmltree"
	"quorate/epp/xmlwriter"
	"quorate/fsm/registry"
)

// FuzzSecDNS holds against any document: it is read without a panic; what is accepted is acceptable
// to the rules too, by its lengths; and an info that shows it is read as the same again.
func FuzzSecDNS(f *testing.F) {
	const ds = `<dsData><keyTag>1</keyTag><alg>13</alg><digestType>2</digestType><digest>3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B</digest></dsData>`
	const key = `<keyData><flags>257</flags><protocol>3</protocol><alg>15</alg><pubKey>l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=</pubKey></keyData>`
	for _, seed := range []string{
		`<create>` + ds + ds + `</create>`,
		`<create><maxSigLife>604800</maxSigLife>` + key + `</create>`,
		`<create>` + strings.Replace(ds, `</dsData>`, key+`</dsData>`, 1) + `</create>`,
		`<create><dsData><keyTag/><alg>123</alg><digestType>255</digestType><digest/></dsData></create>`,
		`<create><keyData><flags>256</flags><protocol>1</protocol><alg>8</alg><pubKey>AwEAAQ==</pubKey></keyData></create>`,
		`<update urgent="true"><rem><all>true</all></rem><add>` + ds + `</add><chg><maxSigLife>1</maxSigLife></chg></update>`,
		`<update><rem>` + key + `</rem><add>` + key + `</add></update>`,
		`<update><rem>` + ds + `</rem><chg/></update>`,
	} {
		f.Add([]byte(strings.Replace(strings.Replace(seed, `<create`, `<create xmlns="`+URI+`"`, 1), `<update`, `<update xmlns="`+URI+`"`, 1)))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := xmltree.Parse(doc)
		if err != nil {
			return
		}
		var d registry.Domain
		switch {
		case e.Is(URI, "update"):
			c := extension.Command{Kind: registry.KindDomainUpdate, Body: registry.DomainUpdate{Name: "a.example"}}
			if fail := parseUpdate(&c, e); fail != nil {
				check(t, fail)
				return
			}
			u := extension.BodyAs[registry.DomainUpdate](&c)
			d = registry.Domain{DS: u.AddDS, Keys: u.AddKeys}
			if u.MaxSigLife != nil {
				d.MaxSigLife = *u.MaxSigLife
			}
		default:
			c := extension.Command{Kind: registry.KindDomainCreate, Body: registry.DomainCreate{Name: "a.example"}}
			if fail := parseCreate(&c, e); fail != nil {
				check(t, fail)
				return
			}
			n := extension.BodyAs[registry.DomainCreate](&c)
			d = registry.Domain{DS: n.DS, Keys: n.Keys, MaxSigLife: n.MaxSigLife}
		}
		for _, ds := range d.DS {
			if len(ds.Digest) != digests[ds.DigestType] || ds.Key != nil && ds.Key.Tag() != ds.KeyTag {
				t.Fatalf("accepted: %v", ds)
			}
		}
		for _, k := range d.Keys {
			if k.Flags != 257 || len(k.PublicKey) == 0 || len(k.PublicKey) > registry.MaxPublicKey {
				t.Fatalf("accepted: %v", k)
			}
		}
		again(t, d)
	})
}

// check wants a failure that an answer can tell.
func check(t *testing.T, fail *registry.Failure) {
	if fail.Code.Text() == "" || fail.Element == "" || fail.Reason == "" {
		t.Fatalf("%v", fail)
	}
}

// again holds that what an info shows is what was given.
func again(t *testing.T, d registry.Domain) {
	var w xmlwriter.Writer
	if fail := writeInfo(&extension.Answer{Subject: d}, &w); fail != nil {
		t.Fatal(fail)
	}
	if len(d.DS)+len(d.Keys) == 0 {
		if len(w.B) > 0 {
			t.Fatalf("%s", w.B)
		}
		return
	}
	e, err := xmltree.Parse(w.B)
	if err != nil {
		t.Fatalf("%v: %s", err, w.B)
	}
	var x reader
	s := x.dsOrKey(e)
	if fail := x.Failure(); fail != nil || !reflect.DeepEqual(s.ds, d.DS) || !reflect.DeepEqual(s.keys, d.Keys) || s.maxSigLife != d.MaxSigLife {
		t.Fatalf("%v, %+v: %s", fail, s, w.B)
	}
}
