package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
)

// Client speaks with the API of one node. Its errors are *Error, where the node answered, and *Unanswered. It retries
// nothing. Any number of goroutines may use it.
type Client struct {
	base  string
	http  *http.Client
	local bool
}

// NewClient makes a client of the node at baseURL ("https://host:port"), with an operator's certificate and
// the cluster's CA in config.
func NewClient(baseURL string, config *tls.Config) *Client {
	return &Client{base: strings.TrimSuffix(baseURL, "/"), http: &http.Client{
		Timeout: answerTime,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout: connectTime,
			TLSClientConfig:     config,
			IdleConnTimeout:     idleTime / 2, // the server, which waits longer, is not the one to close
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Local is the client for reads of what the node itself has, without asking a quorum whether that is up to date.
func (c *Client) Local() *Client {
	local := *c
	local.local = true
	return &local
}

// URL is where the node is.
func (c *Client) URL() string { return c.base }

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks the node what it knows of itself and the cluster.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return request[Status](ctx, c, "GET", "/v1/status", nil, nil)
}

// Digest asks for the digest of the node's state right after a log entry; 404 when that is too long ago or yet to come.
func (c *Client) Digest(ctx context.Context, index uint64) (Digest, error) {
	return request[Digest](ctx, c, "GET", "/v1/digest", url.Values{"index": {strconv.FormatUint(index, 10)}}, nil)
}

// Incidents asks for the newest commands that broke an invariant, at most limit of them (0: DefaultLimit), oldest first.
func (c *Client) Incidents(ctx context.Context, limit int) ([]Incident, error) {
	return request[[]Incident](ctx, c, "GET", "/v1/incidents", limited(url.Values{}, limit), nil)
}

// Level asks for the cluster's level and what each member's binary reads.
func (c *Client) Level(ctx context.Context) (ClusterLevel, error) {
	return request[ClusterLevel](ctx, c, "GET", "/v1/level", nil, nil)
}

// RaiseLevel raises the cluster's level by one step; 409 when not all members can read the next.
func (c *Client) RaiseLevel(ctx context.Context) (ClusterLevel, error) {
	return request[ClusterLevel](ctx, c, "POST", "/v1/level/raise", nil, nil)
}

// AuditLedger begins the audit of the ledger anew; 409 when the cluster's level has none.
func (c *Client) AuditLedger(ctx context.Context) error {
	_, err := request[struct{}](ctx, c, "POST", "/v1/ledger/audit", nil, nil)
	return err
}

// TransferLeadership has the leader hand over to another voter.
func (c *Client) TransferLeadership(ctx context.Context) error {
	_, err := request[struct{}](ctx, c, "POST", "/v1/leadership/transfer", nil, nil)
	return err
}

// TLDs asks for all TLDs.
func (c *Client) TLDs(ctx context.Context) ([]TLD, error) {
	return request[[]TLD](ctx, c, "GET", "/v1/tlds", c.level(), nil)
}

// TLD asks for one TLD; 404 when there is none of that name.
func (c *Client) TLD(ctx context.Context, name string) (TLD, error) {
	return request[TLD](ctx, c, "GET", "/v1/tlds/"+url.PathEscape(name), c.level(), nil)
}

// CreateTLD opens a TLD and returns it as it then is; 409 when it exists.
func (c *Client) CreateTLD(ctx context.Context, t TLD) (TLD, error) {
	return request[TLD](ctx, c, "POST", "/v1/tlds", nil, t)
}

func zonePath(name string, rest string) string { return "/v1/zones/" + url.PathEscape(name) + rest }

// Zone asks for a zone's status; 404 when there is none of that name.
func (c *Client) Zone(ctx context.Context, name string) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "GET", zonePath(name, ""), c.level(), nil)
}

// SetZonePolicy changes how a zone is published, and returns the zone as it then is.
func (c *Client) SetZonePolicy(ctx context.Context, name string, w ZonePolicyChange) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "PATCH", zonePath(name, "/policy"), nil, w)
}

// ControlZone freezes, thaws, releases or rolls back a zone, and returns it as it then is.
func (c *Client) ControlZone(ctx context.Context, name string, a ZoneAction) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "POST", zonePath(name, "/actions"), nil, a)
}

// SetRecords changes operators' records of a zone, and returns the zone as it then is.
func (c *Client) SetRecords(ctx context.Context, name string, w RecordsChange) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "PATCH", zonePath(name, "/records"), nil, w)
}

// AddKey makes or imports a zone's key, and returns the zone as it then is.
func (c *Client) AddKey(ctx context.Context, name string, k NewKey) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "POST", zonePath(name, "/keys"), nil, k)
}

