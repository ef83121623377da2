package rdap_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The rules of the February 2024 profile, as ICANN's conformance tool checks them; its codes are named where
// there are any.

// profile checks an answer. asked is the request's URL.
func profile(t *testing.T, body []byte, asked string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("-13001: %v in %s", err, body)
	}
	if strings.Contains(string(body), "<script") {
		t.Error("the answer has a script")
	}
	conformance(t, doc)
	everyObject(t, doc, asked)
	notice(t, doc, asked, "", "terms-of-service", "")
	switch doc["objectClassName"] {
	case "domain":
		domainProfile(t, doc, asked)
	case "nameserver":
		nameserverProfile(t, doc)
	case "entity":
		registrarProfile(t, doc)
	case nil: // help
	default:
		t.Errorf("-13003: an object of class %v", doc["objectClassName"])
	}
	return doc
}

func conformance(t *testing.T, doc map[string]any) {
	t.Helper()
	levels := texts(doc["rdapConformance"])
	for _, want := range []string{"rdap_level_0", "icann_rdap_response_profile_1", "icann_rdap_technical_implementation_guide_1"} {
		if !slices.Contains(levels, want) {
			t.Errorf("-10503, -61000, -62000: %s is missing from %v", want, levels)
		}
	}
	for _, l := range levels {
		if strings.HasSuffix(l, "guide_0") || strings.HasSuffix(l, "profile_0") {
			t.Errorf("-61001, -62006: %s is obsolete", l)
		}
	}
	if _, used := doc["redacted"]; used && !slices.Contains(levels, "redacted") {
		t.Error("-62001: redacted is used without saying so")
	}
}

var roid = regexp.MustCompile(`^(\w|_){1,80}-\w{1,8}$`)

// everyObject checks what holds for all objects, however deep.
func everyObject(t *testing.T, node any, asked string) {
	t.Helper()
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			everyObject(t, child, asked)
		}
		if len(n) == 2 && n[0] == "vcard" {
			card(t, n[1].([]any))
		}
	case map[string]any:
		for _, l := range list(n["links"]) {
			link := l.(map[string]any)
			for _, key := range []string{"value", "rel", "href"} {
				if text, _ := link[key].(string); text == "" {
					t.Errorf("-10612, -10613: a link without %s: %v", key, link)
				}
			}
			for _, key := range []string{"value", "href"} {
				if u, err := url.Parse(link[key].(string)); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
					t.Errorf("-10400: the %s of %v is no web URL", key, link)
				}
			}
			if link["rel"] != "about" && link["value"] != asked {
				t.Errorf("a link leads away from %v, not from %s", link["value"], asked)
			}
		}
		var actions []string
		for _, e := range list(n["events"]) {
			event := e.(map[string]any)
			actions = append(actions, event["eventAction"].(string))
			if _, err := time.Parse(time.RFC3339, event["eventDate"].(string)); err != nil {
				t.Errorf("-10907: %v", err)
			}
		}
		once(t, "-10912", actions)
		once(t, "-11003", texts(n["status"]))
		for _, child := range n {
			everyObject(t, child, asked)
		}
	}
}

// card checks the properties of a jCard.
func card(t *testing.T, properties []any) {
	t.Helper()
	names := make(map[string]int)
	for i, p := range properties {
		property := p.([]any)
		name := property[0].(string)
		names[name]++
		parameters := property[1].(map[string]any)
		switch name {
		case "version":
			if i != 0 || property[3] != "4.0" {
				t.Errorf("-12305: version is %v, at %d", property, i)
			}
		case "adr":
			adr := property[3].([]any)
			if len(adr) != 7 || adr[6] != "" {
				t.Errorf("-62100: the country's name is not empty in %v", adr)
			}
			if cc, _ := parameters["cc"].(string); len(cc) != 2 || cc != strings.ToUpper(cc) {
				t.Errorf("-62101: no country code in %v", parameters)
			}
		case "tel":
			if kind := parameters["type"]; kind != "voice" && kind != "fax" {
				t.Errorf("-20900: a telephone of type %v", kind)
			}
			if uri, _ := property[3].(string); property[2] != "uri" || !strings.HasPrefix(uri, "tel:+") {
				t.Errorf("a telephone number that is none: %v", property)
			}
		}
	}
	if names["version"] != 1 || names["fn"] != 1 {
		t.Errorf("-12305: version and fn must be there once: %v", names)
	}
	if names["email"] > 0 && names["contact-uri"] > 0 {
		t.Error("-64100, -65200: both email and contact-uri")
	}
}

