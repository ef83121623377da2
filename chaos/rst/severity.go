package rst

import "fmt"

// Severity is how much a finding weighs: an ERROR or CRITICAL fails its case, and a CRITICAL ends the run.
type Severity string

// The severities of ICANN's specification.
const (
	Warning  Severity = "WARNING"
	Error    Severity = "ERROR"
	Critical Severity = "CRITICAL"
)

// severities are those of the error codes that are not plain errors.
var severities = map[string]Severity{
	"EPP_SERVICE_PORT_UNREACHABLE":               Warning,
	"EPP_MISSING_AAAA_RECORDS":                   Warning,
	"EPP_GREETING_RECOMMENDED_EXTENSION_MISSING": Warning,
	"EPP_NO_SERVICE_PORTS_REACHABLE":             Critical,
	"EPP_LOGIN_ERROR":                            Critical,
	"EPP_DNS_RESOLUTION_ERROR":                   Critical,
	"EPP_MISSING_A_RECORDS":                      Critical,
}

// severityOf is the weight of an error code of the specification.
func severityOf(code string) Severity {
	if s, ok := severities[code]; ok {
		return s
	}
	return Error
}

// Problem is a finding, under the error code that the specification has for it.
type Problem struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Detail   string   `json:"detail"`
	Sent     string   `json:"sent,omitempty"`     // the command that it is about, without passwords
	Received string   `json:"received,omitempty"` // and its answer
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// problem makes a finding.
func problem(code, format string, args ...any) *Problem {
	return &Problem{Code: code, Severity: severityOf(code), Detail: fmt.Sprintf(format, args...)}
}

// The error codes that many cases share.
const (
	dnsError       = "EPP_DNS_RESOLUTION_ERROR"
	unreachable    = "EPP_SERVICE_PORT_UNREACHABLE"
	allUnreachable = "EPP_NO_SERVICE_PORTS_REACHABLE"
	tlsError       = "EPP_TLS_CONNECTION_ERROR"
	xmlError       = "EPP_XML_PARSE_ERROR"
	schemaError    = "EPP_SCHEMA_VALIDATION_ERROR"
	loginError     = "EPP_LOGIN_ERROR"
	genericError   = "EPP_GENERIC_COMMAND_ERROR"
	badExtension   = "EPP_INVALID_EXTENSION"
	wrongFailure   = "EPP_UNEXPECTED_COMMAND_FAILURE"
	wrongSuccess   = "EPP_UNEXPECTED_COMMAND_SUCCESS"
)
