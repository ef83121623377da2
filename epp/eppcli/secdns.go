package eppcli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

// secDNSFlags are flags for what secures a delegation. Records hold commas, so each has a flag of its own.
type secDNSFlags struct{ ds, keys []string }

func (s *secDNSFlags) add(cmd *cobra.Command, prefix, what string) {
	f := cmd.Flags()
	f.StringArrayVar(&s.ds, prefix+"ds", nil, "a DS `record` "+what+", as TAG,ALGORITHM,DIGESTTYPE,DIGEST")
	f.StringArrayVar(&s.keys, prefix+"key", nil, "a DNSKEY `record` "+what+", as FLAGS,PROTOCOL,ALGORITHM,KEY, where the TLD takes keys")
}

// read puts the records that were given into d.
func (s *secDNSFlags) read(d *client.SecDNS) error {
	for _, text := range s.ds {
		ds, err := client.ParseDS(text)
		if err != nil {
			return err
		}
		d.DS = append(d.DS, ds)
	}
	for _, text := range s.keys {
		k, err := client.ParseDNSKey(text)
		if err != nil {
			return err
		}
		d.Keys = append(d.Keys, k)
	}
	return nil
}

func printSecDNS(w io.Writer, s *client.SecDNS) {
	if s == nil {
		return
	}
	for _, ds := range s.DS {
		field(w, "DS", fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(ds.Digest)))
		if ds.Key != nil {
			field(w, "of DNSKEY", dnskey(*ds.Key))
		}
	}
	for _, k := range s.Keys {
		field(w, "DNSKEY", dnskey(k))
	}
	if s.MaxSigLife > 0 {
		field(w, "maxSigLife", fmt.Sprintf("%d s", s.MaxSigLife))
	}
}

func dnskey(k client.DNSKey) string {
	return fmt.Sprintf("%d %d %d %s", k.Flags, k.Protocol, k.Algorithm, k.PublicKey)
}
