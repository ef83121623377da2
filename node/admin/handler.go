package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/transport/pki"
)

// Headers of commands.
const (
	// HeaderClTRID has the client's transaction id of a command (RFC 5730 §2.5), which the history can be searched for.
	HeaderClTRID = "Quorate-Cltrid"
	// HeaderID has, in the answer, the id that the node gave the command: its svTRID.
	HeaderID = "Quorate-Svtrid"
)

// call is one request by an operator.
type call struct {
	*http.Request
	actor  registry.Actor
	clTRID string
	id     registry.CommandID // of the command, once it has one
}

// endpoint answers a call with an HTTP status and a body for JSON; nil for none.
type endpoint func(*call) (status int, body any, err error)

type route struct {
	method, path string
	serve        endpoint
}

// routes is the whole API.
func (h *handler) routes() []route {
	return []route{
		{"GET", "/v1/status", h.status},
		{"GET", "/v1/digest", h.digest},
		{"GET", "/v1/incidents", h.incidents},
		{"GET", "/v1/history", h.history},
		{"POST", "/v1/leadership/transfer", h.transferLeadership},
		{"GET", "/v1/level", h.level},
		{"POST", "/v1/level/raise", h.raiseLevel},
		{"POST", "/v1/ledger/audit", h.auditLedger},
		{"GET", "/v1/tlds", h.listTLDs},
		{"POST", "/v1/tlds", h.createTLD},
		{"GET", "/v1/tlds/{name}", h.showTLD},
		{"GET", "/v1/zones/{name}", h.showZone},
		{"PATCH", "/v1/zones/{name}/policy", h.setPolicy},
		{"POST", "/v1/zones/{name}/actions", h.controlZone},
		{"PATCH", "/v1/zones/{name}/records", h.setRecords},
		{"POST", "/v1/zones/{name}/keys", h.addKey},
		{"PATCH", "/v1/zones/{name}/keys/{number}", h.setKey},
		{"GET", "/v1/zones/{name}/keys/{number}/private", h.exportKey},
		{"GET", "/v1/zones/{name}/ds", h.delegationSigners},
		{"PATCH", "/v1/tlds/{name}", h.changeTLD},
		{"GET", "/v1/domains/{name}", h.showDomain},
		{"PATCH", "/v1/domains/{name}/status", h.changeStatus},
		{"GET", "/v1/registrars", h.listRegistrars},
		{"POST", "/v1/registrars", h.createRegistrar},
		{"GET", "/v1/registrars/{id}", h.showRegistrar},
		{"PATCH", "/v1/registrars/{id}", h.changeRegistrar},
		{"POST", "/v1/registrars/{id}/deposits", h.deposit},
		{"GET", "/v1/registrars/{id}/ledger", h.ledger},
		{"GET", "/v1/tsig", h.listTSIG},
		{"GET", "/v1/tsig/{name}", h.showTSIG},
		{"PUT", "/v1/tsig/{name}", h.putTSIG},
		{"DELETE", "/v1/tsig/{name}", h.deleteTSIG},
		{"GET", "/v1/secondaries", h.listSecondaries},
		{"PUT", "/v1/zones/{zone}/secondaries/{name}", h.putSecondary},
		{"DELETE", "/v1/zones/{zone}/secondaries/{name}", h.deleteSecondary},
		{"GET", "/v1/zones/{zone}/export", h.exportZone},
		{"GET", "/v1/access", h.showAccess},
		{"PUT", "/v1/access", h.setAccess},
	}
}

type handler struct {
	Config
	origin  *http.CrossOriginProtection
	serving chan struct{} // one for each request being served
	hashing chan struct{} // held while a password is hashed: it takes tens of MiB and a core

	exporting chan struct{} // one for each zone being exported
}

// NewHandler makes the API's handler. It wants TLS below it that has verified a client certificate of the
// cluster's CA; who isn't an operator by it gets 403.
func NewHandler(c Config) http.Handler {
	h := &handler{
		Config:  c,
		origin:  http.NewCrossOriginProtection(),
		serving: make(chan struct{}, maxRequests),
		hashing: make(chan struct{}, 1),

		exporting: make(chan struct{}, maxExports),
	}
	byPath := map[string]map[string]endpoint{"/": nil}
	for _, r := range h.routes() {
		if byPath[r.path] == nil {
			byPath[r.path] = map[string]endpoint{}
		}
		byPath[r.path][r.method] = r.serve
	}
	mux := http.NewServeMux()
	for path, methods := range byPath {
		mux.Handle(path, h.handle(methods))
	}
	return mux
}

// handle serves a path with the endpoints of its methods; without any, it isn't there.
func (h *handler) handle(methods map[string]endpoint) http.Handler {
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r}
		status, body, err := 0, any(nil), h.admit(c)
		switch {
		case err != nil:
		case len(methods) == 0:
			err = refuse(http.StatusNotFound, "there is no %s here", r.URL.Path)
		case methods[r.Method] == nil:
			err = &refusal{status: http.StatusMethodNotAllowed, message: r.URL.Path + " takes " + allow, allow: allow}
		default:
			status, body, err = h.run(c, w, methods[r.Method])
		}
		if err != nil {
			status, body = h.explain(c, w, err)
		}
		if s, ok := body.(stream); ok && err == nil {
			h.answerStream(r.Context(), c, w, s)
			return
		}
		h.answer(c, w, status, body)
	})
}

