package inspect

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
)

func kind(group, name, plural string) agent.Resource {
	return agent.Resource{Group: group, Version: "v1", Kind: name, Plural: plural, Namespaced: true}
}

func TestAKindIsFoundAsPeopleWriteIt(t *testing.T) {
	t.Parallel()
	served := []agent.Resource{kind("", "Service", "services"), kind("serving.knative.dev", "Service", "services"),
		kind("apps", "Deployment", "deployments"), kind("", "Event", "events"), kind("events.k8s.io", "Event", "events"),
		kind("a.example.com", "Widget", "widgets"), kind("b.example.com", "Widget", "widgets"),
		kind("networking.k8s.io", "Ingress", "ingresses"), kind("traefik.io", "Ingress", "ingresses")}
	for word, want := range map[string]string{
		"service": "Service.", "Services": "Service.", "svc": "Service.",
		"service.serving.knative.dev": "Service.serving.knative.dev",
		"deploy":                      "Deployment.apps", "deployments.apps": "Deployment.apps", "EVENTS": "Event.",
		"event.events.k8s.io": "Event.events.k8s.io",
		"ing":                 "Ingress.networking.k8s.io", "widgets.b.example.com": "Widget.b.example.com",
		"widget": "error: Widget.a.example.com or Widget.b.example.com", "gadget": "error: serves no kind",
		"deployment.batch": "error: serves no kind", "": "error: serves no kind",
	} {
		name, group, grouped := strings.Cut(word, ".")
		res, err := choose(word, match(served, strings.ToLower(name), strings.ToLower(group), grouped))
		got := res.Kind + "." + res.Group
		if err != nil {
			got = "error: " + err.Error()
		}
		text, isError := strings.CutPrefix(want, "error: ")
		if !isError && got != want || isError && (err == nil || !strings.Contains(got, text)) {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
}

// What is dry-run is what would be applied: with its name and namespace, the label of its app, and nothing that the API
// server sets.
func TestADryRunIsOfWhatWouldBeApplied(t *testing.T) {
	t.Parallel()
	w := agent.Wish{APIVersion: "v1", Patch: agent.Patch{App: "shop", Line: []byte(`{"apiVersion":"v1","kind":"ConfigMap",
		"metadata":{"name":"x","namespace":"other","uid":"1","resourceVersion":"2","labels":{"a":"b"}},
		"data":{"n":"12345678901234567890"}}`)}}
	w.Ref.Kind, w.Ref.Namespace, w.Ref.Name = "ConfigMap", "ns", "a"
	body, err := patch(kind("", "ConfigMap", "configmaps"), w)
	const want = `{"apiVersion":"v1","data":{"n":"12345678901234567890"},"kind":"ConfigMap",` +
		`"metadata":{"labels":{"a":"b","drover.dev/app":"shop"},"name":"a","namespace":"ns"}}`
	if err != nil || string(body) != want {
		t.Errorf("got %s, %v", body, err)
	}
	for _, line := range []string{"", "{", "[]", `{"metadata":1}`, "null"} {
		w.Patch.Line = []byte(line)
		if _, err := patch(kind("", "ConfigMap", "configmaps"), w); agent.ReasonOf(err) != agent.ReasonInvalid {
			t.Errorf("%q: %v", line, err)
		}
	}
}
