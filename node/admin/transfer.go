package admin

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// TSIGKey is a secret shared with who transfers zones (RFC 8945): /v1/tsig/{name}.
type TSIGKey struct {
	Name      string `json:"name"`             // a domain name
	Algorithm string `json:"algorithm"`        // hmac-sha256, which is the default, hmac-sha384 or hmac-sha512
	Secret    string `json:"secret,omitempty"` // base64; lists don't have it. When a key is put without, one is made up
	Created   string `json:"created,omitempty"`
	Updated   string `json:"updated,omitempty"`
}

// LogValue keeps the secret out of logs.
func (k TSIGKey) LogValue() slog.Value { return slog.StringValue(k.Name) }

// Secondary is a name server that serves a zone from copies: /v1/zones/{zone}/secondaries/{name}.
type Secondary struct {
	Zone     string   `json:"zone"`
	Name     string   `json:"name"`               // what operators call it, in the form of a domain name
	Notify   []string `json:"notify,omitempty"`   // addresses, with port if it isn't 53, to be told of new serials at
	Networks []string `json:"networks,omitempty"` // CIDR, whence it may transfer; none: from anywhere, with Key
	Key      string   `json:"key,omitempty"`      // the TSIG key that it must sign with, and NOTIFY is signed with
	Created  string   `json:"created,omitempty"`
	Updated  string   `json:"updated,omitempty"`
}

// notifyPort is the port of name servers (RFC 1035 §4.2).
const notifyPort = 53

func (h *handler) listTSIG(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	all := []TSIGKey{}
	err = h.read(c, p, func(v fsm.View) error {
		for _, k := range v.TSIGKeys() {
			all = append(all, formatTSIG(k))
		}
		return nil
	})
	return http.StatusOK, all, err
}

func formatTSIG(k registry.TSIGKey) TSIGKey {
	return TSIGKey{Name: k.Name, Algorithm: k.Algorithm, Created: formatTime(k.Created), Updated: formatTime(k.Updated)}
}

// tsig shows a key with its secret.
func (h *handler) tsig(v fsm.View, name string) (shown TSIGKey, err error) {
	k, ok := v.TSIGKey(name)
	if !ok {
		return shown, registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such TSIG key")
	}
	secret, err := h.Secrets.Open(k.Secret)
	if err != nil {
		return shown, fmt.Errorf("TSIG key %s: %w", name, err)
	}
	shown = formatTSIG(k)
	shown.Secret = base64.StdEncoding.EncodeToString(secret)
	return shown, nil
}

func (h *handler) showTSIG(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	var shown TSIGKey
	err = h.read(c, p, func(v fsm.View) (err error) { shown, err = h.tsig(v, name); return err })
	return http.StatusOK, shown, err
}

func (h *handler) putTSIG(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted TSIGKey
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	if wanted.Algorithm == "" {
		wanted.Algorithm = registry.TSIGAlgorithms[0]
	}
	secret, err := wanted.secret()
	if err != nil {
		return 0, nil, err
	}
	sealed, err := h.Secrets.Seal(secret)
	if err != nil {
		return 0, nil, fmt.Errorf("sealing a TSIG secret: %w", err)
	}
	r, err := h.execute(c, registry.KindTSIGPut, registry.TSIGPut{Name: name, Algorithm: wanted.Algorithm, Secret: sealed})
	if err != nil {
		return 0, nil, err
	}
	var shown TSIGKey
	err = h.reread(c, r, func(v fsm.View) (err error) { shown, err = h.tsig(v, name); return err })
	return http.StatusOK, shown, err
}

