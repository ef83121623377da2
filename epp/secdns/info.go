package secdns

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"quorate/epp/extension"
	"quorate/epp/xmlwriter"
	"quorate/fsm/registry"
)

// writeInfo writes <secDNS:infData> (RFC 5910 §5.1.2) for a domain whose delegation is secured.
func writeInfo(a *extension.Answer, w *xmlwriter.Writer) *registry.Failure {
	d, ok := a.Subject.(registry.Domain)
	if !ok || len(d.DS)+len(d.Keys) == 0 {
		return nil
	}
	w.Raw(`<secDNS:infData xmlns:secDNS="`, URI, `">`)
	if d.MaxSigLife != 0 {
		number(w, "secDNS:maxSigLife", uint64(d.MaxSigLife))
	}
	for _, ds := range d.DS {
		w.Raw(`<secDNS:dsData>`)
		number(w, "secDNS:keyTag", uint64(ds.KeyTag))
		number(w, "secDNS:alg", uint64(ds.Algorithm))
		number(w, "secDNS:digestType", uint64(ds.DigestType))
		w.Element("secDNS:digest", fmt.Sprintf("%X", ds.Digest))
		if ds.Key != nil {
			writeKey(w, *ds.Key)
		}
		w.Raw(`</secDNS:dsData>`)
	}
	for _, k := range d.Keys {
		writeKey(w, k)
	}
	w.Raw(`</secDNS:infData>`)
	return nil
}

// writeKey writes a keyDataType.
func writeKey(w *xmlwriter.Writer, k registry.DNSKeyData) {
	w.Raw(`<secDNS:keyData>`)
	number(w, "secDNS:flags", uint64(k.Flags))
	number(w, "secDNS:protocol", uint64(k.Protocol))
	number(w, "secDNS:alg", uint64(k.Algorithm))
	w.Element("secDNS:pubKey", base64.StdEncoding.EncodeToString(k.PublicKey))
	w.Raw(`</secDNS:keyData>`)
}

func number(w *xmlwriter.Writer, name string, n uint64) {
	w.Element(name, strconv.FormatUint(n, 10))
}
