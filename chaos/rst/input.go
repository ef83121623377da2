package rst

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Input is what a registry states about itself, under the names that ICANN's specification gives the parameters. The keys that
// are not in the specification say what ICANN's testers know otherwise: addresses, keys, the registry's own CA.
type Input struct {
	HostName         string   `json:"epp.hostName"`
	Addresses        []string `json:"epp.addresses,omitempty"` // host:port; without them the host name's, port 700
	CA               string   `json:"epp.caFile,omitempty"`    // certificates that the server's is verified by, PEM file; without it the machine's
	ClID01           string   `json:"epp.clid01"`
	Pwd01            string   `json:"epp.pwd01"`
	Certificate01    string   `json:"epp.serverIssuedClientCertificate01,omitempty"` // PEM file
	Key01            string   `json:"epp.clientKey01,omitempty"`                     // PEM file; without it the key is in the certificate's file
	ClID02           string   `json:"epp.clid02"`
	Pwd02            string   `json:"epp.pwd02"`
	Certificate02    string   `json:"epp.serverIssuedClientCertificate02,omitempty"`
	Key02            string   `json:"epp.clientKey02,omitempty"`
	DataModel01      string   `json:"epp.clid01DataModel,omitempty"`
	DataModel02      string   `json:"epp.clid02DataModel,omitempty"`
	HostModel        string   `json:"epp.hostModel"`
	SecDNSInterfaces string   `json:"epp.secDNSInterfaces"`

	RegisteredNames       []string `json:"epp.registeredNames"`
	RegisteredNameservers []string `json:"epp.registeredNameservers,omitempty"`
	RegisteredContacts    []string `json:"epp.registeredContacts,omitempty"`

	RequiredContactTypes      []string `json:"epp.requiredContactTypes"`
	SupportedContactElements  []string `json:"epp.supportedContactElements"`
	RequiredContactElements   []string `json:"epp.requiredContactElements,omitempty"`
	SupportedPostalInfoTypes  string   `json:"epp.supportedContactPostalInfoTypes,omitempty"`
	LoginExtension            string   `json:"epp.loginExtension,omitempty"`
	RestoreReportRequired     bool     `json:"epp.restoreReportRequired,omitempty"`
	RegistryDataModel         string   `json:"general.registryDataModel"`
	GluePolicy                string   `json:"dns.gluePolicy,omitempty"` // narrow, or else epp-26 is run
	TLDs                      []TLD    `json:"general.tlds,omitempty"`   // without them those of the registered names
	RDAPBaseURLs              []RDAP   `json:"rdap.baseURLs,omitempty"`
	GatewayRDAPBaseURLs       []RDAP   `json:"srsgw.rdapBaseURLs,omitempty"`
	GatewayHostName           string   `json:"srsgw.eppHostName,omitempty"`
	GatewayAddresses          []string `json:"srsgw.eppAddresses,omitempty"` // host:port; without them and a host name, the second of epp.addresses is the gateway
	GatewayClID01             string   `json:"srsgw.eppClid01,omitempty"`
	GatewayPwd01              string   `json:"srsgw.eppPwd01,omitempty"`
	GatewayClID02             string   `json:"srsgw.eppClid02,omitempty"`
	GatewayPwd02              string   `json:"srsgw.eppPwd02,omitempty"`
	DomainCreateExtension     string   `json:"srsgw.domainCreateExtension,omitempty"`
	DomainRenewExtension      string   `json:"srsgw.domainRenewExtension,omitempty"`
	DomainDeleteExtension     string   `json:"srsgw.domainDeleteExtension,omitempty"`
	TransferRequestExtension  string   `json:"srsgw.domainTransferRequestExtension,omitempty"`
	TransferApprovalExtension string   `json:"srsgw.domainTransferApproveExtension,omitempty"`

	folder string // that file names are relative to
}

// TLD is one of the TLD set.
type TLD struct {
	Name    string `json:"name"`
	IDNOnly bool   `json:"idnOnly,omitempty"`
}