// SetKey changes a key's timeline, and returns the zone as it then is.
func (c *Client) SetKey(ctx context.Context, name string, number uint64, w KeyChange) (ZoneStatus, error) {
	return request[ZoneStatus](ctx, c, "PATCH", zonePath(name, "/keys/"+strconv.FormatUint(number, 10)), nil, w)
}

// ExportKey asks for a private key.
func (c *Client) ExportKey(ctx context.Context, name string, number uint64) (PrivateKey, error) {
	return request[PrivateKey](ctx, c, "GET", zonePath(name, "/keys/"+strconv.FormatUint(number, 10)+"/private"), nil, nil)
}

// DelegationSigners asks for what the parent of a zone needs.
func (c *Client) DelegationSigners(ctx context.Context, name string) (DelegationSigners, error) {
	return request[DelegationSigners](ctx, c, "GET", zonePath(name, "/ds"), c.level(), nil)
}

// ChangeTLD changes a TLD and returns it as it then is.
func (c *Client) ChangeTLD(ctx context.Context, name string, change TLDChange) (TLD, error) {
	return request[TLD](ctx, c, "PATCH", "/v1/tlds/"+url.PathEscape(name), nil, change)
}

// Domain asks for one domain; 404 when there is none of that name.
func (c *Client) Domain(ctx context.Context, name string) (Domain, error) {
	return request[Domain](ctx, c, "GET", "/v1/domains/"+url.PathEscape(name), c.level(), nil)
}

// ChangeStatus sets and removes statuses of a domain, and returns it as it then is.
func (c *Client) ChangeStatus(ctx context.Context, name string, change StatusChange) (Domain, error) {
	return request[Domain](ctx, c, "PATCH", "/v1/domains/"+url.PathEscape(name)+"/status", nil, change)
}

// Registrars asks for all registrars.
func (c *Client) Registrars(ctx context.Context) ([]Registrar, error) {
	return request[[]Registrar](ctx, c, "GET", "/v1/registrars", c.level(), nil)
}

// Registrar asks for one registrar; 404 when there is none with that id.
func (c *Client) Registrar(ctx context.Context, id string) (Registrar, error) {
	return request[Registrar](ctx, c, "GET", "/v1/registrars/"+url.PathEscape(id), c.level(), nil)
}

// CreateRegistrar opens a registrar's account and returns it as it then is; 409 when it exists.
func (c *Client) CreateRegistrar(ctx context.Context, r Registrar) (Registrar, error) {
	return request[Registrar](ctx, c, "POST", "/v1/registrars", nil, r)
}

// ChangeRegistrar changes a registrar and returns it as it then is.
func (c *Client) ChangeRegistrar(ctx context.Context, id string, w RegistrarChange) (Registrar, error) {
	return request[Registrar](ctx, c, "PATCH", "/v1/registrars/"+url.PathEscape(id), nil, w)
}

// Access asks for the policy of the registrars' front door.
func (c *Client) Access(ctx context.Context) (Access, error) {
	return request[Access](ctx, c, "GET", "/v1/access", c.level(), nil)
}

// SetAccess replaces the policy of the registrars' front door, and returns it as it then is.
func (c *Client) SetAccess(ctx context.Context, a Access) (Access, error) {
	return request[Access](ctx, c, "PUT", "/v1/access", nil, a)
}

// TSIGKeys asks for all TSIG keys, without their secrets.
func (c *Client) TSIGKeys(ctx context.Context) ([]TSIGKey, error) {
	return request[[]TSIGKey](ctx, c, "GET", "/v1/tsig", c.level(), nil)
}

// TSIGKey asks for a TSIG key with its secret; 404 when there is none of that name.
func (c *Client) TSIGKey(ctx context.Context, name string) (TSIGKey, error) {
	return request[TSIGKey](ctx, c, "GET", "/v1/tsig/"+url.PathEscape(name), c.level(), nil)
}

// PutTSIGKey makes a TSIG key, or replaces it, and returns it as it then is.
func (c *Client) PutTSIGKey(ctx context.Context, name string, k TSIGKey) (TSIGKey, error) {
	return request[TSIGKey](ctx, c, "PUT", "/v1/tsig/"+url.PathEscape(name), nil, k)
}

// DeleteTSIGKey removes a TSIG key; 409 when a secondary needs it.
func (c *Client) DeleteTSIGKey(ctx context.Context, name string) error {
	_, err := request[struct{}](ctx, c, "DELETE", "/v1/tsig/"+url.PathEscape(name), nil, nil)
	return err
}

// Secondaries asks for a zone's secondaries; of zone "" for those of all zones.
func (c *Client) Secondaries(ctx context.Context, zone string) ([]Secondary, error) {
	query := c.level()
	if zone != "" {
		query.Set("zone", zone)
	}
	return request[[]Secondary](ctx, c, "GET", "/v1/secondaries", query, nil)
}

func secondaryPath(zone, name string) string {
	return "/v1/zones/" + url.PathEscape(zone) + "/secondaries/" + url.PathEscape(name)
}

