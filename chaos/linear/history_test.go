package linear

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sample is a history with a bit of everything, and a violation at its end.
func sample() *History {
	return &History{
		Seed: 7, Names: []string{domain}, CreatePrice: price, RenewPrice: price, Faults: []Fault{{What: "kill", Site: "site2", From: 2, To: 9}},
		Ops: []*Op{
			at(1, 2, in(1, create("reg1"))), at(3, 4, renew("reg1", 1)), at(5, 0, update("reg1", "clientHold", "")), at(6, 7, code(2400, remove("reg1"))),
			at(8, 9, view(RDAP, "site2", expires(2), updated(3))), at(10, 11, balance(5000)), at(12, 13, Op{Kind: Serial, Serial: 9}), at(14, 15, code(2303, info("reg2"))),
		},
	}
}

func TestHistoryIsKeptAndReadAgain(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	if err := sample().Save(&file); err != nil {
		t.Fatal(err)
	}
	h, err := Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, sample()) {
		t.Errorf("%+v", h)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"names":["a.example"]}` + "\n"
	for _, text := range []string{
		"", "no JSON", `{"names":["` + strings.Repeat(`a","`, maxNames) + `b"]}`,
		head + `{"kind":"create","name":"b.example","outcome":"unknown"}`, head + `{"kind":"transfer","name":"a.example","outcome":"unknown"}`,
		head + `{"kind":"create","name":"a.example","outcome":"ok","return":1}`, head + `{"kind":"delete","name":"a.example","outcome":"maybe"}`,
		head + `{"kind":"delete","name":"a.example","outcome":"ok","call":2,"return":1}`, head + `{"kind":"renew","name":"a.example","outcome":"unknown","current":"soon"}`,
		head + `{"kind":"create","name":"a.example","outcome":"unknown","years":101}`,
	} {
		if _, err := Load(strings.NewReader(text)); !errors.Is(err, ErrHistory) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestReportLeavesTheEvidence(t *testing.T) {
	t.Parallel()
	h, dir := sample(), filepath.Join(t.TempDir(), "evidence")
	found := h.Check()
	if len(found) != 1 {
		t.Fatalf("found %v", found)
	}
	if err := h.Report(dir, "r", found); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "r.history"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	again, err := Load(f)
	if err != nil || len(again.Check()) != 1 {
		t.Errorf("the history that was left doesn't show it: %v", err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "r.1.a.example-linearizable.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"reg1 create a.example 1y", "no answer", "kill"} {
		if !bytes.Contains(page, []byte(part)) {
			t.Errorf("the page doesn't show %q", part)
		}
	}
	if s := h.Summary(); s != "3 commands done, 2 refused, 1 unanswered; 2 reads of sessions and replicas; 1 faults" {
		t.Error(s)
	}
}

const whoisAnswer = "Domain Name: a.example\r\nRegistry Domain ID: D1-X\r\nRegistrar: R: and Co\r\nUpdated Date: 2026-03-02T00:00:00Z\r\nCreation Date: 2026-03-01T12:00:00Z\r\n" +
	"Registry Expiry Date: 2027-03-01T12:00:00Z\r\nDomain Status: clientHold https://icann.org/epp#clientHold\r\nDomain Status: inactive https://icann.org/epp#inactive\r\n" +
	"Name Server: ns2.test\r\nName Server: ns1.test\r\n>>> Last update of WHOIS database: 2026-03-02T00:00:01Z <<<\r\n"

const rdapAnswer = `{"objectClassName":"domain","handle":"D1-X","status":["client hold","inactive"],"events":[{"eventAction":"registration","eventDate":"2026-03-01T12:00:00.000Z"},` +
	`{"eventAction":"expiration","eventDate":"2027-03-01T12:00:00.000Z"},{"eventAction":"last changed","eventDate":"2026-03-02T00:00:00.000Z"},` +
	`{"eventAction":"last update of RDAP database","eventDate":"2026-03-02T00:00:01.000Z"}],"nameservers":[{"ldhName":"ns2.test"},{"ldhName":"ns1.test"}]}`

func TestAnswersOfReplicasAreReadAlike(t *testing.T) {
	t.Parallel()
	want := Domain{ROID: "D1-X", Created: 1772366400000, Updated: 1772409600000, Expires: 1803902400000, Statuses: "clientHold", Hosts: "ns1.test ns2.test"}
	if d, err := readWhois(whoisAnswer); err != nil || *d != want {
		t.Errorf("WHOIS: %v, %v", d, err)
	}
	if d, err := readRDAP([]byte(rdapAnswer)); err != nil || *d != want {
		t.Errorf("RDAP: %v, %v", d, err)
	}
	if d, err := readWhois("No match for \"a.example\".\r\n"); err != nil || d != nil {
		t.Errorf("none: %v, %v", d, err)
	}
	for _, answer := range []string{"", "Error: too many queries.\r\n", strings.Replace(whoisAnswer, "2027-03-01T12", "2027-03-01 12", 1)} {
		if d, err := readWhois(answer); err == nil {
			t.Errorf("%.40q was read as %v", answer, d)
		}
	}
	for _, answer := range []string{"", "{}", strings.Replace(rdapAnswer, "2027-03-01T12", "2027-03-01 12", 1)} {
		if d, err := readRDAP([]byte(answer)); err == nil {
			t.Errorf("%.40q was read as %v", answer, d)
		}
	}
}

// FuzzLoad: whatever a file holds, it is refused or judged.
func FuzzLoad(f *testing.F) {
	var file bytes.Buffer
	if err := sample().Save(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte(`{"names":["a"]}` + "\n" + `{"kind":"info","name":"a","outcome":"ok","seen":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Load(bytes.NewReader(text))
		if err != nil {
			return
		}
		if len(h.Ops) > 12 {
			return // the search may take all orders that there are
		}
		for _, v := range h.Check() {
			_ = v.String()
		}
		if err := h.Save(&bytes.Buffer{}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzReadWhois(f *testing.F) {
	f.Add(whoisAnswer)
	f.Add("No match for \"a.example\".\r\n")
	f.Fuzz(func(t *testing.T, answer string) {
		if d, err := readWhois(answer); err == nil && d != nil && d.ROID == "" {
			t.Error("a domain without an identifier")
		}
	})
}

func FuzzReadRDAP(f *testing.F) {
	f.Add([]byte(rdapAnswer))
	f.Fuzz(func(t *testing.T, body []byte) {
		if d, err := readRDAP(body); err == nil && d.ROID == "" {
			t.Error("a domain without an identifier")
		}
	})
}
