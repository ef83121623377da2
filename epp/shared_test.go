package epp

import (
	"encoding/csv"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
)

// frameCodes is what each of the shared request frames is answered with, in
// the state that TestSharedFrames makes.
var frameCodes = map[string]int{
	"domain_check.xml":                                                1000,
	"domain_check_allocationtoken.xml":                                2103,
	"domain_check_claims.xml":                                         2103,
	"domain_check_fee_multiple_commands_stdv1.xml":                    2103,
	"domain_check_fee_stdv1.xml":                                      2103,
	"domain_create_11_years.xml":                                      2004,
	"domain_create_13_nameservers.xml":                                1000,
	"domain_create_14_nameservers.xml":                                2306,
	"domain_create_bad_checksum_claim_notice.xml":                     2103,
	"domain_create_claim_notice.xml":                                  2103,
	"domain_create_code_with_mark.xml":                                2103,
	"domain_create_dsdata_8_records.xml":                              2303, // its hosts are below itself; with others: TestSecDNSFrames
	"domain_create_dsdata_9_records.xml":                              2306,
	"domain_create_dsdata_bad_algorithms.xml":                         2004,
	"domain_create_dsdata_bad_digest_types.xml":                       2004,
	"domain_create_missing_period.xml":                                1000,
	"domain_create_months.xml":                                        2306,
	"domain_create_registration_start_date_sunrise_claims_notice.xml": 2103,
	"domain_delete.xml":                                               1000,
	"domain_info.xml":                                                 1000,
	"domain_info_delegated_hosts.xml":                                 1000,
	"domain_info_with_auth.xml":                                       1000,
	"domain_renew_11_years.xml":                                       2306, // the date; the years would come after
	"domain_renew_missing_period.xml":                                 2306,
	"domain_renew_months.xml":                                         2306,
	"domain_transfer_approve.xml":                                     2301,
	"domain_transfer_cancel.xml":                                      2301,
	"domain_transfer_query.xml":                                       2301,
	"domain_transfer_reject.xml":                                      2301,
	"domain_transfer_request.xml":                                     2202, // fooBAR is not 2fooBAR
	"domain_update.xml":                                               2303, // hosts of a TLD that isn't there
	"domain_update_authinfo.xml":                                      2303,
	"domain_update_dsdata_add_rem.xml":                                2306,
	"domain_update_dsdata_rem_all.xml":                                1000,
	"domain_update_dsdata_urgent.xml":                                 2306,
	"domain_update_max_everything.xml":                                2005, // max_test_13: an underscore
	"domain_update_maxsiglife.xml":                                    1000,
	"domain_update_prohibited_status.xml":                             2306,
	"domain_update_restore_report.xml":                                2103,
	"domain_update_restore_request.xml":                               2103,
	"domain_update_restore_request_with_add.xml":                      2103,
	"hello.xml":                  0, // a greeting
	"host_check.xml":             1000,
	"host_update_add_status.xml": 2303,
	"host_update_rename_and_remove_addresses.xml": 2005, // %oldName% is no name
	"host_update_rename_only.xml":                 2005,
	"login_valid.xml":                             1000,
	"logout.xml":                                  1500,
	"poll.xml":                                    1300,
	"own/addlemail.xml":                           2103,
	"own/bdn-create.xml":                          2103,
	"own/create-alloctoken.xml":                   2103,
	"own/create-fee.xml":                          2103,
	"own/create-idn.xml":                          2103,
	"own/create-orgext.xml":                       2103,
	"own/create-ttl.xml":                          2103,
	"own/host-create.xml":                         2303, // no such superordinate domain
	"own/keyrelay-create.xml":                     2307,
	"own/login-loginsec.xml":                      2103,
	"own/maint-info-list.xml":                     2307,
	"own/org-check.xml":                           2307,
	"own/rgp-report.xml":                          2103,
}

// notRequests are the shared frames that a server sends.
var notRequests = []string{"own/greeting.xml", "own/poll-ack.xml", "own/poll-changepoll.xml"}

