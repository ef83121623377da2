package linear

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind is what an operation does.
type Kind string

// The operations. Transforms and Info are EPP's, Balance and Deposit the admin
// API's; they must be linearizable. Check is a read of its session. The others read one site's own
// replica, which may be late.
const (
	Create  Kind = "create"
	Renew   Kind = "renew"
	Update  Kind = "update"
	Delete  Kind = "delete"
	Info    Kind = "info"
	Balance Kind = "balance"
	Deposit Kind = "deposit"

	Check Kind = "check" // says whether the name is taken, nothing else

	WHOIS        Kind = "whois" // shows times to the second
	RDAP         Kind = "rdap"
	DNS          Kind = "dns"    // shows the delegation only
	Serial       Kind = "serial" // of the zone
	LocalBalance Kind = "local-balance"
)

var kinds = []Kind{Create, Renew, Update, Delete, Info, Balance, Deposit, Check, WHOIS, RDAP, DNS, Serial, LocalBalance}

// Outcome is what a client knows of an operation.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Refused Outcome = "refused" // answered with an error code: it had no effect
	Unknown Outcome = "unknown" // not answered: it took effect after its call at any time, or never
)

// Domain is what an operation showed of a name. Times are in milliseconds since 1970; 0 is not shown, or never.
type Domain struct {
	ROID     string `json:"roid,omitempty"`
	Sponsor  string `json:"sponsor,omitempty"`
	Created  int64  `json:"created,omitempty"`
	Updated  int64  `json:"updated,omitempty"`
	Expires  int64  `json:"expires,omitempty"`
	Statuses Set    `json:"statuses,omitempty"` // those that clients set
	Hosts    Set    `json:"hosts,omitempty"`
}

// Op is one operation of a history: what was asked, when, and what was
// answered. Times are nanoseconds of one monotonic clock from the history's beginning.
type Op struct {
	Client  int    `json:"client"`            // who asked; each has one operation at a time
	Session int    `json:"session,omitempty"` // the EPP session, unique in the history; 0: none
	Site    string `json:"site"`
	Kind    Kind   `json:"kind"`
	Actor   string `json:"actor,omitempty"` // the registrar; of Balance and Deposit, the account's
	Name    string `json:"name,omitempty"`  // the domain

	Years       int    `json:"years,omitempty"`   // of a Create or Renew
	Current     string `json:"current,omitempty"` // curExpDate of a Renew
	Add         Set    `json:"add,omitempty"`     // statuses of an Update
	Remove      Set    `json:"remove,omitempty"`
	AddHosts    Set    `json:"add_hosts,omitempty"`
	RemoveHosts Set    `json:"remove_hosts,omitempty"`

	Call    int64   `json:"call"`
	Return  int64   `json:"return,omitempty"` // 0 if Unknown
	Outcome Outcome `json:"outcome"`
	Code    int     `json:"code,omitempty"`   // EPP's
	Seen    *Domain `json:"seen,omitempty"`   // nil: nothing is there, or nothing is shown
	Amount  int64   `json:"amount,omitempty"` // of money, in minor units
	Serial  uint32  `json:"serial,omitempty"`
}

// Fault is what was done to a site, and when.
type Fault struct {
	What string `json:"what"`
	Site string `json:"site"`
	From int64  `json:"from"` // as in Op
	To   int64  `json:"to"`
}

// History is what the clients of one round asked and were told. It begins with no name registered.
type History struct {
	Seed        uint64   `json:"seed"`
	Names       []string `json:"names"`
	CreatePrice int64    `json:"create_price"` // of a year, in minor units
	RenewPrice  int64    `json:"renew_price"`
	Ops         []*Op    `json:"-"` // by Call
	Faults      []Fault  `json:"faults,omitempty"`
}

// ErrHistory says that a file is no history.
var ErrHistory = errors.New("not a history")

