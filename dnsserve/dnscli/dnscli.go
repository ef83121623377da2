// Package dnscli is the command that runs the name server by itself, from a zone file: to hold it against other
// name servers with the same zone, on equal terms, and to try it without a cluster.
package dnscli

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"quorate/dnsserve"
)

// Command is `quorate dns`.
func Command() *cobra.Command {
	var origin, listen string
	c := &cobra.Command{
		Use:   "dns ZONEFILE",
		Short: "Serve a zone file, without a registry behind it",
		Long: `Serve a zone file with the name server that every node has, without a registry behind it: to compare it with other
name servers, or to look at a zone. The file may be signed. All records of a name stand together in it, as signers write
them; $INCLUDE and $GENERATE are not followed. It says how long loading took, and serves until it is interrupted.`,
		Example: `  quorate dns example.zone --origin example --listen 127.0.0.1:5300`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			begin := time.Now()
			zones := dnsserve.NewZones()
			serial, err := load(zones, args[0], dns.Fqdn(strings.ToLower(origin)))
			if err != nil {
				return err
			}
			log.Info("loaded", "zone", origin, "serial", serial, "took", time.Since(begin))
			s := dnsserve.NewServer(dnsserve.Config{Listen: []string{listen}, Log: log}, zones)
			if err := s.Listen(); err != nil {
				return err
			}
			log.Info("serves", "address", s.Addr().String())
			return s.Serve(ctx)
		},
	}
	c.Flags().StringVar(&origin, "origin", "", "the zone's `NAME`")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:5300", "`ADDRESS` for UDP and TCP")
	_ = c.MarkFlagRequired("origin") // the flag is there
	return c
}

// load reads the zone file twice: the serial is wanted before the rest.
func load(zones *dnsserve.Zones, path, origin string) (serial uint32, err error) {
	for set, err := range sets(path, origin) {
		if err != nil {
			return 0, err
		}
		if rd := set.RData; set.Type == dns.TypeSOA && len(rd[0]) > 20 {
			soa := rd[0][len(rd[0])-20:]
			serial = uint32(soa[0])<<24 | uint32(soa[1])<<16 | uint32(soa[2])<<8 | uint32(soa[3])
			return serial, zones.Load(origin, serial, sets(path, origin))
		}
	}
	return 0, fmt.Errorf("%s: no SOA record", path)
}

// sets are a zone file's RRsets, owner by owner.
func sets(path, origin string) iter.Seq2[dnsserve.RRset, error] {
	return func(yield func(dnsserve.RRset, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(dnsserve.RRset{}, err)
			return
		}
		defer f.Close()
		parser := dns.NewZoneParser(f, origin, path)
		var owner string
		apex := false // its SOA has been seen
		var of []dnsserve.RRset
		flush := func() bool {
			for _, s := range of {
				slices.SortFunc(s.RData, bytes.Compare)
				s.RData = slices.CompactFunc(s.RData, bytes.Equal) // a set holds no record twice (RFC 2181 §5)
				if !yield(s, nil) {
					return false
				}
			}
			of = of[:0]
			return true
		}
		for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
			h := rr.Header()
			if h.Rrtype == dns.TypeSOA {
				if apex {
					continue // again at the end, in the form of a transfer
				}
				apex = true
			}
			if h.Name = strings.ToLower(h.Name); h.Name != owner {
				if !flush() {
					return
				}
				owner = h.Name
			}
			if of, err = add(of, rr); err != nil {
				yield(dnsserve.RRset{}, fmt.Errorf("%s: %s: %w", path, h.Name, err))
				return
			}
		}
		if err := parser.Err(); err != nil {
			yield(dnsserve.RRset{}, err)
			return
		}
		flush()
	}
}

// add puts a record into its set among those of its owner.
func add(of []dnsserve.RRset, rr dns.RR) ([]dnsserve.RRset, error) {
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return nil, errors.New("a record of another class than IN")
	}
	var covers uint16
	if sig, ok := rr.(*dns.RRSIG); ok {
		covers = sig.TypeCovered
	}
	wire := make([]byte, dns.Len(rr)+dns.Len(rr)) // names in RDATA are never longer than their text
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, err
	}
	_, at, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return nil, err
	}
	rdata := wire[at+10 : end]
	for i := range of {
		if s := &of[i]; s.Type == h.Rrtype && s.Covers == covers {
			s.RData = append(s.RData, rdata)
			return of, nil
		}
	}
	return append(of, dnsserve.RRset{Owner: h.Name, Type: h.Rrtype, Covers: covers, TTL: h.Ttl, RData: [][]byte{rdata}}), nil
}