func domainProfile(t *testing.T, doc map[string]any, asked string) {
	t.Helper()
	if name, _ := doc["ldhName"].(string); name == "" || name != strings.ToLower(name) {
		t.Errorf("-46100: ldhName is %q", name)
	}
	if handle, _ := doc["handle"].(string); !roid.MatchString(handle) {
		t.Errorf("-46200: the handle is %q", handle)
	}
	states := texts(doc["status"])
	if len(states) == 0 {
		t.Error("-47100: no status")
	}
	if slices.Contains(states, "active") && slices.ContainsFunc(states, func(s string) bool {
		return s != "active" && !strings.HasSuffix(s, " period")
	}) {
		t.Errorf("-46900: %v", states)
	}
	for _, action := range []string{"registration", "expiration", "last update of RDAP database"} {
		if !slices.ContainsFunc(list(doc["events"]), func(e any) bool { return e.(map[string]any)["eventAction"] == action }) {
			t.Errorf("-46300, -46400: no event %s", action)
		}
	}
	secured := doc["secureDNS"].(map[string]any)
	if signed, ok := secured["delegationSigned"].(bool); !ok || signed != (len(list(secured["dsData"])) > 0) || signed != strings.HasPrefix(doc["ldhName"].(string), "signed.") {
		t.Errorf("-46800: secureDNS says nothing, or what isn't so: %v", secured)
	}
	for _, r := range list(secured["dsData"]) {
		ds := r.(map[string]any)
		if digest, _ := ds["digest"].(string); ds["keyTag"] == nil || ds["algorithm"] == nil || ds["digestType"] == nil || len(digest) < 64 {
			t.Errorf("-46800: %v", ds)
		}
	}
	notice(t, doc, asked, "Status Codes", "glossary", "https://icann.org/epp")
	notice(t, doc, asked, "RDDS Inaccuracy Complaint Form", "help", "https://icann.org/wicf")
	for _, n := range list(doc["nameservers"]) {
		ns := n.(map[string]any)
		if ns["ldhName"] == "" || (ns["handle"] == nil) != (ns["status"] == nil) {
			t.Errorf("-47200, -47203: %v", ns)
		}
		if handle, object := ns["handle"].(string); object && !roid.MatchString(handle) {
			t.Errorf("-47201: %q", handle)
		}
	}
	sponsor := role(t, doc, "registrar")
	if sponsor == nil {
		t.Fatal("-47300: no registrar")
	}
	publicID(t, sponsor)
	if sponsor["publicIds"] != nil { // our second registrar has told us nothing of itself
		abuse := role(t, sponsor, "abuse")
		if abuse == nil || property(abuse, "tel") == nil || property(abuse, "email") == nil {
			t.Error("-47500: no abuse contact with telephone and e-mail")
		}
		var about, related map[string]any
		for _, l := range list(sponsor["links"]) {
			if l.(map[string]any)["rel"] == "about" {
				about = l.(map[string]any)
			}
		}
		if about == nil || !strings.HasPrefix(about["value"].(string), "https://") {
			t.Errorf("-47700, -47702: the registrar's base URL is in %v", about)
		}
		for _, l := range list(doc["links"]) {
			if l.(map[string]any)["rel"] == "related" {
				related = l.(map[string]any)
			}
		}
		if related == nil || !strings.HasSuffix(related["href"].(string), "/domain/"+doc["ldhName"].(string)) {
			t.Errorf("-23200, -23202: the domain at the registrar is %v", related)
		}
	}
	for _, e := range list(doc["entities"]) {
		roles := texts(e.(map[string]any)["roles"])
		if len(roles) != 1 || !slices.Contains([]string{"registrar", "registrant", "technical"}, roles[0]) {
			t.Errorf("-47600: an entity in the roles %v", roles)
		}
	}
	redactions(t, doc)
	contactProfile(t, doc, "registrant", "Registrant", true)
	contactProfile(t, doc, "technical", "Tech", false)
}

