package rst

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"quorate/transport/pki"
)

// fakeServer is an EPP server that gives every command the same answer. Nobody would want it for a registry, so cases must fail.
func fakeServer(t *testing.T, answer func(command []byte) string) (Input, []string) {
	t.Helper()
	ca, err := pki.NewCA("test.example", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.IssueServer("epp", []string{"127.0.0.1", "localhost"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := ca.Save(filepath.Join(folder, "ca.pem"), filepath.Join(folder, "ca.key")); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for range 2 {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		addresses = append(addresses, l.Addr().String())
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go serveFake(conn, answer)
			}
		}()
	}
	in, err := ParseInput([]byte(completeInput("127.0.0.1:700", addresses[0]+`", "`+addresses[1], "epp.rsp.tech", "localhost")))
	if err != nil {
		t.Fatal(err)
	}
	in.CA = filepath.Join(folder, "ca.pem")
	return in, addresses
}

func serveFake(conn net.Conn, answer func(command []byte) string) {
	defer conn.Close()
	send := func(inner string) error {
		doc := `<epp xmlns="` + nsEPP + `">` + inner + `</epp>`
		_, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(4+len(doc))), doc...))
		return err
	}
	err := send(`<greeting><svID>x</svID><svDate>2000-01-01T00:00:00Z</svDate><svcMenu><version>1.1</version><lang>de</lang><objURI>urn:x</objURI>` +
		`<svcExtension><extURI>` + nsSecDNS + `</extURI><extURI>` + nsRGP + `</extURI><extURI>` + nsSecure + `</extURI><extURI>urn:y</extURI></svcExtension></svcMenu></greeting>`)
	for err == nil {
		var header [4]byte
		if _, err = io.ReadFull(conn, header[:]); err != nil {
			return
		}
		doc := make([]byte, binary.BigEndian.Uint32(header[:])-4)
		if _, err = io.ReadFull(conn, doc); err == nil {
			err = send(answer(doc))
		}
	}
}

func result(code int) string {
	return fmt.Sprintf(`<response><result code="%d"><msg>x</msg></result><trID><svTRID>abc</svTRID></trID></response>`, code)
}

