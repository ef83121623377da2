package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/miekg/dns"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// stream is a body that is too long to be made before it is sent.
type stream struct {
	contentType string
	write       func(ctx context.Context, w io.Writer) error
}

// exportZone answers with the zone as a master file, in the form that ICANN's zone data service wants: a record
// a line, names whole and in lower case, TTL and class explicit, parts separated by tabs, in canonical order (RFC 4034
// §6.1), the SOA first and once more last. It is read as it is when the request comes, at this node.
func (h *handler) exportZone(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	zone, err := parseName("zone", c.PathValue("zone"))
	if err != nil {
		return 0, nil, err
	}
	var reader *registry.ZoneReader
	err = h.Registry.View(c.Context(), fsm.Local, 0, func(v fsm.View) (err error) {
		reader, err = v.ReadZone(zone)
		return err
	})
	if errors.Is(err, registry.ErrZoneGone) {
		err = registry.Fail(registry.ObjectDoesNotExist, "zone", zone, "there is no such zone, or it was never published")
	}
	if err != nil {
		return 0, nil, err
	}
	select {
	case h.exporting <- struct{}{}:
	default:
		return 0, nil, refuse(http.StatusServiceUnavailable, "the node exports %d zones already: try again", maxExports)
	}
	return http.StatusOK, stream{"text/dns", func(ctx context.Context, w io.Writer) error {
		defer func() { <-h.exporting }()
		return h.writeZone(ctx, reader, w)
	}}, nil
}

func (h *handler) writeZone(ctx context.Context, reader *registry.ZoneReader, w io.Writer) error {
	if err := writeSet(w, reader.SOA); err != nil {
		return err
	}
	for {
		var page []registry.RRset
		if err := h.Registry.View(ctx, fsm.Local, 0, func(v fsm.View) (err error) {
			page, err = reader.Read(v.View, exportPage)
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, s := range page {
			if s.Type == registry.TypeSOA {
				continue
			}
			if err := writeSet(w, s); err != nil {
				return err
			}
		}
	}
	soa := reader.SOA
	soa.Sigs = nil
	return writeSet(w, soa)
}

// writeSet writes the records of a set and then their signatures.
func writeSet(w io.Writer, s registry.RRset) error {
	for i, all := range [][][]byte{s.Data, s.Sigs} {
		typ := s.Type
		if i == 1 {
			typ = dns.TypeRRSIG
		}
		for _, rd := range all {
			line, err := recordLine(s.Owner, typ, s.TTL, rd)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordLine is a record's line. What is text or base64 in it keeps its case.
func recordLine(owner string, typ uint16, ttl uint32, rd []byte) (string, error) {
	h := dns.RR_Header{Name: owner + ".", Rrtype: typ, Class: dns.ClassINET, Ttl: ttl, Rdlength: uint16(len(rd))}
	rr, _, err := dns.UnpackRRWithHeader(h, rd, 0)
	if err != nil {
		return "", fmt.Errorf("%s type %d: %w", owner, typ, err)
	}
	head := rr.Header().String()
	data := strings.TrimPrefix(rr.String(), head)
	switch typ {
	case dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeMX, dns.TypePTR, dns.TypeDS, dns.TypeCDS,
		dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		data = strings.ToLower(data)
	case dns.TypeRRSIG:
		if at := strings.LastIndexByte(data, ' '); at > 0 {
			data = strings.ToLower(data[:at]) + data[at:]
		}
	}
	return strings.ToLower(head) + data + "\n", nil
}

// answerStream sends a body as it is made. When that fails the connection is cut, for nothing else tells the client
// that it isn't whole.
func (h *handler) answerStream(ctx context.Context, c *call, w http.ResponseWriter, s stream) {
	w.Header().Set("Content-Type", s.contentType)
	d := &patientWriter{w: w, control: http.NewResponseController(w)}
	b := bufio.NewWriterSize(d, exportBuffer)
	if err := errors.Join(s.write(ctx, b), b.Flush()); err != nil {
		h.Log.Warn("operator's answer was broken off", "path", c.URL.Path, "operator", c.actor.Name, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// patientWriter gives each write its time, where the server's time for all of an answer would not do.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(exchangeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}
