package admin

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"quorate/fsm/registry"
)

// maxRecordText bounds a record's line in a request, in bytes.
const maxRecordText = 8 << 10

// parseRecords reads records as in a master file (RFC 1035 §5.1), whose names without a final dot are below the zone.
func parseRecords(zone string, lines []string) (sets []registry.RRset, err error) {
	for _, line := range lines {
		s, err := parseRecord(zone, line)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(sets, func(o registry.RRset) bool { return o.Owner == s.Owner && o.Type == s.Type })
		if i < 0 {
			sets = append(sets, s)
			continue
		}
		if sets[i].TTL != s.TTL {
			return nil, invalid("set", line, "records of one name and type have one TTL (RFC 2181 §5.2)")
		}
		sets[i].Data = append(sets[i].Data, s.Data...)
	}
	for i := range sets {
		slices.SortFunc(sets[i].Data, bytes.Compare)
		sets[i].Data = slices.CompactFunc(sets[i].Data, bytes.Equal)
	}
	return sets, nil
}

func parseRecord(zone, line string) (s registry.RRset, err error) {
	if len(line) > maxRecordText || strings.ContainsAny(line, "\r\n") {
		return s, invalid("set", "", "a record is one line of at most %d bytes", maxRecordText)
	}
	p := dns.NewZoneParser(strings.NewReader(line+"\n"), zone+".", "")
	p.SetDefaultTTL(defaultRecordTTL)
	p.SetIncludeAllowed(false)
	rr, ok := p.Next()
	if !ok {
		return s, invalid("set", line, "not a record: %v", p.Err())
	}
	if _, more := p.Next(); more || p.Err() != nil {
		return s, invalid("set", line, "not one record")
	}
	if rr.Header().Class != dns.ClassINET {
		return s, invalid("set", line, "records are of class IN")
	}
	lowerNames(rr)
	buf := make([]byte, dns.MaxMsgSize)
	off, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return s, invalid("set", line, "not a record: %v", err)
	}
	owner := strings.ToLower(rr.Header().Name)
	start, err := skipName(buf[:off])
	if err != nil {
		return s, err
	}
	s = registry.RRset{Owner: strings.TrimSuffix(owner, "."), Type: rr.Header().Rrtype, TTL: rr.Header().Ttl}
	s.Data = [][]byte{bytes.Clone(buf[start+10 : off])}
	return s, nil
}

// lowerNames writes the names in the data of old types in lower case, as they are signed (RFC 4034 §6.2, RFC 6840 §5.1).
func lowerNames(rr dns.RR) {
	switch r := rr.(type) {
	case *dns.NS:
		r.Ns = strings.ToLower(r.Ns)
	case *dns.CNAME:
		r.Target = strings.ToLower(r.Target)
	case *dns.MX:
		r.Mx = strings.ToLower(r.Mx)
	case *dns.PTR:
		r.Ptr = strings.ToLower(r.Ptr)
	case *dns.SRV:
		r.Target = strings.ToLower(r.Target)
	case *dns.NAPTR:
		r.Replacement = strings.ToLower(r.Replacement)
	case *dns.RP:
		r.Mbox, r.Txt = strings.ToLower(r.Mbox), strings.ToLower(r.Txt)
	case *dns.AFSDB:
		r.Hostname = strings.ToLower(r.Hostname)
	case *dns.KX:
		r.Exchanger = strings.ToLower(r.Exchanger)
	}
}

// skipName is where what follows the first name begins.
func skipName(b []byte) (int, error) {
	for i := 0; i < len(b); i += 1 + int(b[i]) {
		if b[i] == 0 {
			return i + 1, nil
		}
	}
	return 0, invalid("set", "", "not a record")
}

// showRecords are records as in a master file.
func showRecords(s *registry.RRset) (lines []string) {
	for _, d := range s.Data {
		lines = append(lines, showRecord(s.Owner, s.TTL, s.Type, d))
	}
	return lines
}

func showRecord(owner string, ttl uint32, kind uint16, data []byte) string {
	generic := fmt.Sprintf("%s. %d IN TYPE%d \\# %d %s", owner, ttl, kind, len(data), hex.EncodeToString(data))
	rr, err := dns.NewRR(generic)
	if err != nil {
		return generic
	}
	buf := make([]byte, len(data)+512)
	off, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return generic
	}
	if rr, _, err = dns.UnpackRR(buf[:off], 0); err != nil {
		return generic
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}