func TestSharedFrames(t *testing.T) {
	t.Parallel()
	dir := needFile(t, shared("data", "epp-frames"))
	s := newServer(t, nil)
	var names []string
	for _, pattern := range []string{"*.xml", "own/*.xml"} {
		for _, name := range must(filepath.Glob(filepath.Join(dir, pattern))) {
			name = filepath.ToSlash(must(filepath.Rel(dir, name)))
			if !strings.Contains(name, "response") && !slices.Contains(notRequests, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) != len(frameCodes) {
		t.Errorf("%d frames, %d of them known here", len(names), len(frameCodes))
	}
	// Each gets a session of its own, and one after the other a name that is as it wants it.
	setup := s.login(t, "reg1")
	for i := 1; i <= 14; i++ {
		must(setup.CreateHost(soon(t), fmt.Sprintf("ns%d.example.net", i)))
	}
	const contested = "example.tld"
	exists := false
	for _, name := range names {
		want, known := frameCodes[name]
		if !known {
			t.Errorf("%s: not known here", name)
			continue
		}
		creates := strings.HasPrefix(name, "domain_create")
		if creates && exists {
			must(setup.DeleteDomain(soon(t), contested))
		} else if !creates && !exists {
			must(setup.CreateDomain(soon(t), client.DomainCreate{Name: contested, AuthInfo: "2fooBAR"}))
		}
		exists = !creates
		var c *client.Client
		switch {
		case name == "login_valid.xml":
			c = s.dial(t, "NewRegistrar")
		case strings.HasPrefix(name, "own/login"):
			c = s.dial(t, "reg1")
		default:
			c = s.login(t, "reg1")
		}
		doc := must(os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))))
		answer, err := c.Raw(soon(t), doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := client.Code(answer); got != want {
			t.Errorf("%s: %d; want %d\n%s", name, got, want, answer)
		}
		switch {
		case name == "domain_delete.xml":
			exists = false
		case creates && want == 1000:
			exists = true
		}
	}
}

// rows reads one of ICANN's data providers: maps by column.
func rows(t *testing.T, file string) (all []map[string]string) {
	t.Helper()
	f := must(os.Open(needFile(t, shared("data", "rst-data-providers", file))))
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records[1:] {
		row := map[string]string{}
		for i, v := range rec {
			row[records[0][i]] = v
		}
		all = append(all, row)
	}
	if len(all) < 10 {
		t.Fatalf("%s has only %d rows", file, len(all))
	}
	return all
}

// fill puts a value in the place of a data provider's token.
func fill(token, auto string) string {
	var n int
	switch {
	case token == "{AUTO}":
		return auto
	case token == "{EMPTY}":
		return ""
	case strings.HasPrefix(token, "{RANDCHARS("):
		if _, err := fmt.Sscanf(token, "{RANDCHARS(%d)", &n); err != nil {
			panic(err)
		}
		return strings.Repeat("x", n) + strings.TrimSuffix(strings.SplitN(token, ")", 2)[1], "}")
	case strings.Contains(token, "RANDCHARS(65)"):
		return strings.Repeat("x", 65) + "@example.com"
	}
	return token
}

// ICANN's rows for contact:create, RST case epp-07.
func TestRSTContactCreate(t *testing.T) {
	t.Parallel()
	all := rows(t, "epp-07-data.csv")
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	for i, row := range all {
		id := fmt.Sprintf("rst07-%d", i)
		doc := commandDoc(`<create><contact:create xmlns:contact="` + nsContact + `"><contact:id>` + fill(row["id"], id) + `</contact:id>` +
			`<contact:postalInfo type="` + fill(row["postalInfoType"], "int") + `"><contact:name>` + fill(row["name"], "Jo Doe") + `</contact:name>` +
			`<contact:org>` + fill(row["org"], "Org") + `</contact:org><contact:addr><contact:street>` + fill(row["street1"], "Street 1") + `</contact:street>` +
			`<contact:city>` + fill(row["city"], "City") + `</contact:city><contact:sp>` + fill(row["sp"], "SP") + `</contact:sp><contact:pc>` + fill(row["pc"], "12345") + `</contact:pc>` +
			`<contact:cc>` + fill(row["cc"], "GB") + `</contact:cc></contact:addr></contact:postalInfo>` +
			`<contact:voice x="` + fill(row["voiceExt"], "1") + `">` + fill(row["voice"], "+44.123456") + `</contact:voice>` +
			`<contact:fax x="` + fill(row["faxExt"], "2") + `">` + fill(row["fax"], "+44.123457") + `</contact:fax>` +
			`<contact:email>` + fill(row["email"], "jo@example.com") + `</contact:email><contact:authInfo><contact:pw>` + fill(row["authInfo"], "s3cret") + `</contact:pw></contact:authInfo>` +
			`</contact:create></create>`)
		judge(t, i, row, send(t, c, doc))
	}
}