// admit finds out who calls, and refuses all but operators of this cluster.
func (h *handler) admit(c *call) error {
	if c.TLS == nil || len(c.TLS.PeerCertificates) == 0 {
		return refuse(http.StatusForbidden, "an operator's certificate is needed")
	}
	id, err := pki.ParseIdentity(c.TLS.PeerCertificates[0])
	switch {
	case err != nil:
		return refuse(http.StatusForbidden, "an operator's certificate is needed: %v", err)
	case id.Role != pki.RoleOperator:
		return refuse(http.StatusForbidden, "an operator's certificate is needed: this is %s's", id)
	case id.Cluster != h.Cluster:
		return refuse(http.StatusForbidden, "%s is no operator of cluster %s", id, h.Cluster)
	}
	c.actor = registry.Actor{Role: registry.RoleOperator, Name: id.Name}
	// A browser that holds an operator's certificate would show it to this address for any page that asks.
	if err := h.origin.Check(c.Request); err != nil {
		return refuse(http.StatusForbidden, "%v", err)
	}
	clTRID := c.Header.Get(HeaderClTRID)
	if clTRID != "" && (len(clTRID) < minClTRID || len(clTRID) > maxClTRID || !printable(clTRID)) {
		return invalid(HeaderClTRID, clTRID, "a client's transaction id has %d to %d printable characters", minClTRID, maxClTRID)
	}
	c.clTRID = clTRID
	return nil
}

// run serves the call within the limits of time, size and number.
func (h *handler) run(c *call, w http.ResponseWriter, serve endpoint) (status int, body any, err error) {
	select {
	case h.serving <- struct{}{}:
		defer func() { <-h.serving }()
	default:
		return 0, nil, refuse(http.StatusServiceUnavailable, "the node serves %d operators' requests already: try again", maxRequests)
	}
	ctx, cancel := context.WithTimeout(c.Context(), commandTime)
	defer cancel()
	c.Request = c.WithContext(ctx)
	c.Body = http.MaxBytesReader(w, c.Body, maxBody)
	return serve(c)
}

// explain makes the answer that tells of err, and logs what is the node's own fault.
func (h *handler) explain(c *call, w http.ResponseWriter, err error) (status int, body any) {
	status, p := problem(err)
	p.ClTRID = c.clTRID
	if c.id != (registry.CommandID{}) {
		p.ID = c.id.String()
	}
	var refused *refusal
	if errors.As(err, &refused) && refused.allow != "" {
		w.Header().Set("Allow", refused.allow)
	}
	switch {
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case status == http.StatusInternalServerError:
		h.Log.Error("operator's request failed", "path", c.URL.Path, "operator", c.actor.Name, "error", err)
	}
	return status, p
}

func (h *handler) answer(c *call, w http.ResponseWriter, status int, body any) {
	h.Log.Debug("operator's request", "method", c.Method, "path", c.URL.Path, "operator", c.actor.Name, "remote", c.RemoteAddr, "status", status)
	w.Header().Set("Cache-Control", "no-store")
	if c.id != (registry.CommandID{}) {
		w.Header().Set(HeaderID, c.id.String())
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		h.Log.Error("operator's answer has no JSON form", "path", c.URL.Path, "error", err)
		status, text = http.StatusInternalServerError, []byte(`{"message":"the answer has no JSON form"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		h.Log.Debug("operator's answer was not taken", "path", c.URL.Path, "error", err)
	}
}

// execute has the registry do what the call wants. Its error is a *registry.Failure when the registry refused.
func (h *handler) execute(c *call, kind registry.Kind, body any) (registry.Result, error) {
	r, id, err := h.Registry.Execute(c.Context(), c.actor, c.clTRID, kind, body)
	c.id = id
	log := h.Log.With("operator", c.actor.Name, "path", c.URL.Path, "id", id.String(), "cltrid", c.clTRID)
	if err != nil {
		log.Warn("operator's command has no result", "error", err)
		if !errors.Is(err, fsm.ErrNotLogged) {
			err = fmt.Errorf("%w: %w", fsm.ErrOutcomeUnknown, err)
		}
		return r, err
	}
	log.Info("operator's command", "index", r.Index, "code", r.Code)
	switch {
	case r.Fail != nil:
		return r, r.Fail
	case r.Code.Failed():
		return r, registry.Fail(r.Code, "", "", "%s", r.Code.Text())
	}
	return r, nil
}

// reread reads what a command that succeeded has left. Failing here must not look as if nothing had been done.
func (h *handler) reread(c *call, r registry.Result, fn func(fsm.View) error) error {
	if err := h.Registry.View(c.Context(), fsm.Session, r.Index, fn); err != nil {
		return fmt.Errorf("the command was executed as %s; reading back what it did failed: %s", c.id, err)
	}
	return nil
}

// read reads at the level that the parameters ask for.
func (h *handler) read(c *call, p map[string]string, fn func(fsm.View) error) error {
	l, err := level(p)
	if err != nil {
		return err
	}
	return h.Registry.View(c.Context(), l, 0, fn)
}

// hash makes a password's hash, one at a time.
func (h *handler) hash(ctx context.Context, password string) (string, error) {
	select {
	case h.hashing <- struct{}{}:
		defer func() { <-h.hashing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	s, err := h.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hashing the password: %w", err)
	}
	return s, nil
}

var _ slog.LogValuer = Registrar{}

var _ slog.LogValuer = RegistrarChange{}

// LogValue keeps the password out of logs.
func (w RegistrarChange) LogValue() slog.Value { return slog.StringValue("change of a registrar") }

// LogValue keeps the password out of logs.
func (r Registrar) LogValue() slog.Value { return slog.StringValue(r.ID) }
