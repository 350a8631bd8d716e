package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
)

// status is what the API server answers when it does not do what it was asked.
type status struct {
	Message string
	Reason  string
	Code    int
	Details struct {
		Name, Group, Kind string
		Causes            []cause
	}
	secret bool // it may quote what must not be shown
}

const (
	// maxMessage is how much of a message is told: the API server may quote a whole object.
	maxMessage = 2000
	// maxAnswer is how much of an answer is read. One that is not valid may quote the object several times.
	maxAnswer = 16 << 20
)

func unreachable(err error) *agent.Failure {
	text := fmt.Sprintf("the API server does not answer: %v; retrying", err)
	if errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Sprintf("the API server did not answer within %s; retrying", requestTimeout)
	}
	return &agent.Failure{Reason: agent.ReasonUnreachable, Text: text}
}

// readFailure makes a Failure of an answer that is no success, and closes it.
func readFailure(resp *http.Response, k call) *agent.Failure {
	defer drain(resp.Body)
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	var st status
	if err != nil || json.Unmarshal(data, &st) != nil || st.Message == "" {
		st = status{Message: strings.TrimSpace(string(data[:min(len(data), 300)])), Code: resp.StatusCode}
	}
	st.Code = resp.StatusCode
	if k.secret {
		st.hide()
	}
	f := explain(st)
	if f.Said = st.said(); st.secret {
		f.Said = f.Text
	}
	if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && after > 0 {
		f.After = min(time.Duration(after)*time.Second, 10*time.Second)
	}
	return f
}

// hide takes the message away where it might quote a secret's content, and leaves where the trouble is.
func (st *status) hide() {
	if st.Code != http.StatusUnprocessableEntity && st.Code != http.StatusBadRequest && st.Code != http.StatusInternalServerError {
		return
	}
	st.secret = true
	if len(st.mismatches()) > 0 {
		return // which names fields only
	}
	immutable := st.immutable() || saysImmutable(st.Message)
	var fields []string
	for i := range st.Details.Causes {
		c := &st.Details.Causes[i]
		if c.Field != "" {
			fields = append(fields, c.Field)
		}
		if c.Message = "not valid"; immutable {
			c.Message = "field is immutable"
		}
	}
	st.Message = "it is not valid"
	if len(fields) > 0 {
		st.Message += " at " + strings.Join(fields, ", ")
	}
	if immutable {
		st.Message += ": field is immutable"
	}
	st.Message += " (the API server's message is left out, for it may quote the content)"
}

