package client

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"quorate/epp/xmltree"
)

const nsSecDNS = "urn:ietf:params:xml:ns:secDNS-1.1"

// SecDNS is what secures a delegation (RFC 5910): DS records or keys, whichever the TLD takes.
type SecDNS struct {
	DS         []DS     `json:"dsData,omitempty"`
	Keys       []DNSKey `json:"keyData,omitempty"`
	MaxSigLife int      `json:"maxSigLife,omitempty"` // seconds; 0: not said
}

// DS is a DS record (RFC 4034 §5.1).
type DS struct {
	KeyTag     uint16  `json:"keyTag"`
	Algorithm  uint8   `json:"alg"`
	DigestType uint8   `json:"digestType"`
	Digest     string  `json:"digest"`            // hex
	Key        *DNSKey `json:"keyData,omitempty"` // the key that it is the digest of
}

// DNSKey is a DNSKEY record (RFC 4034 §2.1).
type DNSKey struct {
	Flags     uint16 `json:"flags"`
	Protocol  uint8  `json:"protocol"`
	Algorithm uint8  `json:"alg"`
	PublicKey string `json:"pubKey"` // base64
}

// SecDNSUpdate changes what secures a delegation; what is removed is removed before anything is added.
type SecDNSUpdate struct {
	RemoveAll   bool // then Remove is empty
	Add, Remove SecDNS
	MaxSigLife  int // seconds; 0: as it is
	Urgent      bool
}

// ParseDS reads a DS record of the form TAG,ALGORITHM,DIGESTTYPE,DIGEST.
func ParseDS(s string) (ds DS, err error) {
	f, err := fields(s)
	if err != nil {
		return ds, fmt.Errorf("%q is no DS record of the form TAG,ALGORITHM,DIGESTTYPE,DIGEST: %w", s, err)
	}
	if _, err := hex.DecodeString(f.rest); err != nil {
		return ds, fmt.Errorf("%q is no DS record: the digest is not in hex", s)
	}
	return DS{KeyTag: f.n[0], Algorithm: uint8(f.n[1]), DigestType: uint8(f.n[2]), Digest: f.rest}, nil
}

// ParseDNSKey reads a key of the form FLAGS,PROTOCOL,ALGORITHM,KEY.
func ParseDNSKey(s string) (k DNSKey, err error) {
	f, err := fields(s)
	if err != nil {
		return k, fmt.Errorf("%q is no key of the form FLAGS,PROTOCOL,ALGORITHM,KEY: %w", s, err)
	}
	if _, err := base64.StdEncoding.DecodeString(f.rest); err != nil {
		return k, fmt.Errorf("%q is no key: what comes last is not base64", s)
	}
	return DNSKey{Flags: f.n[0], Protocol: uint8(f.n[1]), Algorithm: uint8(f.n[2]), PublicKey: f.rest}, nil
}

// numbered are the fields of a record in presentation form.
type numbered struct {
	n    [3]uint16 // the first of 16 bits, the others of 8
	rest string
}

// fields reads three numbers, and what comes after them.
func fields(s string) (f numbered, err error) {
	parts := strings.SplitN(s, ",", len(f.n)+1)
	if len(parts) != len(f.n)+1 {
		return f, fmt.Errorf("%d fields", len(parts))
	}
	for i := range f.n {
		bits := 8
		if i == 0 {
			bits = 16
		}
		n, err := strconv.ParseUint(parts[i], 10, bits)
		if err != nil {
			return f, err
		}
		f.n[i] = uint16(n)
	}
	f.rest = parts[len(f.n)]
	return f, nil
}

func (s SecDNS) empty() bool { return len(s.DS)+len(s.Keys) == 0 && s.MaxSigLife == 0 }

// secDNSCreate writes the extension of a domain:create.
func (c *Client) secDNSCreate(s SecDNS) {
	if s.empty() {
		return
	}
	c.raw(`<extension>`)
	c.open("secDNS", "create", nsSecDNS)
	c.secDNS(s)
	c.close("secDNS", "create")
	c.raw(`</extension>`)
}