// contactProfile holds what is shown of a contact against what is said to be redacted.
func contactProfile(t *testing.T, doc map[string]any, in, title string, postal bool) {
	t.Helper()
	contact := role(t, doc, in)
	if contact == nil {
		return
	}
	redacted := func(field string) bool { return redaction(doc, title+" "+field) != nil }
	if (contact["handle"] == nil) != (redaction(doc, "Registry "+title+" ID") != nil) {
		t.Errorf("-63102, -63106, -65702, -65703: the %s's handle is %v", in, contact["handle"])
	}
	if (property(contact, "fn")[3] == "") != redacted("Name") {
		t.Errorf("-63201, -63205, -65001: the %s's name is %v", in, property(contact, "fn"))
	}
	if (telephone(contact, "voice") == "") != redacted("Phone") {
		t.Errorf("-63700, -63704, -65100: the %s's telephone is %q", in, telephone(contact, "voice"))
	}
	if (property(contact, "email") == nil) != redacted("Email") {
		t.Errorf("-64108, -65400, -65404, -65503: the %s's e-mail is %v", in, property(contact, "email"))
	}
	if (property(contact, "contact-uri") != nil) != redacted("Email") {
		t.Errorf("-64101, -65201: the %s can be reached by %v", in, property(contact, "contact-uri"))
	}
	if postal {
		adr := property(contact, "adr")[3].([]any)
		for i, field := range map[int]string{2: "Street", 3: "City", 5: "Postal Code"} {
			if (adr[i] == "") != redacted(field) {
				t.Errorf("-6340x to -6360x: the %s's %s is %v", in, field, adr[i])
			}
		}
		if property(contact, "org") != nil && redacted("Organization") {
			t.Errorf("-63304: the %s's organization is there", in)
		}
	}
}

// redactions checks that each says the truth about its path, by its method.
func redactions(t *testing.T, doc map[string]any) {
	t.Helper()
	var names []string
	for _, r := range list(doc["redacted"]) {
		redaction := r.(map[string]any)
		name := redaction["name"].(map[string]any)
		if (name["type"] == nil) == (name["description"] == nil) {
			t.Errorf("-62003: the name of %v", redaction)
		}
		for _, text := range name {
			names = append(names, text.(string))
		}
		if redaction["pathLang"] != "jsonpath" {
			t.Errorf("the path's language of %v", redaction)
		}
		method, _ := redaction["method"].(string)
		paths := map[string]string{"removal": "prePath", "": "prePath", "emptyValue": "postPath"}
		path, _ := redaction[paths[method]].(string)
		found, err := evaluate(doc, path)
		if err != nil {
			t.Errorf("-63103 and its like: %v in %v", err, redaction)
		}
		switch {
		case paths[method] == "":
			t.Errorf("an unknown method: %v", redaction)
		case paths[method] == "prePath" && len(found) != 0:
			t.Errorf("-63104 and its like: what %v removed is %v", name, found)
		case method == "emptyValue" && (len(found) != 1 || found[0] != ""):
			t.Errorf("-63203 and its like: what %v emptied is %v", name, found)
		}
	}
	once(t, "redactions", names)
}