// explain says in plain words what the API server meant, and what to do.
func explain(st status) *agent.Failure {
	fail := func(reason agent.Reason, format string, args ...any) *agent.Failure {
		return &agent.Failure{Reason: reason, Text: fmt.Sprintf(format, args...)}
	}
	m, said := st.Message, st.said()
	switch {
	case st.fielded() && !st.tooLarge(), len(st.mismatches()) > 0: // its message may quote the object, so nothing in there tells anything
		return explainInvalid(st)
	case st.Code == http.StatusUnauthorized:
		return fail(agent.ReasonForbidden, "the API server does not know the agent (401): renew its service account token or kubeconfig")
	case st.hasCause("NamespaceTerminating") || strings.Contains(m, "because it is being terminated"):
		return fail(agent.ReasonNamespaceEnding, "its namespace is being deleted: it is applied again when the namespace is back")
	case strings.Contains(m, "while custom resource definition is terminating"):
		return fail(agent.ReasonKind, "the definition of its kind is being deleted: it is applied again when the definition is back")
	case strings.Contains(m, "exceeded quota"):
		return fail(agent.ReasonQuota, "a quota of its namespace is used up: raise the ResourceQuota or ask for less (%s)", said)
	case strings.Contains(m, "denied the request") || strings.Contains(m, "denied request"):
		return fail(agent.ReasonDenied, "an admission policy refused it: change the object or the policy (%s)", said)
	case strings.Contains(m, "failed calling webhook") || strings.Contains(m, "failed to call webhook"):
		return fail(agent.ReasonWebhook, "an admission webhook that must be asked did not answer: see that its service runs; retrying (%s)", said)
	case strings.Contains(m, "conversion webhook"):
		return fail(agent.ReasonWebhook, "the webhook that converts its kind between versions did not answer, or failed: see that its service runs; retrying (%s)", said)
	case st.tooLarge():
		return fail(agent.ReasonInvalid, "it is larger than the cluster stores (about 1.5 MB with what others keep in it, 256 KiB of annotations): make it smaller or split it (%s)", said)
	case st.Code == http.StatusForbidden:
		return fail(agent.ReasonForbidden, "the agent may not do this: give its service account the right, or take the object out of Git (%s)", said)
	case st.Code == http.StatusNotFound && st.Details.Kind == "namespaces":
		return fail(agent.ReasonNamespace, "its namespace %q is not there: add the Namespace to Git, or create it", st.Details.Name)
	case st.Code == http.StatusNotFound && st.Details.Name != "":
		return fail(agent.ReasonMissing, "it is not there (%s)", said)
	case st.Code == http.StatusNotFound:
		return fail(agent.ReasonKind, "its kind is not served by this cluster (yet): install its CustomResourceDefinition; it is applied as soon as that is there")
	case st.Code == http.StatusGone:
		return fail(agent.ReasonExpired, "%s", said)
	case st.Code == http.StatusConflict && st.hasCause("FieldManagerConflict"):
		return fail(agent.ReasonManaged, "others manage fields of it: %s", said)
	case st.Code == http.StatusConflict:
		return fail(agent.ReasonConflict, "another client changed it at the same time; retrying (%s)", said)
	case st.Code == http.StatusTooManyRequests || st.Code == http.StatusServiceUnavailable || st.Code == http.StatusGatewayTimeout:
		return fail(agent.ReasonUnreachable, "the API server is overloaded; retrying (%s)", said)
	}
	return explainInvalid(st)
}

func explainInvalid(st status) *agent.Failure {
	invalid := func(format string, args ...any) *agent.Failure {
		return &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf(format, args...)}
	}
	mismatches := st.mismatches()
	switch {
	case len(mismatches) > 0:
		return invalid("%s", few(mismatches))
	case st.immutable():
		brief := cmp.Or(st.fields(), "a field of it") + " is immutable"
		return &agent.Failure{Reason: agent.ReasonImmutable, Brief: brief, Text: fmt.Sprintf("%s: annotate %s: enabled in Git "+
			"to have the object deleted and recreated%s, or undo the change", brief, fleet.AnnotationRecreate, st.loses())}
	case strings.Contains(st.Message, "not declared in schema"):
		return invalid("it has a field that its kind does not know: correct it in Git (%s)", st.said())
	case st.Code == http.StatusUnprocessableEntity || st.Code == http.StatusBadRequest:
		return invalid("it is not valid: correct it in Git (%s)", st.said())
	}
	return &agent.Failure{Text: fmt.Sprintf("the API server answered %d: %s", st.Code, st.said())}
}

// loses says what is lost with an object of some kinds.
func (st *status) loses() string {
	if st.Details.Kind == "PersistentVolumeClaim" {
		return ", which deletes its data"
	}
	return ""
}

// tooLarge is for an object that etcd or the API server does not take.
func (st status) tooLarge() bool {
	return st.Code == http.StatusRequestEntityTooLarge || strings.Contains(st.Message, "request is too large") ||
		strings.Contains(st.Message, "trying to send message larger than max") || strings.Contains(st.Message, "Too long: may not be more than") ||
		strings.Contains(st.Message, "Too long: must have at most")
}

func (st status) hasCause(reason string) bool {
	for _, c := range st.Details.Causes {
		if c.Reason == reason {
			return true
		}
	}
	return false
}