// judge holds a reply against what a row expects.
func judge(t *testing.T, i int, row map[string]string, r *client.Reply) {
	t.Helper()
	if passed := r.Code < 2000; passed != (row["passOrFail"] == "pass") || r.Code >= 2400 {
		t.Errorf("row %d %v: %d, %v", i+2, row, r.Code, r.Err())
	}
}

// ICANN's rows for host:create, RST case epp-11.
func TestRSTHostCreate(t *testing.T) {
	t.Parallel()
	all := rows(t, "epp-11-data.csv")
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	var name, parent string
	for i, row := range all {
		if row["name"] != "{PREVIOUS}" {
			first, _, _ := strings.Cut(strings.TrimPrefix(row["name"], `{"`), ".")
			parent = fmt.Sprintf("rst11-%d.tld", i)
			if strings.Contains(row["name"], "icann") {
				parent = fmt.Sprintf("rst11-%d.icann", i)
			}
			name = first + ".epp-11.rst." + parent
			if strings.Contains(row["name"], "$TLD") {
				name = first + "." + parent
			}
		}
		if row["createParentFirst"] == "true" {
			if all := must(c.CheckDomains(soon(t), parent)); all[0].Available {
				must(c.CreateDomain(soon(t), client.DomainCreate{Name: parent}))
			}
		}
		addr := ""
		if row["ip"] != "{EMPTY}" {
			addr = `<host:addr ip="` + row["ip"] + `">` + fill(row["addr"], "") + `</host:addr>`
		}
		judge(t, i, row, send(t, c, commandDoc(`<create><host:create xmlns:host="`+nsHost+`"><host:name>`+name+`</host:name>`+addr+`</host:create></create>`)))
	}
}

// ICANN's rows for domain:create, RST case epp-14: those about names, periods
// and contacts. Name servers are host objects here, and secDNS is not offered yet.
func TestRSTDomainCreate(t *testing.T) {
	t.Parallel()
	all := rows(t, "epp-14-data.csv")
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateContact(soon(t), person("auto")))
	must(c.CreateHost(soon(t), "ns1.epp-14.rst.icann"))
	must(c.CreateHost(soon(t), "ns2.epp-14.rst.icann"))
	tried := 0
	for i, row := range all {
		if strings.Contains(row["errorCode"], "DNSSEC") || row["hostModel"] == "attributes" {
			continue
		}
		tried++
		label := fmt.Sprintf("rst14-%d", i)
		switch n := row["name"]; {
		case strings.Contains(n, "RANDCHARS(64)"):
			label = strings.Repeat("x", 64)
		case strings.Contains(n, `"xn--"`):
			label = "xn--" + strings.Repeat("z", 59)
		case strings.Contains(n, `"xx--"`):
			label = "xx--abc"
		}
		tld := "example"
		if row["dataModel"] == "minimum" {
			tld = "tld"
		}
		registrant := fill(row["registrant"], "auto")
		if registrant != "" {
			registrant = `<domain:registrant>` + registrant + `</domain:registrant>`
		}
		ns := ""
		for _, h := range []string{fill(row["ns1"], ""), fill(row["ns2"], "")} {
			if h != "" {
				ns += `<domain:hostObj>` + h + `</domain:hostObj>`
			}
		}
		if ns != "" {
			ns = `<domain:ns>` + ns + `</domain:ns>`
		}
		judge(t, i, row, send(t, c, commandDoc(`<create><domain:create xmlns:domain="`+nsDomain+`"><domain:name>`+label+`.`+tld+`</domain:name>`+
			`<domain:period unit="`+row["periodUnit"]+`">`+row["period"]+`</domain:period>`+ns+registrant+
			`<domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`)))
	}
	if tried < 10 {
		t.Errorf("only %d rows tried", tried)
	}
}

// A delegation below the domain that is created must not need glue that isn't there: RST cases epp-25 to 27 begin with this.
func TestGluelessInternalHost(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "glue.tld"}))
	_, err := other.CreateHost(soon(t), "ns1.glue.tld", netip.MustParseAddr("192.0.2.1"))
	wantCode(t, "by another registrar, with an address", err, 2201)
	_, err = other.CreateHost(soon(t), "ns1.glue.tld")
	wantCode(t, "by another registrar, without", err, 2201)
	_, err = c.CreateHost(soon(t), "ns1.glue.tld")
	wantCode(t, "by the sponsor, without", err, 2003)
}