func nameserverProfile(t *testing.T, doc map[string]any) {
	t.Helper()
	if handle, _ := doc["handle"].(string); !roid.MatchString(handle) {
		t.Errorf("-49102: %q", handle)
	}
	sponsor := role(t, doc, "registrar")
	if sponsor == nil {
		t.Fatal("no registrar")
	}
	publicID(t, sponsor)
	if !strings.Contains(stringOf(doc["events"]), "last update of RDAP database") {
		t.Error("the answer does not say how old it is")
	}
}

func registrarProfile(t *testing.T, doc map[string]any) {
	t.Helper()
	if !slices.Equal(texts(doc["roles"]), []string{"registrar"}) {
		t.Errorf("-60100: %v", doc["roles"])
	}
	publicID(t, doc)
	if doc["publicIds"] != nil {
		for _, name := range []string{"fn", "adr", "tel", "email"} {
			if property(doc, name) == nil {
				t.Errorf("-60101: the registrar has no %s", name)
			}
		}
	}
	if !strings.Contains(stringOf(doc["events"]), "last update of RDAP database") {
		t.Error("the answer does not say how old it is")
	}
}

// publicID checks a registrar's handle: it is the IANA id, or there is none.
func publicID(t *testing.T, registrar map[string]any) {
	t.Helper()
	ids := list(registrar["publicIds"])
	switch {
	case len(ids) == 0 && registrar["handle"] == "reg2":
	case len(ids) == 1 && ids[0].(map[string]any)["type"] == "IANA Registrar ID" && ids[0].(map[string]any)["identifier"] == registrar["handle"]:
	default:
		t.Errorf("-47301, -49203: handle %v, public ids %v", registrar["handle"], ids)
	}
}

// notice checks that there is a notice with this title, if any, and a link of a relation.
func notice(t *testing.T, doc map[string]any, asked, title, rel, href string) {
	t.Helper()
	for _, n := range list(doc["notices"]) {
		notice := n.(map[string]any)
		if len(texts(notice["description"])) == 0 {
			t.Errorf("-10707: a notice without description: %v", notice)
		}
		for _, l := range list(notice["links"]) {
			link := l.(map[string]any)
			if (title == "" || notice["title"] == title) && link["rel"] == rel && (href == "" || link["href"] == href) && link["value"] == asked {
				return
			}
		}
	}
	t.Errorf("-46601 to -46706, -61200 to -61202: no notice %q with a link %s", title, rel)
}

func redaction(doc map[string]any, name string) map[string]any {
	for _, r := range list(doc["redacted"]) {
		if r.(map[string]any)["name"].(map[string]any)["type"] == name {
			return r.(map[string]any)
		}
	}
	return nil
}

// role finds the entity in a role, of which there may be one.
func role(t *testing.T, object map[string]any, role string) (found map[string]any) {
	t.Helper()
	for _, e := range list(object["entities"]) {
		if entity := e.(map[string]any); slices.Contains(texts(entity["roles"]), role) {
			if found != nil {
				t.Errorf("-47300: two entities in the role %s", role)
			}
			found = entity
		}
	}
	return found
}

func property(entity map[string]any, name string) []any {
	for _, p := range entity["vcardArray"].([]any)[1].([]any) {
		if p.([]any)[0] == name {
			return p.([]any)
		}
	}
	return nil
}

func telephone(entity map[string]any, kind string) string {
	for _, p := range entity["vcardArray"].([]any)[1].([]any) {
		if p := p.([]any); p[0] == "tel" && p[1].(map[string]any)["type"] == kind {
			return p[3].(string)
		}
	}
	return ""
}

func once(t *testing.T, rule string, all []string) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(all))
	if len(slices.Compact(slices.Clone(sorted))) != len(sorted) {
		t.Errorf("%s: something is there twice: %v", rule, all)
	}
}

func list(node any) []any {
	all, _ := node.([]any)
	return all
}

func texts(node any) (all []string) {
	for _, n := range list(node) {
		all = append(all, n.(string))
	}
	return all
}

func stringOf(node any) string {
	text, err := json.Marshal(node)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
