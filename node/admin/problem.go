package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// refusal is why a request got no further than the API itself.
type refusal struct {
	status  int
	message string
	allow   string // the methods that there are, with 405
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status: status, message: fmt.Sprintf(format, args...)}
}

// invalid says that a value of the request is badly formed.
func invalid(element, value, reason string, args ...any) error {
	return registry.Fail(registry.ParameterSyntax, element, value, reason, args...)
}

// missing says that the request lacks a value.
func missing(element, reason string) error {
	return registry.Fail(registry.RequiredParameter, element, "", "%s", reason)
}

// problem is the answer that tells of err.
func problem(err error) (status int, p Problem) {
	var refused *refusal
	var fail *registry.Failure
	switch {
	case errors.As(err, &refused):
		return refused.status, Problem{Message: refused.message}
	case errors.As(err, &fail):
		return statusOf(fail.Code), Problem{Code: int(fail.Code), Message: describe(fail)}
	case errors.Is(err, fsm.ErrOutcomeUnknown):
		return http.StatusGatewayTimeout, Problem{Message: "the outcome is unknown: the command may have been executed, or may yet be; look for it in the history before trying again"}
	case errors.Is(err, fsm.ErrNotLogged):
		return http.StatusServiceUnavailable, Problem{Message: "the cluster can't take commands now; nothing was done: try again"}
	case errors.Is(err, fsm.ErrUnavailable):
		return http.StatusServiceUnavailable, Problem{Message: "no quorum confirms that this node is up to date; level=local reads what it has"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, Problem{Message: "the request took too long"}
	}
	return http.StatusInternalServerError, Problem{Message: err.Error()}
}

// statusOf is the HTTP status (RFC 9110 §15) for an EPP result code.
func statusOf(code registry.Code) int {
	switch code {
	case registry.ObjectExists, registry.UnimplementedCommand, registry.ObjectStatusProhibits, registry.AssociationProhibits, registry.DataPolicyViolation:
		return http.StatusConflict
	case registry.ObjectDoesNotExist:
		return http.StatusNotFound
	case registry.AuthorizationError:
		return http.StatusForbidden
	case registry.BillingFailure:
		return http.StatusPaymentRequired
	case registry.RequiredParameter, registry.ParameterRange, registry.ParameterSyntax, registry.ParameterPolicy:
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func describe(f *registry.Failure) string {
	reason := f.Reason
	if reason == "" {
		reason = f.Code.Text()
	}
	switch {
	case f.Element == "":
		return reason
	case f.Value == "":
		return f.Element + ": " + reason
	}
	return fmt.Sprintf("%s %q: %s", f.Element, f.Value, reason)
}