// RDAP is where a TLD's RDAP is; the URL ends with a slash.
type RDAP struct {
	TLD     string `json:"tld"`
	BaseURL string `json:"baseURL"`
}

// The values of parameters that are a choice.
const (
	minimum      = "minimum"
	maximum      = "maximum"
	perRegistrar = "per-registrar"
	objects      = "objects"
	attributes   = "attributes"
	dsData       = "dsData"
	keyData      = "keyData"
)

// LoadInput reads an input file: a JSON object of parameters. File names in it are relative to its folder.
func LoadInput(path string) (Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return Input{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxInput))
	if err != nil {
		return Input{}, err
	}
	in, err := ParseInput(b)
	if err != nil {
		return in, fmt.Errorf("%s: %w", path, err)
	}
	in.folder = filepath.Dir(path)
	return in, nil
}

// ParseInput reads a JSON object of parameters, and checks it.
func ParseInput(b []byte) (in Input, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, err
	}
	return in, in.Check()
}

// Check finds what is missing or impossible, and fills in what follows from the rest.
func (in *Input) Check() error {
	var wrong []error
	need := func(key string, ok bool) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s is missing or has a value that the specification doesn't allow", key))
		}
	}
	oneOf := func(key, value string, allowed ...string) { need(key, slices.Contains(allowed, value)) }
	need("epp.hostName", in.HostName != "" || len(in.Addresses) > 0)
	length := func(s string) bool { return len(s) >= 3 && len(s) <= 16 }
	need("epp.clid01", length(in.ClID01))
	need("epp.clid02", length(in.ClID02) && in.ClID02 != in.ClID01)
	need("epp.pwd01", len(in.Pwd01) >= 6)
	need("epp.pwd02", len(in.Pwd02) >= 6)
	oneOf("epp.hostModel", in.HostModel, objects, attributes)
	oneOf("epp.secDNSInterfaces", in.SecDNSInterfaces, dsData, keyData)
	oneOf("general.registryDataModel", in.RegistryDataModel, minimum, maximum, perRegistrar)
	if in.RegistryDataModel == perRegistrar {
		oneOf("epp.clid01DataModel", in.DataModel01, minimum, maximum)
		oneOf("epp.clid02DataModel", in.DataModel02, minimum, maximum)
		need("epp.clid02DataModel", in.DataModel01 != in.DataModel02)
	}
	oneOf("epp.supportedContactPostalInfoTypes", in.SupportedPostalInfoTypes, "", "int", "loc", "both")
	oneOf("dns.gluePolicy", in.GluePolicy, "", "narrow", "wide")
	need("epp.registeredNames", len(in.RegisteredNames) > 0)
	if in.HostModel == objects {
		need("epp.registeredNameservers", len(in.RegisteredNameservers) > 0)
	}
	if in.RegistryDataModel != minimum {
		need("epp.registeredContacts", len(in.RegisteredContacts) >= 2)
	}
	for _, a := range slices.Concat(in.Addresses, in.GatewayAddresses) {
		_, _, err := net.SplitHostPort(a)
		need("epp.addresses", err == nil)
	}
	if len(in.TLDs) == 0 {
		for _, n := range in.RegisteredNames {
			_, tld, _ := strings.Cut(strings.TrimSuffix(n, "."), ".")
			need("epp.registeredNames", tld != "")
			if !slices.Contains(in.TLDs, TLD{Name: tld}) {
				in.TLDs = append(in.TLDs, TLD{Name: tld})
			}
		}
	}
	return errors.Join(wrong...)
}

// model is the data model of an account of the two.
func (in *Input) model(own string) string {
	if in.RegistryDataModel == perRegistrar {
		return own
	}
	return in.RegistryDataModel
}

// supports says whether contacts have an optional element.
func (in *Input) supports(element string) bool {
	return slices.Contains(in.SupportedContactElements, element)
}

// postalInfoType is the type of postal information to send.
func (in *Input) postalInfoType() string {
	if in.SupportedPostalInfoTypes == "loc" {
		return "loc"
	}
	return "int"
}

// file is the path of a file that the input names.
func (in *Input) file(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(in.folder, name)
}