// PutSecondary makes a secondary of a zone, or replaces it, and returns it as it then is.
func (c *Client) PutSecondary(ctx context.Context, s Secondary) (Secondary, error) {
	return request[Secondary](ctx, c, "PUT", secondaryPath(s.Zone, s.Name), nil, s)
}

// DeleteSecondary removes a secondary of a zone.
func (c *Client) DeleteSecondary(ctx context.Context, zone, name string) error {
	_, err := request[struct{}](ctx, c, "DELETE", secondaryPath(zone, name), nil, nil)
	return err
}

// ExportZone writes a zone's master file to w. After an error w has a part of it.
func (c *Client) ExportZone(ctx context.Context, zone string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	lost := &Unanswered{URL: c.base}
	r, err := http.NewRequestWithContext(ctx, "GET", c.base+"/v1/zones/"+url.PathEscape(zone)+"/export", nil)
	if err != nil {
		return fmt.Errorf("the node's address: %w", err)
	}
	patient := *c.http
	patient.Timeout = 0 // ctx has one
	a, err := patient.Do(r)
	if err != nil {
		return lost.because(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(a.Body, maxAnswer))
		if err != nil {
			return lost.because(err)
		}
		return refusedBy(a, text)
	}
	if _, err := io.Copy(w, a.Body); err != nil {
		return lost.because(err)
	}
	return nil
}

// Deposit books what a registrar has paid in, and returns the registrar as it then is.
func (c *Client) Deposit(ctx context.Context, id string, d Deposit) (Registrar, error) {
	return request[Registrar](ctx, c, "POST", "/v1/registrars/"+url.PathEscape(id)+"/deposits", nil, d)
}

// Ledger asks for the newest movements on a registrar's account, at most limit of them (0: DefaultLimit), oldest
// first. An empty currency is all of them.
func (c *Client) Ledger(ctx context.Context, id, currency string, limit int) ([]Posting, error) {
	query := c.level()
	if currency != "" {
		query.Set("currency", currency)
	}
	return request[[]Posting](ctx, c, "GET", "/v1/registrars/"+url.PathEscape(id)+"/ledger", limited(query, limit), nil)
}

// HistoryQuery says which records of the history are wanted.
type HistoryQuery struct {
	Actor  string  // with ClTRID; "": the operator who asks
	ClTRID string  // "": any
	From   *uint64 // without ClTRID: the first index; nil: the newest records
	Limit  int     // 0: DefaultLimit
}

// History asks for records of the history, oldest first.
func (c *Client) History(ctx context.Context, q HistoryQuery) ([]Record, error) {
	query := c.level()
	if q.Actor != "" {
		query.Set("actor", q.Actor)
	}
	if q.ClTRID != "" {
		query.Set("cltrid", q.ClTRID)
	}
	if q.From != nil {
		query.Set("from", strconv.FormatUint(*q.From, 10))
	}
	return request[[]Record](ctx, c, "GET", "/v1/history", limited(query, q.Limit), nil)
}

func (c *Client) level() url.Values {
	if c.local {
		return url.Values{"level": {"local"}}
	}
	return url.Values{}
}

func limited(query url.Values, limit int) url.Values {
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	return query
}

type clTRIDKey struct{}

// WithClTRID sets the client's transaction id of the commands sent with ctx; without, each gets a random one.
// It is no key to idempotence: it is what the history can be searched for when a command's outcome is unknown.
func WithClTRID(ctx context.Context, clTRID string) context.Context {
	return context.WithValue(ctx, clTRIDKey{}, clTRID)
}

// request makes one request and decodes its answer.
func request[T any](ctx context.Context, c *Client, method, path string, query url.Values, body any) (answer T, err error) {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer, fmt.Errorf("encoding the request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	lost := &Unanswered{URL: c.base}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		// A read can be asked again whatever became of it.
		lost.Sent = method != http.MethodGet
	}})
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return answer, fmt.Errorf("the node's address: %w", err)
	}
	if method != http.MethodGet {
		lost.ClTRID, _ = ctx.Value(clTRIDKey{}).(string)
		if lost.ClTRID == "" {
			lost.ClTRID = rand.Text()
		}
		r.Header.Set(HeaderClTRID, lost.ClTRID)
		r.Header.Set("Content-Type", "application/json")
	}
	w, err := c.http.Do(r)
	if err != nil {
		return answer, lost.because(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer, lost.because(err)
	case len(text) > maxAnswer:
		return answer, lost.because(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	case w.StatusCode < 200 || w.StatusCode > 299:
		return answer, refusedBy(w, text)
	case w.StatusCode == http.StatusNoContent:
		return answer, nil
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, lost.because(fmt.Errorf("the answer is not as expected: %w", err))
	}
	return answer, nil
}
