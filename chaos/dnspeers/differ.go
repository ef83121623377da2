package dnspeers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Question is one of a corpus that servers with the same zone are asked.
type Question struct {
	Name string
	Type uint16
	DO   bool
	Size uint16 // EDNS payload size; 0: no EDNS
	TCP  bool
}

func (q Question) String() string {
	s := q.Name + " " + dns.Type(q.Type).String()
	if q.DO {
		s += " +do"
	}
	if q.Size > 0 {
		s += fmt.Sprintf(" +bufsize=%d", q.Size)
	}
	if q.TCP {
		s += " +tcp"
	}
	return s
}

// corpusTypes are asked for at every name: data, what denial and delegation treat apart, and what nobody has.
var corpusTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeMX, dns.TypeTXT, dns.TypeCNAME, dns.TypeDNAME,
	dns.TypeDNSKEY, dns.TypeNSEC3PARAM, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeCDS, dns.TypeCAA, 65280,
}

// Corpus are questions about every owner in a zone and about what lies around it: below it, beside it, in another case.
func Corpus(records []dns.RR) (all []Question) {
	owners := map[string]bool{}
	for _, rr := range records {
		if name := strings.ToLower(rr.Header().Name); rr.Header().Rrtype != dns.TypeNSEC3 {
			if sig, ok := rr.(*dns.RRSIG); !ok || sig.TypeCovered != dns.TypeNSEC3 {
				owners[name] = true
			}
		}
	}
	names := map[string]bool{}
	for _, owner := range slices.Sorted(maps.Keys(owners)) {
		if strings.HasPrefix(owner, "*.") {
			names["some."+owner[2:]], names["deep.some."+owner[2:]] = true, true
		}
		for _, name := range []string{owner, "below." + owner, "no-such-thing." + owner, "*." + owner, strings.ToUpper(owner)} {
			names[name] = true
		}
		if _, parent, ok := strings.Cut(owner, "."); ok && dns.IsSubDomain(records[0].Header().Name, parent) {
			names[parent], names["beside-nothing."+parent] = true, true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, t := range corpusTypes {
			all = append(all, Question{name, t, true, 4096, false})
			if t < dns.TypeTXT || t == dns.TypeDS {
				all = append(all, Question{name, t, false, 0, false}, Question{name, t, true, 512, false}, Question{name, t, true, 1232, true})
			}
		}
	}
	return all
}

// message is the question as it is sent, with an id.
func (q Question) message(id uint16) ([]byte, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.Name, q.Type)
	m.Id, m.RecursionDesired = id, false
	if q.Size > 0 {
		m.SetEdns0(q.Size, q.DO)
	}
	return m.Pack()
}

// Ask asks a server questions, some at a time, over one socket and one connection, and returns its answers in their order.
func Ask(ctx context.Context, address string, questions []Question) (answers []*dns.Msg, err error) {
	answers = make([]*dns.Msg, len(questions))
	var d net.Dialer
	for _, network := range []string{"udp", "tcp"} {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		var turn []int // which questions are asked together
		for i, q := range questions {
			if q.TCP == (network == "tcp") {
				turn = append(turn, i)
			}
		}
		for turn := range slices.Chunk(turn, askTogether) {
			if err := ask(&dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}, questions, answers, turn); err != nil {
				return nil, fmt.Errorf("%s by %s: %w", address, network, err)
			}
		}
	}
	return answers, nil
}

// ask sends those of the questions whose turn it is, and waits for their answers. Datagrams may be lost: what wasn't answered in time is
// asked again.
func ask(c *dns.Conn, questions []Question, answers []*dns.Msg, turn []int) error {
	waiting := slices.Clone(turn)
	for tries := askTries; len(waiting) > 0; {
		for _, i := range waiting {
			m, err := questions[i].message(uint16(i))
			if err != nil {
				return fmt.Errorf("%s: %w", questions[i], err)
			}
			if _, err := c.Write(m); err != nil {
				return err
			}
		}
		if err := c.SetReadDeadline(time.Now().Add(askPatience)); err != nil {
			return err
		}
		for len(waiting) > 0 {
			m, err := c.ReadMsg()
			var late net.Error
			if errors.As(err, &late) && late.Timeout() && tries > 0 {
				tries--
				break
			}
			if err != nil {
				return fmt.Errorf("%s and %d more: %w", questions[waiting[0]], len(waiting)-1, err)
			}
			waiting = slices.DeleteFunc(waiting, func(i int) bool {
				if uint16(i) == m.Id {
					answers[i] = m
				}
				return uint16(i) == m.Id
			})
		}
	}
	return nil
}

// Difference is a question that two servers answer differently, and in what.
type Difference struct {
	Question    Question
	Aspect      string // rcode, flags, answer, authority, additional
	Ours, Peers string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s\n  ours:  %s\n  peers: %s", d.Question, d.Aspect, d.Ours, d.Peers)
}

// Compare is in what two answers to a question differ. Records of a section are a set, names have no case, OPT is apart.
func Compare(q Question, ours, peers *dns.Msg) (all []Difference) {
	add := func(aspect, a, b string) {
		if a != b {
			all = append(all, Difference{q, aspect, a, b})
		}
	}
	add("rcode", dns.RcodeToString[ours.Rcode], dns.RcodeToString[peers.Rcode])
	add("flags", flags(ours), flags(peers))
	if ours.Truncated && peers.Truncated {
		return all // what is beside TC is nobody's to use
	}
	add("answer", section(ours.Answer), section(peers.Answer))
	add("authority", section(ours.Ns), section(peers.Ns))
	add("additional", section(ours.Extra), section(peers.Extra))
	return all
}

func flags(m *dns.Msg) string {
	s := ""
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionAvailable, "ra"}, {m.AuthenticatedData, "ad"}, {m.IsEdns0() != nil, "edns"}} {
		if f.set {
			s += f.name + " "
		}
	}
	return s
}

func section(records []dns.RR) string {
	var all []string
	for _, rr := range records {
		if rr.Header().Rrtype != dns.TypeOPT {
			all = append(all, strings.ToLower(strings.Join(strings.Fields(rr.String()), " ")))
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " | ")
}

// Transfer is a server's zone, by AXFR.
func Transfer(address, zone string) (records []dns.RR, err error) {
	m := new(dns.Msg)
	m.SetAxfr(zone)
	envelopes, err := new(dns.Transfer).In(m, address)
	if err != nil {
		return nil, fmt.Errorf("transfer of %s from %s: %w", zone, address, err)
	}
	for e := range envelopes {
		if e.Error != nil {
			return nil, fmt.Errorf("transfer of %s from %s: %w", zone, address, e.Error)
		}
		records = append(records, e.RR...)
	}
	return records, nil
}
