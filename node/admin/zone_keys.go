package admin

import (
	"fmt"
	"net/http"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Kinds of keys.
var keyKinds = map[string]struct {
	flags uint16
	roles registry.Roles
}{
	"ksk": {registry.FlagsKSK, registry.SignsKeys},
	"zsk": {registry.FlagsZSK, registry.SignsZone},
	"csk": {registry.FlagsKSK, registry.SignsKeys | registry.SignsZone},
}

func keyKind(k *registry.ZoneKey) string {
	for _, name := range []string{"ksk", "zsk"} {
		if keyKinds[name].roles == k.Roles {
			return name
		}
	}
	return "csk"
}

func showKey(k *registry.ZoneKey, now registry.Time) ZoneKey {
	return ZoneKey{
		Number: k.Number, Kind: keyKind(k), Algorithm: int(k.Algorithm), Tag: int(k.Tag), State: k.State(now).String(), Private: len(k.Sealed) > 0,
		Created: formatTime(k.Times.Created), Published: formatTime(k.Times.Published), Active: formatTime(k.Times.Active),
		Retired: formatTime(k.Times.Retired), Removed: formatTime(k.Times.Removed),
		DNSKEY: showRecord(k.Zone, 0, registry.TypeDNSKEY, k.RData()),
	}
}

// addKey makes or takes a key.
func (h *handler) addKey(c *call) (int, any, error) {
	name, wanted, err := zoneRequest[NewKey](c)
	if err != nil {
		return 0, nil, err
	}
	kind, ok := keyKinds[wanted.Kind]
	if !ok {
		return 0, nil, invalid("kind", wanted.Kind, "the kinds of keys are csk, ksk and zsk")
	}
	var p registry.ZonePolicy
	var now registry.Time
	if err := h.Registry.View(c.Context(), fsm.Linearizable, 0, func(v fsm.View) error {
		p, ok = v.ZonePolicy(name)
		now = v.Now()
		return nil
	}); err != nil {
		return 0, nil, err
	}
	if !ok {
		return 0, nil, registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such zone, or it was never signed: quorate dnssec sign")
	}
	var k registry.ZoneKey
	if wanted.Private != "" {
		if k, err = h.Keys.Import(name, []byte(wanted.Private), kind.flags, kind.roles); err != nil {
			return 0, nil, invalid("private", "", "%v", err)
		}
	} else {
		if wanted.Algorithm != 0 {
			if wanted.Algorithm < 0 || wanted.Algorithm > 255 || !registry.CanSign(uint8(wanted.Algorithm)) {
				return 0, nil, registry.Fail(registry.ParameterRange, "algorithm", fmt.Sprint(wanted.Algorithm), "zones are signed with algorithm 8, 13, 14 or 15")
			}
			p.Algorithm = uint8(wanted.Algorithm)
		}
		if k, err = h.Keys.Generate(name, p.Algorithm, kind.flags, kind.roles); err != nil {
			return 0, nil, err
		}
	}
	if k.Times, err = wanted.KeyTimes.times(now); err != nil {
		return 0, nil, err
	}
	return h.changeZone(c, name, registry.KindZoneKeyAdd, registry.ZoneKeyAdd{Zone: name, Keys: []registry.ZoneKey{k}})
}

func (w KeyTimes) times(now registry.Time) (t registry.KeyTimes, err error) {
	for _, f := range []struct {
		element, text string
		to            *registry.Time
	}{{"published", w.Published, &t.Published}, {"active", w.Active, &t.Active}, {"retired", w.Retired, &t.Retired}, {"removed", w.Removed, &t.Removed}} {
		if *f.to, err = parseInstant(f.element, f.text, now); err != nil {
			return t, err
		}
	}
	return t, nil
}

// setKey writes a key's timeline; what the request leaves out stays.
func (h *handler) setKey(c *call) (int, any, error) {
	name, wanted, err := zoneRequest[KeyChange](c)
	if err != nil {
		return 0, nil, err
	}
	var status int
	var shown any
	err = retried(func() error {
		k, now, err := h.key(c, name)
		if err != nil {
			return err
		}
		t, err := wanted.KeyTimes.times(now)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			text    string
			to, was *registry.Time
		}{
			{wanted.Published, &t.Published, &k.Times.Published}, {wanted.Active, &t.Active, &k.Times.Active},
			{wanted.Retired, &t.Retired, &k.Times.Retired}, {wanted.Removed, &t.Removed, &k.Times.Removed},
		} {
			if f.text == "" {
				*f.to = *f.was
			}
		}
		status, shown, err = h.changeZone(c, name, registry.KindZoneKeySet, registry.ZoneKeySet{Zone: name, Number: k.Number, Times: t, Force: wanted.Force, Base: k.LastEvent})
		return err
	})
	return status, shown, err
}

// key is the key that a path names.
func (h *handler) key(c *call, zone string) (k registry.ZoneKey, now registry.Time, err error) {
	number, err := parseNumber("number", c.PathValue("number"))
	if err != nil {
		return k, 0, err
	}
	err = h.Registry.View(c.Context(), fsm.Linearizable, 0, func(v fsm.View) error {
		now = v.Now()
		for _, k = range v.ZoneKeys(zone) {
			if k.Number == number {
				return nil
			}
		}
		return registry.Fail(registry.ObjectDoesNotExist, "number", c.PathValue("number"), "there is no such key")
	})
	return k, now, err
}

// exportKey gives a private key out. It is logged: whoever has it can sign for the zone.
func (h *handler) exportKey(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	name, err := zoneName(c)
	if err != nil {
		return 0, nil, err
	}
	k, now, err := h.key(c, name)
	if err != nil {
		return 0, nil, err
	}
	if len(k.Sealed) == 0 {
		return 0, nil, registry.Fail(registry.ObjectDoesNotExist, "number", "", "the key's private part is not here")
	}
	text, err := h.Keys.Export(k)
	if err != nil {
		return 0, nil, err
	}
	h.Log.Warn("a private key was given out", "zone", name, "tag", k.Tag, "operator", c.actor.Name)
	shown := showKey(&k, now)
	return http.StatusOK, PrivateKey{Tag: shown.Tag, Algorithm: shown.Algorithm, DNSKEY: shown.DNSKEY, Private: string(text)}, nil
}

// delegationSigners are what the parent needs.
func (h *handler) delegationSigners(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	name, err := zoneName(c)
	if err != nil {
		return 0, nil, err
	}
	all := DelegationSigners{DS: []string{}, DNSKEY: []string{}}
	err = h.read(c, p, func(v fsm.View) error {
		if _, ok := v.Zone(name); !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such zone")
		}
		if g, building := v.Staging(name); !v.PublishedForm(name).Signed && !(building && g.Form.Signed) {
			return registry.Fail(registry.ObjectStatusProhibits, "name", name, "the zone is not signed: with DS records at its parent nobody could validate it (quorate dnssec sign)")
		}
		for _, k := range v.ZoneKeys(name) {
			if s := k.State(v.Now()); k.Roles&registry.SignsKeys == 0 || s != registry.KeyPublished && s != registry.KeyActive {
				continue
			}
			for _, digest := range []uint8{registry.DigestSHA256, registry.DigestSHA384} {
				all.DS = append(all.DS, showRecord(name, 86400, registry.TypeDS, registry.DSOf(name, k.RData(), digest)))
			}
			all.DNSKEY = append(all.DNSKEY, showRecord(name, 86400, registry.TypeDNSKEY, k.RData()))
		}
		return nil
	})
	return http.StatusOK, all, err
}