// secDNSUpdate writes the extension of a domain:update.
func (c *Client) secDNSUpdate(u SecDNSUpdate) {
	if u.Add.empty() && u.Remove.empty() && !u.RemoveAll && u.MaxSigLife == 0 {
		return
	}
	c.raw(`<extension><secDNS:update xmlns:secDNS="`, nsSecDNS, `"`)
	if u.Urgent {
		c.raw(` urgent="true"`)
	}
	c.raw(`>`)
	switch {
	case u.RemoveAll:
		c.raw(`<secDNS:rem><secDNS:all>true</secDNS:all></secDNS:rem>`)
	case !u.Remove.empty():
		c.raw(`<secDNS:rem>`)
		c.secDNS(u.Remove)
		c.raw(`</secDNS:rem>`)
	}
	if !u.Add.empty() {
		c.raw(`<secDNS:add>`)
		c.secDNS(u.Add)
		c.raw(`</secDNS:add>`)
	}
	if u.MaxSigLife != 0 {
		c.raw(`<secDNS:chg>`)
		c.number("secDNS:maxSigLife", u.MaxSigLife)
		c.raw(`</secDNS:chg>`)
	}
	c.raw(`</secDNS:update></extension>`)
}

func (c *Client) secDNS(s SecDNS) {
	if s.MaxSigLife != 0 {
		c.number("secDNS:maxSigLife", s.MaxSigLife)
	}
	for _, ds := range s.DS {
		c.raw(`<secDNS:dsData>`)
		c.number("secDNS:keyTag", int(ds.KeyTag))
		c.number("secDNS:alg", int(ds.Algorithm))
		c.number("secDNS:digestType", int(ds.DigestType))
		c.element("secDNS:digest", ds.Digest)
		if ds.Key != nil {
			c.dnsKey(*ds.Key)
		}
		c.raw(`</secDNS:dsData>`)
	}
	for _, k := range s.Keys {
		c.dnsKey(k)
	}
}

func (c *Client) dnsKey(k DNSKey) {
	c.raw(`<secDNS:keyData>`)
	c.number("secDNS:flags", int(k.Flags))
	c.number("secDNS:protocol", int(k.Protocol))
	c.number("secDNS:alg", int(k.Algorithm))
	c.element("secDNS:pubKey", k.PublicKey)
	c.raw(`</secDNS:keyData>`)
}

func (c *Client) number(name string, n int) { c.element(name, strconv.Itoa(n)) }

// readSecDNS reads what an answer says of the security of a delegation; nil if it says nothing.
func (r *Reply) readSecDNS() (*SecDNS, error) {
	e := r.extension(nsSecDNS, "infData")
	if e == nil {
		return nil, nil
	}
	s := &SecDNS{}
	var err error
	for i := range e.Children {
		switch c := &e.Children[i]; c.Name {
		case "maxSigLife":
			s.MaxSigLife, err = strconv.Atoi(c.Token())
		case "dsData":
			var ds DS
			ds, err = readDS(c)
			s.DS = append(s.DS, ds)
		case "keyData":
			var k DNSKey
			k, err = readDNSKey(c)
			s.Keys = append(s.Keys, k)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: secDNS:infData: %w", ErrProtocol, err)
		}
	}
	return s, nil
}

func readDS(e *xmltree.Element) (DS, error) {
	ds, err := ParseDS(strings.Join([]string{childText(e, "keyTag"), childText(e, "alg"), childText(e, "digestType"), childText(e, "digest")}, ","))
	if key := e.Child("keyData"); err == nil && key != nil {
		var k DNSKey
		k, err = readDNSKey(key)
		ds.Key = &k
	}
	return ds, err
}

func readDNSKey(e *xmltree.Element) (DNSKey, error) {
	return ParseDNSKey(strings.Join([]string{childText(e, "flags"), childText(e, "protocol"), childText(e, "alg"), childText(e, "pubKey")}, ","))
}
