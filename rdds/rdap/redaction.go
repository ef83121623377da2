package rdap

import "quorate/rdds"

// The methods of RFC 9537 §3. Removal is also what an absent method means.
const (
	removal    = "removal"
	emptyValue = "emptyValue"
)

// serverPolicy is why anything is redacted: rdds.Publish is the policy.
var serverPolicy = Reason{"Server policy"}

// contactRole is a role in which a domain's contact is published.
type contactRole struct {
	role   string // RFC 9083 §10.2.4
	title  string // as in the registered names of redacted fields
	postal bool   // with organization, address and fax
}

// The profile publishes a technical contact by name, telephone and e-mail alone.
var (
	registrantRole = contactRole{"registrant", "Registrant", true}
	technicalRole  = contactRole{"technical", "Tech", false}
)

// redactions are what the answer must say about the fields that are withheld from the contact in this role.
// Whether there was anything to withhold does not show: what is withheld from one is listed for all.
func (r contactRole) redactions(withheld rdds.Fields) (all []Redaction) {
	entity := "$.entities[?(@.roles[0]=='" + r.role + "')]"
	card := entity + ".vcardArray[1]"
	add := func(field string, redaction Redaction) {
		redaction.Name.Type = r.title + " " + field
		redaction.PathLang, redaction.Reason = "jsonpath", serverPolicy
		all = append(all, redaction)
	}
	all = append(all, Redaction{
		Name: RedactionName{Type: "Registry " + r.title + " ID"}, PrePath: entity + ".handle",
		PathLang: "jsonpath", Method: removal, Reason: serverPolicy,
	})
	if withheld.Has(rdds.Name) {
		add("Name", Redaction{PostPath: card + "[?(@[0]=='fn')][3]", Method: emptyValue})
	}
	if r.postal && withheld.Has(rdds.Organization) {
		add("Organization", Redaction{PrePath: card + "[?(@[0]=='org')]", Method: removal})
	}
	if r.postal && withheld.Has(rdds.Address) {
		add("Street", Redaction{PostPath: card + "[?(@[0]=='adr')][3][2]", Method: emptyValue})
		add("City", Redaction{PostPath: card + "[?(@[0]=='adr')][3][3]", Method: emptyValue})
		add("Postal Code", Redaction{PostPath: card + "[?(@[0]=='adr')][3][5]", Method: emptyValue})
	}
	if withheld.Has(rdds.Voice) {
		add("Phone", Redaction{PrePath: card + "[?(@[1].type=='voice')]", Method: removal})
		add("Phone Ext", Redaction{PrePath: card + "[?(@[1].type=='voice')]", Method: removal})
	}
	if r.postal && withheld.Has(rdds.Fax) {
		add("Fax", Redaction{PrePath: card + "[?(@[1].type=='fax')]", Method: removal})
		add("Fax Ext", Redaction{PrePath: card + "[?(@[1].type=='fax')]", Method: removal})
	}
	if withheld.Has(rdds.Email) {
		// The method stays out, which means removal. ICANN's conformance tool holds the field against two
		// rules, one for each method that the profile allows (-64102, -65403; -65202, -65502), and only an
		// answer that names neither passes both.
		add("Email", Redaction{PrePath: card + "[?(@[0]=='email')]"})
	}
	return all
}

// removedRole says that the contact in a role was withheld whole. The profile no longer publishes
// administrative and billing contacts, and has no registered names for their fields.
func removedRole(role, title string) Redaction {
	return Redaction{
		Name: RedactionName{Description: title}, PrePath: "$.entities[?(@.roles[0]=='" + role + "')]",
		PathLang: "jsonpath", Method: removal, Reason: serverPolicy,
	}
}
