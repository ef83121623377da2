package rst

// ownRows are rows of our own, written from the specification's text, for each of its data providers. Their cells are those of ICANN's
// files where these are published; for the others the columns are ours.
var ownRows = map[string][]row{
	"epp-07-data":            contactCreateRows,
	"epp-09-postalinfo-data": postalInfoRows,
	"epp-09-other-data":      contactOtherRows,
	"epp-09-status-data":     contactStatusRows,
	"epp-11-data":            hostCreateRows,
	"epp-13-status-data":     hostStatusRows,
	"epp-13-addr-data":       hostAddressRows,
	"epp-14-data":            domainCreateRows,
	"epp-16-status-data":     domainStatusRows,
	"epp-16-ns-data":         domainHostRows,
	"epp-16-dnssec-data":     domainDNSSECRows,
	"epp-23-data":            renameRows,
}

const (
	contactAccepts = "EPP_CONTACT_CREATE_SERVER_ACCEPTS_"
	contactTakes   = "EPP_CONTACT_UPDATE_SERVER_ACCEPTS_"
)

var contactAuto = map[string]string{
	"id": cellAuto, "postalInfoType": cellAuto, "name": cellAuto, "org": cellAuto, "street1": cellAuto, "street2": cellEmpty, "street3": cellEmpty,
	"city": cellAuto, "sp": cellAuto, "pc": cellAuto, "cc": cellAuto, "voice": cellAuto, "voiceExt": cellAuto, "fax": cellAuto, "faxExt": cellAuto,
	"email": cellAuto, "authInfo": cellAuto,
}

var contactCreateRows = table(contactAuto,
	pass(""),
	pass("street2=Floor 2; street3=Room 3"),
	pass("id={RANDCHARS(16)}"),
	pass("id={RANDCHARS(3)}"),
	pass(`name={RANDCHARS(255)}; org={RANDCHARS(255)}; street1={RANDCHARS(255)}; city={RANDCHARS(255)}; sp={RANDCHARS(255)}; pc={RANDCHARS(16)}`),
	pass("voice=+1.12345678901234; voiceExt={EMPTY}"),
	pass("voice=+999.1; fax=+1.1; faxExt={EMPTY}"),
	pass("cc=US; email=first.last+tag@mail.example.com"),
	pass(`email={RANDCHARS(64) & "@example.com"}`),
	fail(contactAccepts+"INVALID_ID", "id={EMPTY}"),
	fail(contactAccepts+"INVALID_ID", "id=ab"),
	fail(contactAccepts+"INVALID_ID", "id={RANDCHARS(18)}"),
	fail(contactAccepts+"INVALID_POSTALINFO_TYPE", "postalInfoType={EMPTY}"),
	fail(contactAccepts+"INVALID_POSTALINFO_TYPE", "postalInfoType=INT"),
	fail(contactAccepts+"INVALID_POSTALINFO_TYPE", "postalInfoType=local"),
	fail(contactAccepts+"EMPTY_NAME", "name={EMPTY}"),
	fail(contactAccepts+"EMPTY_NAME", "name=   "),
	fail(contactAccepts+"INVALID_NAME", "name={RANDCHARS(256)}"),
	fail(contactAccepts+"INVALID_ORG", "org={RANDCHARS(256)}"),
	fail(contactAccepts+"INVALID_STREET", "street1={RANDCHARS(256)}"),
	fail(contactAccepts+"INVALID_STREET", "street2={RANDCHARS(256)}"),
	fail(contactAccepts+"INVALID_STREET", "street3={RANDCHARS(256)}"),
	fail(contactAccepts+"EMPTY_CITY", "city={EMPTY}"),
	fail(contactAccepts+"EMPTY_CITY", "city= "),
	fail(contactAccepts+"INVALID_CITY", "city={RANDCHARS(256)}"),
	fail(wrongSuccess, "sp={RANDCHARS(256)}"),
	fail(wrongSuccess, "pc={RANDCHARS(17)}"),
	fail(contactAccepts+"EMPTY_CC", "cc={EMPTY}"),
	fail(contactAccepts+"INVALID_CC", "cc=ZZ"),
	fail(contactAccepts+"INVALID_CC", "cc=UK"),
	fail(contactAccepts+"INVALID_CC", "cc=G"),
	fail(contactAccepts+"INVALID_CC", "cc=GBR"),
	fail(contactAccepts+"INVALID_CC", "cc=44"),
	fail(contactAccepts+"EMPTY_VOICE", "voice={EMPTY}"),
	fail(contactAccepts+"EMPTY_VOICE", "voice={EMPTY}; voiceExt={EMPTY}"),
	fail(contactAccepts+"EMPTY_FAX", "fax={EMPTY}"),
	fail(contactAccepts+"INVALID_VOICE", "voice=44.2079460123"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+442079460123"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+4444.1"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+.1"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+44."),
	fail(contactAccepts+"INVALID_VOICE", "voice=+44.123 456"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+44.1.2"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+44.123456789012345"),
	fail(contactAccepts+"INVALID_VOICE", "voice=+44.12a"),
	fail(contactAccepts+"INVALID_VOICE", "voice=voice"),
	fail(contactAccepts+"INVALID_FAX", "fax=44.2079460123"),
	fail(contactAccepts+"INVALID_FAX", "fax=+4444.1"),
	fail(contactAccepts+"INVALID_FAX", "fax=+44."),
	fail(contactAccepts+"INVALID_FAX", "fax=+44.123456789012345"),
	fail(contactAccepts+"INVALID_FAX", "fax=+x.y"),
	fail(contactAccepts+"EMPTY_EMAIL", "email={EMPTY}"),
	fail(contactAccepts+"INVALID_EMAIL", "email=nobody"),
	fail(contactAccepts+"INVALID_EMAIL", "email=nobody.example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=nobody@"),
	fail(contactAccepts+"INVALID_EMAIL", "email=@"),
	fail(contactAccepts+"INVALID_EMAIL", "email=@example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=no body@example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=a@b@example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=.a@example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=a..b@example.com"),
	fail(contactAccepts+"INVALID_EMAIL", "email=a@example..com"),
	fail(contactAccepts+"INVALID_EMAIL", `email={RANDCHARS(65) & "@example.com"}`),
)

