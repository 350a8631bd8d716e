package kube

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
)

func TestFailuresAreExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		st   func(*status)
		want agent.Reason
		says string
	}{
		{"forbidden", func(s *status) { s.Code, s.Message = 403, `secrets is forbidden: User "x" cannot patch` }, agent.ReasonForbidden, "give its service account the right"},
		{"unknown", func(s *status) { s.Code = 401 }, agent.ReasonForbidden, "renew"},
		{"quota", func(s *status) { s.Code, s.Message = 403, `pods "a" is forbidden: exceeded quota: small` }, agent.ReasonQuota, "ResourceQuota"},
		{"webhook", func(s *status) {
			s.Code, s.Message = 403, `admission webhook "policy.example.com" denied the request: no`
		}, agent.ReasonDenied, "change the object or the policy"},
		{"webhook away", func(s *status) { s.Code, s.Message = 500, `failed calling webhook "policy.example.com": timeout` }, agent.ReasonWebhook, "see that its service runs"},
		{"conversion", func(s *status) {
			s.Code, s.Message = 500, `conversion webhook for shop.example.com/v1, Kind=Till failed: Post "https://x": refused`
		}, agent.ReasonWebhook, "converts its kind"},
		{"too large", func(s *status) { s.Code, s.Message = 500, "etcdserver: request is too large" }, agent.ReasonInvalid, "make it smaller"},
		{"managed", func(s *status) {
			s.Code, s.Message = 409, `Apply failed with 1 conflict: conflict with "kubectl-edit": .data.key`
			s.Details.Causes = append(s.Details.Causes, cause{"FieldManagerConflict", "", ".data.key"})
		}, agent.ReasonManaged, "kubectl-edit"},
		{"namespace", func(s *status) {
			s.Code, s.Message, s.Details.Kind, s.Details.Name = 404, "not found", "namespaces", "shop"
		}, agent.ReasonNamespace, `"shop" is not there`},
		{"namespace ending", func(s *status) {
			s.Code, s.Message = 403, "unable to create new content in namespace shop because it is being terminated"
		}, agent.ReasonNamespaceEnding, "when the namespace is back"},
		{"object", func(s *status) {
			s.Code, s.Message, s.Details.Kind, s.Details.Name = 404, "not found", "configmaps", "a"
		}, agent.ReasonMissing, "not there"},
		{"kind", func(s *status) { s.Code, s.Message = 404, "the server could not find the requested resource" }, agent.ReasonKind, "CustomResourceDefinition"},
		{"conflict", func(s *status) { s.Code, s.Message = 409, "the object has been modified" }, agent.ReasonConflict, "retrying"},
		{"immutable", func(s *status) { s.Code, s.Message = 422, "spec.selector: Invalid value: x: field is immutable" }, agent.ReasonImmutable, `drover.dev/recreate: enabled`},
		{"invalid", func(s *status) { s.Code, s.Message = 422, "spec.ports[0].port: Invalid value: 99999" }, agent.ReasonInvalid, "correct it in Git"},
		{"schema", func(s *status) {
			s.Code, s.Message = 500, "failed to create typed patch object: .spec.replcias: field not declared in schema"
		}, agent.ReasonInvalid, "spec.replcias is not a field of its kind"},
		{"busy", func(s *status) { s.Code, s.Message = 429, "too many requests" }, agent.ReasonUnreachable, "is overloaded"},
		{"gone", func(s *status) { s.Code, s.Message = 410, "too old resource version" }, agent.ReasonExpired, "too old"},
		{"other", func(s *status) { s.Code, s.Message = 500, "etcdserver: leader changed" }, agent.ReasonOther, "answered 500"},
	} {
		var st status
		c.st(&st)
		if f := explain(st); f.Reason != c.want || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: reason %d, %q; want %d and %q", c.name, f.Reason, f.Text, c.want, c.says)
		}
	}
}

func TestSecretsAreNotQuoted(t *testing.T) {
	t.Parallel()
	st := status{Code: 422, Message: `Secret "db" is invalid: data[password]: Invalid value: "hunter2": field is immutable`}
	st.Details.Causes = append(st.Details.Causes, cause{"FieldValueInvalid", "hunter2", "data[password]"})
	st.hide()
	if f := explain(st); strings.Contains(f.Text, "hunter2") || !strings.Contains(f.Text, "data[password]") || !strings.Contains(f.Text, "is immutable") {
		t.Errorf("it says %q", f.Text)
	}
}
