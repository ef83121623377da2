package rdap

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quorate/fsm"
	"quorate/rdds"
)

// settings are the parts of the configuration that answers show.
type settings struct {
	baseURL   string // with final slash
	basePath  string // its path, with both slashes
	termsURL  string
	legal     []string
	whoisHost string
}

// answer is what a request comes to.
type answer struct {
	code  int
	body  any
	class string        // for the metrics
	wait  time.Duration // with 429
}

// ServeHTTP is part of http.Handler. It never redirects: a path is a query as it stands, or none.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	a := s.answer(r, begun)
	h := w.Header()
	// For browsers' sake on every answer, errors too (RFC 7480 §5.6).
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", mediaType)
	switch a.code {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD")
	case http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(a.wait.Seconds()))))
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		s.log.Error("an RDAP answer could not be encoded", "path", r.URL.Path, "error", err)
		a.code, body = http.StatusInternalServerError, nil
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.code)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	s.metrics.queries.WithLabelValues(a.class, strconv.Itoa(a.code)).Inc()
	s.metrics.seconds.Observe(time.Since(begun).Seconds())
}

// answer finds out what a request comes to.
func (s *Server) answer(r *http.Request, now time.Time) answer {
	if wait, ok := s.clients.Allow(remoteAddr(r), now); !ok {
		return answer{code: http.StatusTooManyRequests, body: newError(http.StatusTooManyRequests, ""), class: noClass, wait: wait}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return failed(http.StatusMethodNotAllowed, noClass, "there are only GET and HEAD")
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.basePath)
	if !ok {
		return failed(http.StatusNotFound, noClass, "queries begin with "+s.baseURL)
	}
	// Clients that join a base URL and a path with one slash too many are common.
	q, err := ParsePath(strings.TrimLeft(path, "/"))
	switch {
	case errors.Is(err, ErrUnsupported):
		return failed(http.StatusNotImplemented, noClass, err.Error())
	case err != nil:
		return failed(http.StatusBadRequest, noClass, err.Error())
	}
	class := classNames[q.Class]
	self := s.baseURL + path
	if q.Class == DomainClass || q.Class == NameserverClass {
		// However a name is written, the answer is the same to the octet (-10403 of ICANN's conformance tool).
		self = s.baseURL + class + "/" + q.Text
	}
	if q.Class == HelpClass {
		return answer{code: http.StatusOK, body: s.help(self), class: class}
	}
	var body any
	err = rdds.Read(r.Context(), s.registry, func(v fsm.View) error {
		body = s.find(builder{&s.settings, v, self}, q)
		return nil
	})
	switch {
	case errors.Is(err, fsm.ErrUnavailable) || r.Context().Err() != nil:
		return failed(http.StatusServiceUnavailable, class, "the registry's data can't be read now")
	case err != nil:
		s.log.Error("an RDAP query could not be answered", "class", class, "query", q.Text, "error", err)
		return failed(http.StatusInternalServerError, class, "")
	case body == nil:
		return failed(http.StatusNotFound, class, "")
	}
	return answer{code: http.StatusOK, body: body, class: class}
}

// find returns the object that q asks for, nil if there is none.
func (s *Server) find(b builder, q Query) any {
	switch q.Class {
	case DomainClass:
		if d, ok := b.view.Domain(q.Text); ok {
			return b.domain(d)
		}
	case NameserverClass:
		if h, ok := b.view.Host(q.Text); ok {
			return b.nameserverAnswer(h)
		}
	case EntityClass:
		if r, ok := s.registrars.Find(b.view, q.Text); ok {
			return b.registrarAnswer(r)
		}
	}
	return nil
}

func failed(code int, class, description string) answer {
	return answer{code: code, body: newError(code, description), class: class}
}

// remoteAddr is where a request comes from; the zero Addr if that is not known.
func remoteAddr(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// isWebURL says whether a registrar's URL can be linked to.
func isWebURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
