package admin

import (
	"net/http"
	"slices"

	"quorate/fsm"
	"quorate/fsm/registry"
)

func (h *handler) listRegistrars(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	all := []Registrar{}
	err = h.read(c, p, func(v fsm.View) error {
		for _, r := range v.Registrars() {
			all = append(all, showRegistrar(v, r))
		}
		return nil
	})
	return http.StatusOK, all, err
}

func (h *handler) showRegistrar(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	var shown Registrar
	err = h.read(c, p, func(v fsm.View) error {
		r, err := findRegistrar(v, c.PathValue("id"))
		shown = showRegistrar(v, r)
		return err
	})
	return http.StatusOK, shown, err
}

func (h *handler) createRegistrar(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted Registrar
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	created, err := wanted.registry()
	if err != nil {
		return 0, nil, err
	}
	if created.Password, err = h.hash(c.Context(), wanted.Password); err != nil {
		return 0, nil, err
	}
	r, err := h.execute(c, registry.KindRegistrarCreate, registry.RegistrarCreate{Registrar: created})
	if err != nil {
		return 0, nil, err
	}
	var shown Registrar
	err = h.reread(c, r, func(v fsm.View) error {
		now, err := findRegistrar(v, created.ID)
		shown = showRegistrar(v, now)
		return err
	})
	return http.StatusCreated, shown, err
}

func findRegistrar(v fsm.View, id string) (registry.Registrar, error) {
	if !registrarID.MatchString(id) {
		return registry.Registrar{}, invalidID(id)
	}
	r, ok := v.Registrar(id)
	if !ok {
		return r, registry.Fail(registry.ObjectDoesNotExist, "id", id, "there is no such registrar")
	}
	return r, nil
}

func invalidID(id string) error {
	return invalid("id", id, "a registrar's id has 3 to 16 letters, digits, dots, hyphens and underscores, a letter or digit first")
}

// showRegistrar is a registrar in the API's form, with its balances and without its password.
func showRegistrar(v fsm.View, r registry.Registrar) Registrar {
	shown := Registrar{
		ID: r.ID, Name: r.Name, Certificates: r.Certificates, Suspended: r.Suspended, IANA: r.IANA,
		URL: r.URL, Whois: r.Whois, RDAP: r.RDAP, AbuseEmail: r.AbuseEmail, AbusePhone: r.AbusePhone,
		Email: r.Email, Voice: r.Voice.Number, Created: formatTime(r.Created),
		Networks: formatNetworks(r.Networks), MaxSessions: r.Sessions, Bound: formatBindings(r.Bound),
	}
	shown.Contacts = contactModels[r.Contacts]
	if r.Locked(v.Now()) {
		shown.LockedUntil = formatTime(r.LockedUntil)
	}
	if len(r.Postal) > 0 {
		p := r.Postal[0]
		shown.Street, shown.City, shown.Province, shown.PostalCode, shown.Country = p.Street, p.City, p.Province, p.PostalCode, p.Country
	}
	for _, a := range v.Accounts(registry.RegistrarAccount(r.ID)) {
		shown.Balances = append(shown.Balances, Balance{
			Currency: a.Currency, Balance: FormatMoney(a.Balance, a.Currency), CreditLimit: FormatMoney(a.CreditLimit, a.Currency),
		})
	}
	return shown
}

// registry is the wanted registrar in the registry's form, its password apart. Its error says what is wrong with it.
func (r Registrar) registry() (n registry.Registrar, err error) {
	switch {
	case !registrarID.MatchString(r.ID):
		return n, invalidID(r.ID)
	case r.Name == "":
		return n, missing("name", "a registrar has a name")
	case r.Password == "":
		return n, missing("password", "a registrar has a password")
	case len(r.Balances) > 0 || r.Created != "" || r.LockedUntil != "" || len(r.Bound) > 0:
		return n, registry.Fail(registry.ParameterPolicy, "balances", "", "balances come of deposits, certificates with times are added later, and the date of creation and locks come of themselves")
	}
	n = registry.Registrar{
		ID: r.ID, Name: r.Name, Suspended: r.Suspended, IANA: r.IANA, URL: r.URL, RDAP: r.RDAP,
		AbuseEmail: r.AbuseEmail, AbusePhone: r.AbusePhone, Voice: registry.Phone{Number: r.Voice}, Email: r.Email,
		Sessions: r.MaxSessions,
	}
	for _, check := range []error{
		checkText("name", r.Name), checkPassword(r.Password), checkURL("url", r.URL), checkURL("rdap", r.RDAP),
		checkEmail("abuse_email", r.AbuseEmail), checkEmail("email", r.Email),
		checkPhone("abuse_phone", r.AbusePhone), checkPhone("voice", r.Voice),
	} {
		if check != nil {
			return n, check
		}
	}
	if r.Whois != "" {
		if n.Whois, err = parseName("whois", r.Whois); err != nil {
			return n, err
		}
	}
	if n.Certificates, err = parseFingerprints(r.Certificates); err != nil {
		return n, err
	}
	if n.Networks, err = parseNetworks(r.Networks); err != nil {
		return n, err
	}
	if n.Contacts, err = parseContactModel(r.Contacts); err != nil {
		return n, err
	}
	n.Postal, err = r.postal()
	return n, err
}

func parseFingerprints(wanted []string) (all []string, err error) {
	if len(wanted) > maxCertificates {
		return nil, registry.Fail(registry.ParameterRange, "certificates", "", "a registrar has at most %d certificates", maxCertificates)
	}
	for _, s := range wanted {
		f, err := parseFingerprint(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all, nil
}

// postal is the registrar's address as RFC 5733 §2.4 has it: none, or one with a city and a country. The
// international form is for ASCII; anything else is the local form.
func (r Registrar) postal() ([]registry.PostalInfo, error) {
	if len(r.Street) == 0 && r.City == "" && r.Province == "" && r.PostalCode == "" && r.Country == "" {
		return nil, nil
	}
	switch {
	case r.City == "" || r.Country == "":
		return nil, missing("city", "an address has a city and a country")
	case len(r.Street) > 3:
		return nil, registry.Fail(registry.ParameterRange, "street", "", "an address has at most 3 lines of street")
	case !country.MatchString(r.Country):
		return nil, invalid("country", r.Country, "not a country of ISO 3166-1, such as SE")
	}
	kind := "int"
	for _, line := range append([]string{r.Name, r.City, r.Province, r.PostalCode}, r.Street...) {
		if err := checkText("address", line); err != nil {
			return nil, err
		}
		if !ascii(line) {
			kind = "loc"
		}
	}
	return []registry.PostalInfo{{
		Type: kind, Name: r.Name, Street: r.Street, City: r.City, Province: r.Province, PostalCode: r.PostalCode, Country: r.Country,
	}}, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// contactModels are the names of registrars' data models.
var contactModels = map[registry.ContactModel]string{registry.TLDsContacts: "", registry.WithContacts: "with", registry.NoContacts: "without"}

func parseContactModel(s string) (registry.ContactModel, error) {
	for _, m := range []registry.ContactModel{registry.TLDsContacts, registry.WithContacts, registry.NoContacts} {
		if contactModels[m] == s {
			return m, nil
		}
	}
	return 0, invalid("contacts", s, "a registrar's domains are with or without contacts, or as the TLD has it")
}