// secret is the wanted secret, or one as long as the algorithm's output (RFC 8945 §8).
func (k TSIGKey) secret() ([]byte, error) {
	size := map[string]int{"hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}[k.Algorithm]
	if size == 0 {
		return nil, invalid("algorithm", k.Algorithm, "the algorithms are hmac-sha256, hmac-sha384 and hmac-sha512")
	}
	if k.Secret == "" {
		secret := make([]byte, size)
		rand.Read(secret) // never fails
		return secret, nil
	}
	secret, err := base64.StdEncoding.DecodeString(k.Secret)
	if err != nil || len(secret) < minTSIGSecret || len(secret) > maxTSIGSecret {
		return nil, invalid("secret", "", "not base64 of %d to %d octets", minTSIGSecret, maxTSIGSecret)
	}
	return secret, nil
}

func (h *handler) deleteTSIG(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	_, err = h.execute(c, registry.KindTSIGDelete, registry.TSIGDelete{Name: name})
	return http.StatusNoContent, nil, err
}

func (h *handler) listSecondaries(c *call) (int, any, error) {
	p, err := c.parameters("level", "zone")
	if err != nil {
		return 0, nil, err
	}
	zone := ""
	if p["zone"] != "" {
		if zone, err = parseName("zone", p["zone"]); err != nil {
			return 0, nil, err
		}
	}
	all := []Secondary{}
	err = h.read(c, p, func(v fsm.View) error {
		if _, ok := v.Zone(zone); zone != "" && !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "zone", zone, "there is no such zone")
		}
		for _, s := range v.Secondaries(zone) {
			all = append(all, formatSecondary(s))
		}
		return nil
	})
	return http.StatusOK, all, err
}

func formatSecondary(s registry.Secondary) Secondary {
	shown := Secondary{Zone: s.Zone, Name: s.Name, Networks: formatNetworks(s.Networks), Key: s.Key, Created: formatTime(s.Created), Updated: formatTime(s.Updated)}
	for _, e := range s.Notify {
		a, _ := netip.AddrFromSlice(e.Address)
		if e.Port == notifyPort {
			shown.Notify = append(shown.Notify, a.String())
		} else {
			shown.Notify = append(shown.Notify, netip.AddrPortFrom(a, e.Port).String())
		}
	}
	return shown
}

func (h *handler) putSecondary(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted Secondary
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	zone, name, err := c.secondary()
	if err != nil {
		return 0, nil, err
	}
	s := registry.Secondary{Zone: zone, Name: name}
	if wanted.Key != "" {
		if s.Key, err = parseName("key", wanted.Key); err != nil {
			return 0, nil, err
		}
	}
	if s.Networks, err = parseNetworks(wanted.Networks); err != nil {
		return 0, nil, err
	}
	for _, text := range wanted.Notify {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			octets, err := parseAddress("notify", text)
			if err != nil {
				return 0, nil, err
			}
			a, _ := netip.AddrFromSlice(octets)
			at = netip.AddrPortFrom(a, notifyPort)
		}
		if at.Addr().Zone() != "" || at.Addr().Is4In6() || at.Port() == 0 {
			return 0, nil, invalid("notify", text, "not an address such as 192.0.2.1 or [2001:db8::1]:5353")
		}
		s.Notify = append(s.Notify, registry.Endpoint{Address: at.Addr().AsSlice(), Port: at.Port()})
	}
	r, err := h.execute(c, registry.KindSecondaryPut, registry.SecondaryPut{Secondary: s})
	if err != nil {
		return 0, nil, err
	}
	var shown Secondary
	err = h.reread(c, r, func(v fsm.View) error {
		s, _ := v.Secondary(zone, name)
		shown = formatSecondary(s)
		return nil
	})
	return http.StatusOK, shown, err
}

// secondary is which one the path names.
func (c *call) secondary() (zone, name string, err error) {
	if zone, err = parseName("zone", c.PathValue("zone")); err != nil {
		return "", "", err
	}
	name, err = parseName("name", c.PathValue("name"))
	return zone, name, err
}

func (h *handler) deleteSecondary(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	zone, name, err := c.secondary()
	if err != nil {
		return 0, nil, err
	}
	_, err = h.execute(c, registry.KindSecondaryDelete, registry.SecondaryDelete{Zone: zone, Name: name})
	return http.StatusNoContent, nil, err
}