// Updates of postal information: what is {AUTO} is set to something else than before.
var postalInfoRows = table(map[string]string{
	"postalInfoType": cellAuto, "name": cellAuto, "org": cellAuto, "street1": cellAuto, "street2": cellEmpty, "street3": cellEmpty,
	"city": cellAuto, "sp": cellAuto, "pc": cellAuto, "cc": cellAuto,
},
	pass(""),
	pass("street2=Second Floor; street3=Third Door; cc=FR"),
	pass(`name={RANDCHARS(255)}; org={RANDCHARS(255)}; city={RANDCHARS(255)}; pc={RANDCHARS(16)}`),
	fail(contactTakes+"INVALID_POSTALINFO_TYPE", "postalInfoType=tni"),
	fail(contactTakes+"INVALID_POSTALINFO_TYPE", "postalInfoType={EMPTY}"),
	fail(contactTakes+"EMPTY_NAME", "name={EMPTY}"),
	fail(wrongSuccess, "name={RANDCHARS(256)}"),
	fail(contactTakes+"INVALID_ORG", "org={RANDCHARS(256)}"),
	fail(contactTakes+"INVALID_STREET", "street1={RANDCHARS(256)}"),
	fail(contactTakes+"INVALID_STREET", "street2={RANDCHARS(256)}"),
	fail(contactTakes+"EMPTY_CITY", "city={EMPTY}"),
	fail(contactTakes+"INVALID_CITY", "city={RANDCHARS(256)}"),
	fail(contactTakes+"INVALID_SP", "sp={RANDCHARS(256)}"),
	fail(contactTakes+"INVALID_PC", "pc={RANDCHARS(17)}"),
	fail(contactTakes+"EMPTY_CC", "cc={EMPTY}"),
	fail(contactTakes+"INVALID_CC", "cc=XX"),
	fail(contactTakes+"INVALID_CC", "cc=U"),
	fail(contactTakes+"INVALID_CC", "cc=USA"),
)

var contactOtherRows = table(map[string]string{
	"voice": cellAuto, "voiceExt": cellAuto, "fax": cellAuto, "faxExt": cellAuto, "email": cellAuto,
},
	pass(""),
	pass("voiceExt={EMPTY}; faxExt={EMPTY}"),
	pass("voice=+1.12345678901234; email=other+tag@mail.example.org"),
	fail(contactTakes+"INVALID_VOICE", "voice=+12345"),
	fail(contactTakes+"INVALID_VOICE", "voice=+1111.1"),
	fail(contactTakes+"INVALID_VOICE", "voice=55"),
	fail(contactTakes+"INVALID_VOICE", "voice=+1."),
	fail(contactTakes+"INVALID_VOICE", "voice=+1.123456789012345"),
	fail(contactTakes+"INVALID_VOICE", "voice=+1.a"),
	fail(contactTakes+"INVALID_VOICE", "voice=+a.1"),
	fail(contactTakes+"INVALID_FAX", "fax=+12345"),
	fail(contactTakes+"INVALID_FAX", "fax=+1111.1"),
	fail(contactTakes+"INVALID_FAX", "fax=55"),
	fail(contactTakes+"INVALID_FAX", "fax=+1."),
	fail(contactTakes+"INVALID_FAX", "fax=+1.123456789012345"),
	fail(contactTakes+"INVALID_FAX", "fax=+1.a"),
	fail(contactTakes+"INVALID_EMAIL", "email={EMPTY}"),
	fail(contactTakes+"INVALID_EMAIL", "email=nobody"),
	fail(contactTakes+"INVALID_EMAIL", "email=nobody.example"),
	fail(contactTakes+"INVALID_EMAIL", "email=@example.com"),
	fail(contactTakes+"INVALID_EMAIL", "email=nobody@"),
	fail(contactTakes+"INVALID_EMAIL", `email={RANDCHARS(65) & "@example.com"}`),
)

// Each row goes on from where the one before left the contact.
var contactStatusRows = statusRows(contactTakes+"INVALID_STATUS_CODE", []string{"clientDeleteProhibited", "clientUpdateProhibited"}, []string{
	"clientHold", "clientRenewProhibited", "linked", "ok", "pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate",
	"serverDeleteProhibited", "serverTransferProhibited", "serverUpdateProhibited", "inactive", "frobnicated", "{EMPTY}",
})

// statusRows are rows about an object's statuses: those that clients may set are added, added again, removed and removed again; the
// others are neither added nor removed.
func statusRows(invalid string, settable, others []string) []row {
	var rows []row
	for _, s := range settable {
		rows = append(rows,
			pass("action=add; status="+s),
			fail(wrongSuccess, "action=add; status="+s),
			pass("action=rem; status="+s),
			fail(wrongSuccess, "action=rem; status="+s),
		)
	}
	for _, s := range others {
		rows = append(rows, fail(invalid, "action=add; status="+s), fail(invalid, "action=rem; status="+s))
	}
	return table(nil, rows...)
}
