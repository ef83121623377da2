package registry

import "fmt"

// Code is an EPP result code (RFC 5730 §3). The registry speaks in them because
// they are the field's vocabulary for why a command did not do what it should.
type Code uint16

// The result codes of RFC 5730 §3, each with its meaning here.
const (
	Success                Code = 1000 // done
	SuccessPending         Code = 1001 // accepted; the object follows later (a delete outside the add grace period)
	SuccessNoMessages      Code = 1300 // the poll queue is empty
	SuccessAckToDequeue    Code = 1301 // a poll message; acknowledge it
	SuccessEndingSession   Code = 1500 // logout
	UnknownCommand         Code = 2000 // no such command in EPP
	CommandSyntax          Code = 2001 // not well-formed, or not valid by the schema
	CommandUse             Code = 2002 // right syntax, wrong moment: before login, login twice
	RequiredParameter      Code = 2003 // policy wants a parameter that isn't there
	ParameterRange         Code = 2004 // a value outside of what policy allows
	ParameterSyntax        Code = 2005 // a value that is badly formed
	UnimplementedVersion   Code = 2100 // a protocol version that isn't spoken here
	UnimplementedCommand   Code = 2101 // an EPP command that this server doesn't have
	UnimplementedOption    Code = 2102 // an option of a command that this server doesn't have
	UnimplementedExtension Code = 2103 // an extension that this server doesn't have
	BillingFailure         Code = 2104 // not enough funds
	NotEligibleForRenewal  Code = 2105 // renewing would pass the longest registration period
	NotEligibleForTransfer Code = 2106 // the object can't be transferred: its sponsor wants it
	AuthenticationError    Code = 2200 // the login is wrong
	AuthorizationError     Code = 2201 // not the sponsoring client, or not allowed to
	InvalidAuthInfo        Code = 2202 // the authInfo given is wrong
	PendingTransferExists  Code = 2300 // transfer of what is being transferred
	NotPendingTransfer     Code = 2301 // end of a transfer that isn't there
	ObjectExists           Code = 2302 // create of what is there
	ObjectDoesNotExist     Code = 2303 // anything of what isn't there
	ObjectStatusProhibits  Code = 2304 // a status forbids it
	AssociationProhibits   Code = 2305 // other objects depend on it
	ParameterPolicy        Code = 2306 // a value that policy refuses
	UnimplementedObject    Code = 2307 // an object service that isn't offered
	DataPolicyViolation    Code = 2308 // the data as a whole breaks policy
	CommandFailed          Code = 2400 // the server could not do it; nothing was done
	CommandFailedClosing   Code = 2500 // the same, and the session ends
	AuthenticationClosing  Code = 2501 // too many wrong logins; the session ends
	SessionLimitClosing    Code = 2502 // too many sessions; this one ends
)

var codeTexts = map[Code]string{
	Success:                "Command completed successfully",
	SuccessPending:         "Command completed successfully; action pending",
	SuccessNoMessages:      "Command completed successfully; no messages",
	SuccessAckToDequeue:    "Command completed successfully; ack to dequeue",
	SuccessEndingSession:   "Command completed successfully; ending session",
	UnknownCommand:         "Unknown command",
	CommandSyntax:          "Command syntax error",
	CommandUse:             "Command use error",
	RequiredParameter:      "Required parameter missing",
	ParameterRange:         "Parameter value range error",
	ParameterSyntax:        "Parameter value syntax error",
	UnimplementedVersion:   "Unimplemented protocol version",
	UnimplementedCommand:   "Unimplemented command",
	UnimplementedOption:    "Unimplemented option",
	UnimplementedExtension: "Unimplemented extension",
	BillingFailure:         "Billing failure",
	NotEligibleForRenewal:  "Object is not eligible for renewal",
	NotEligibleForTransfer: "Object is not eligible for transfer",
	AuthenticationError:    "Authentication error",
	AuthorizationError:     "Authorization error",
	InvalidAuthInfo:        "Invalid authorization information",
	PendingTransferExists:  "Object pending transfer",
	NotPendingTransfer:     "Object not pending transfer",
	ObjectExists:           "Object exists",
	ObjectDoesNotExist:     "Object does not exist",
	ObjectStatusProhibits:  "Object status prohibits operation",
	AssociationProhibits:   "Object association prohibits operation",
	ParameterPolicy:        "Parameter value policy error",
	UnimplementedObject:    "Unimplemented object service",
	DataPolicyViolation:    "Data management policy violation",
	CommandFailed:          "Command failed",
	CommandFailedClosing:   "Command failed; server closing connection",
	AuthenticationClosing:  "Authentication error; server closing connection",
	SessionLimitClosing:    "Session limit exceeded; server closing connection",
}

// Text is the standard English text of the code (RFC 5730 §3).
func (c Code) Text() string { return codeTexts[c] }

// Failed says whether the code reports an error.
func (c Code) Failed() bool { return c >= 2000 }

// Failure is why a command changed nothing.
type Failure struct {
	Code    Code   `cbor:"1,keyasint"`
	Element string `cbor:"2,keyasint,omitempty"` // the offending element, with its customary prefix: "domain:name"
	Value   string `cbor:"3,keyasint,omitempty"` // its content
	Reason  string `cbor:"4,keyasint,omitempty"` // in words, for people
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%d %s: %s %q: %s", f.Code, f.Code.Text(), f.Element, f.Value, f.Reason)
}

// Fail makes a Failure; the reason is formatted with args.
func Fail(code Code, element, value, reason string, args ...any) *Failure {
	return &Failure{code, element, value, fmt.Sprintf(reason, args...)}
}