// outcomes runs all cases against a fake server, and returns the cases' results by id.
func outcomes(t *testing.T, answer func(command []byte) string) map[string]Result {
	t.Helper()
	in, _ := fakeServer(t, answer)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := map[string]Result{}
	for _, c := range Cases() {
		if c.ID == "epp-19" || c.ID == "epp-20" || c.ID[:4] == "srsg" {
			continue // they wait for what never comes
		}
		r, err := NewRunner(ctx, Options{Input: in, Cases: []string{c.ID}, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all[c.ID] = report.Cases[0]
		if report.Passed != (report.Cases[0].Outcome != Failed) {
			t.Errorf("%s: passed is %v", c.ID, report.Passed)
		}
	}
	return all
}

func codes(r Result) (all []string) {
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

// Who says yes to everything fails every case but the one that compares its addresses, for the right reasons.
func TestAServerThatAcceptsEverythingFails(t *testing.T) {
	t.Parallel()
	for id, r := range outcomes(t, func(doc []byte) string {
		if bytes.Contains(doc, []byte("<logout/>")) {
			return result(1500)
		}
		return result(1000)
	}) {
		want := map[string][]string{
			"epp-01": {"EPP_TLS_FORBIDDEN_PROTOCOL_SUPPORTED"},
			"epp-02": {"EPP_GREETING_SVID_INVALID", "EPP_GREETING_SVDATE_INVALID", "EPP_GREETING_VERSION_INVALID", "EPP_GREETING_MISSING_EN_LANG", "EPP_GREETING_MISSING_OBJURI", "EPP_GREETING_UNEXPECTED_OBJURI", "EPP_GREETING_UNEXPECTED_EXTURI", "EPP_GREETING_RECOMMENDED_EXTENSION_MISSING"},
			"epp-03": {"EPP_LOGIN_UNEXPECTEDLY_SUCCEEDED"},
			"epp-04": {"EPP_DOMAIN_CHECK_VALID_DOMAIN_INCORRECT_AVAIL", "EPP_DOMAIN_CHECK_REGISTERED_DOMAIN_INCORRECT_AVAIL", "EPP_DOMAIN_CHECK_INVALID_DOMAIN_INCORRECT_AVAIL"},
			"epp-05": {"EPP_HOST_CHECK_VALID_HOST_INCORRECT_AVAIL"},
			"epp-06": {"EPP_CONTACT_CHECK_VALID_CONTACT_ID_INCORRECT_AVAIL"},
			"epp-07": {contactAccepts + "INVALID_CC", contactAccepts + "EMPTY_VOICE", "EPP_CONTACT_CREATE_INFO_RESPONSE_NOT_1000"},
			"epp-08": {"EPP_CONTACT_INFO_RESPONSE_NOT_REJECTED", "EPP_CONTACT_UPDATE_RESPONSE_NOT_REJECTED"},
			"epp-09": {contactTakes + "INVALID_STATUS_CODE", wrongSuccess},
			"epp-10": {"EPP_CONTACT_DELETE_OBJECT_STILL_EXISTS"},
			"epp-11": {hostAccepts + "HOSTNAME", hostAccepts + "IPV4_ADDRESS", hostAccepts + "IPv6_ADDRESS", "EPP_HOST_CREATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES"},
			"epp-12": {"EPP_HOST_UPDATE_AUTHZ_ERROR"},
			"epp-13": {hostTakes + "STATUS_CODE", hostTakes + "IPV4_ADDRESS", "EPP_HOST_UPDATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES"},
			"epp-14": {badName, badPeriod, badDNSSEC, domainAccepts + "NON_EXISTENT_REGISTRANT", "EPP_DOMAIN_CREATE_SERVER_INCORRECTLY_ACCEPTS_HOST_ATTRIBUTES"},
			"epp-15": {"EPP_INTEGRITY_SERVER_ACCEPTS_DELETE_FOR_LINKED_CONTACT_OBJECT", "EPP_INTEGRITY_SERVER_ACCEPTS_DELETE_FOR_LINKED_HOST_OBJECT"},
			"epp-16": {domainTakes + "INVALID_STATUS_CODE", "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_HOST_OBJECT", "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_DNSSEC_DATA", badUpdate, "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_REGISTRANT", wrongSuccess},
			"epp-17": nil,
			"epp-18": {"EPP_RENEW_INFO_RESPONSE_UNEXPECTED_EXPIRY_DATE"},
			"epp-21": {"EPP_DOMAIN_DELETE_INFO_RESPONSE_OBJECT_STILL_EXISTS"},
			"epp-22": {"EPP_RENEW_INFO_RESPONSE_UNEXPECTED_EXPIRY_DATE"},
			"epp-23": {"EPP_HOST_RENAME_SERVER_ACCEPTS_INVALID_HOSTNAME", "EPP_HOST_RENAME_OBJECT_NOT_RENAMED", "EPP_HOST_RENAME_SERVER_ACCEPTS_RENAME_TO_NONEXISTENT_DOMAIN", "EPP_HOST_RENAME_SERVER_ACCEPTS_RENAME_TO_ANOTHER_REGISTRARS_DOMAIN", "EPP_HOST_RENAME_SERVER_INCORRECTLY_ACCEPTS_RENAME"},
			"epp-24": {"EPP_HOST_DELETE_INFO_RESPONSE_OBJECT_STILL_EXISTS"},
			"epp-25": {"EPP_UNEXPECTED_HOST_CREATE_SUCCESS", "EPP_HOST_CREATE_INCORRECT_CLID"},
			"epp-26": {"EPP_SERVER_ACCEPTS_INTERNAL_HOST_WITH_GLUE"},
			"epp-27": {"EPP_SERVER_ALLOWS_DELEGATION_TO_GLUELESS_HOST"},
		}[id]
		for _, code := range want {
			if !slices.Contains(codes(r), code) {
				t.Errorf("%s: no %s among %q", id, code, codes(r))
			}
		}
		if (r.Outcome == Failed) != (want != nil) {
			t.Errorf("%s: %s", id, r.Outcome)
		}
	}
}

// Who says no to everything, or that nothing works, fails as well.
func TestAServerThatRefusesEverythingFails(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{2306: wrongFailure, 2400: genericError} {
		for id, r := range outcomes(t, func(doc []byte) string {
			switch {
			case bytes.Contains(doc, []byte("<login>")):
				return result(1000)
			case bytes.Contains(doc, []byte("<logout/>")):
				return result(1500)
			}
			return result(code)
		}) {
			if r.Outcome != Failed {
				t.Errorf("%d, %s: %s", code, id, r.Outcome)
			}
			if id > "epp-06" && !slices.Contains(codes(r), want) && id != "epp-07" {
				t.Errorf("%d, %s: no %s among %q", code, id, want, codes(r))
			}
		}
	}
}

// A login that fails is critical: nothing is run after it.
func TestNothingIsRunAfterACriticalFinding(t *testing.T) {
	t.Parallel()
	in, _ := fakeServer(t, func([]byte) string { return result(2200) })
	r, err := NewRunner(t.Context(), Options{Input: in, Cases: []string{"epp-04", "epp-05"}})
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := report.Cases[0], report.Cases[1]; report.Passed || a.Outcome != Failed || codes(a)[0] != loginError || b.Outcome != NotRun {
		t.Errorf("%+v", report)
	}
	in.Addresses = []string{"127.0.0.1:1"}
	if r, err = NewRunner(t.Context(), Options{Input: in, Cases: []string{"epp-01"}}); err != nil {
		t.Fatal(err)
	}
	if report, err = r.Run(t.Context()); err != nil || !slices.Equal(codes(report.Cases[0]), []string{unreachable, allUnreachable}) {
		t.Errorf("%v, %+v", err, report)
	}
}

// What isn't valid is found, and what is isn't.
func TestAnswersAreValidated(t *testing.T) {
	t.Parallel()
	schema := shared(t, "schemas", "all.xsd")
	valid := Frame{"answer", `<epp xmlns="` + nsEPP + `">` + result(1000) + `</epp>`}
	invalid := Frame{"answer", `<epp xmlns="` + nsEPP + `">` + result(1) + `</epp>`}
	for _, c := range []struct {
		frames []Frame
		want   int
	}{{[]Frame{valid}, 0}, {[]Frame{valid, invalid, invalid}, 1}} {
		found, err := Validate(t.Context(), schema, c.frames)
		if err != nil {
			t.Skip(err)
		}
		if len(found) != c.want {
			t.Errorf("%d frames: %v", len(c.frames), found)
		}
	}
}