// Save writes h: a line of JSON for all but the operations, then one for each.
func (h *History) Save(w io.Writer) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	if err := lines.Encode(h); err != nil {
		return err
	}
	for _, op := range h.Ops {
		if err := lines.Encode(op); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Load reads what Save wrote. Its error wraps ErrHistory, or is the reader's.
func Load(r io.Reader) (*History, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	h := &History{}
	if !in.Scan() {
		return nil, errors.Join(ErrHistory, in.Err())
	}
	if err := json.Unmarshal(in.Bytes(), h); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHistory, err)
	}
	if len(h.Names) > maxNames {
		return nil, fmt.Errorf("%w: it has %d names, over %d", ErrHistory, len(h.Names), maxNames)
	}
	for in.Scan() {
		op := &Op{}
		if err := json.Unmarshal(in.Bytes(), op); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHistory, err)
		}
		if err := h.valid(op); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrHistory, len(h.Ops)+2, err)
		}
		if h.Ops = append(h.Ops, op); len(h.Ops) > maxOps {
			return nil, fmt.Errorf("%w: it has over %d operations", ErrHistory, maxOps)
		}
	}
	return h, in.Err()
}

// valid refuses operations that no model could judge.
func (h *History) valid(op *Op) error {
	ofName := op.Kind != Balance && op.Kind != Deposit && op.Kind != LocalBalance && op.Kind != Serial
	switch {
	case !slices.Contains(kinds, op.Kind):
		return fmt.Errorf("an operation called %q", op.Kind)
	case ofName && !slices.Contains(h.Names, op.Name):
		return fmt.Errorf("the name %q is none of the history's", op.Name)
	case op.Outcome != OK && op.Outcome != Refused && op.Outcome != Unknown:
		return fmt.Errorf("an outcome called %q", op.Outcome)
	case op.Call < 0 || op.Outcome != Unknown && op.Return < op.Call:
		return fmt.Errorf("called at %d, answered at %d", op.Call, op.Return)
	case op.Years < 0 || op.Years > 100:
		return fmt.Errorf("%d years", op.Years)
	case op.Outcome == OK && op.Seen == nil && (op.Kind == Create || op.Kind == Renew || op.Kind == Info):
		return fmt.Errorf("a successful %s shows something", op.Kind)
	}
	if op.Kind == Renew {
		if _, err := time.Parse(time.DateOnly, op.Current); err != nil {
			return fmt.Errorf("curExpDate: %w", err)
		}
	}
	return nil
}

// vain says that an operation had no effect and told nothing: the cluster could
// not take it (24xx, 25xx), or a read was not answered. That it had no effect
// is for the rest of the history to bear out.
func (op *Op) vain() bool {
	switch op.Outcome {
	case Refused:
		return op.Code >= 2400
	case Unknown:
		return op.Kind != Create && op.Kind != Renew && op.Kind != Update && op.Kind != Delete && op.Kind != Deposit
	}
	return false
}

// String is the operation in a line.
func (op *Op) String() string {
	var b strings.Builder
	for _, word := range []string{op.Actor, string(op.Kind), op.Name} {
		if word != "" {
			b.WriteString(word + " ")
		}
	}
	if op.Years > 0 {
		fmt.Fprintf(&b, "%dy ", op.Years)
	}
	for _, part := range []struct{ sign, text string }{
		{"from ", op.Current}, {"+", string(op.Add)}, {"-", string(op.Remove)}, {"+", string(op.AddHosts)}, {"-", string(op.RemoveHosts)},
	} {
		if part.text != "" {
			b.WriteString(part.sign + part.text + " ")
		}
	}
	if op.Kind == Deposit {
		fmt.Fprintf(&b, "%d ", op.Amount)
	}
	fmt.Fprintf(&b, "at %s → %s", op.Site, op.answer())
	return b.String()
}

func (op *Op) answer() string {
	switch {
	case op.Outcome == Unknown:
		return "no answer"
	case op.Outcome == Refused:
		return fmt.Sprint(op.Code)
	case op.Kind == Balance || op.Kind == LocalBalance:
		return fmt.Sprint(op.Amount)
	case op.Kind == Serial:
		return fmt.Sprint(op.Serial)
	case op.Seen != nil:
		return op.Seen.String()
	case op.Kind == Check || op.Kind == WHOIS || op.Kind == RDAP || op.Kind == DNS:
		return "nothing"
	}
	return "done"
}

// String is what is known of the domain, in a line.
func (d *Domain) String() string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+value)
		}
	}
	add("", d.ROID)
	add("of ", d.Sponsor)
	add("created ", instant(d.Created))
	add("updated ", instant(d.Updated))
	add("expires ", instant(d.Expires))
	add("", string(d.Statuses))
	add("", string(d.Hosts))
	return "{" + strings.Join(parts, ", ") + "}"
}

func instant(ms int64) string {
	if ms <= 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
