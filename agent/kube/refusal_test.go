package kube

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
)

// typed is how the API server refuses an object that does not fit the schema of its kind.
func typed(kind, said string) status {
	return status{Code: 500, Message: "failed to create typed patch object (shop/a; /v1, Kind=" + kind + "): " + said}
}

func TestMismatchesAreTranslated(t *testing.T) {
	t.Parallel()
	const number, boolean = `expected string, got &value.valueUnstructured{Value:1}`, `expected string, got &value.valueUnstructured{Value:true}`
	hidden := func(st status) status { st.hide(); return st }
	for _, c := range []struct {
		name, want string
		st         status
	}{
		{"number", `data.a must be a string: quote it: a: "1"`, typed("ConfigMap", ".data.a: "+number)},
		{"key with dots", `data.app.conf must be a string: quote it: app.conf: "-1.5"`, typed("ConfigMap", ".data.app.conf: "+strings.Replace(number, "1}", "-1.5}", 1))},
		{"boolean", "data.a must be a string: quote it (true, false, yes, no, on, off, y and n are booleans in YAML)", typed("ConfigMap", ".data.a: "+boolean)},
		{"Secret", "data.password must be a string: quote it", hidden(typed("Secret", ".data.password: "+number))},
		{"decrypted ConfigMap", "data.password must be a string: quote it", hidden(typed("ConfigMap", ".data.password: "+number))},
		{"Secret with an object", "data.password must be a string, and is a list or an object: correct it in Git",
			hidden(typed("Secret", `.data.password: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":"exceeded quota"}}`))},
		{"template of pods", `spec.template.spec.containers[name="c"].env[name="PORT"].value must be a string: quote it`,
			typed("Deployment", `.spec.template.spec.containers[name="c"].env[name="PORT"].value: `+number)},
		{"object", "data.a must be a string, and is a list or an object: correct it in Git",
			typed("ConfigMap", `.data.a: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":"c: d"}}`)},
		{"misspelled", "spec.replcas is not a field of Deployment: correct its name in Git, or remove it", typed("Deployment", ".spec.replcas: field not declared in schema")},
		{"text for a number", "spec.replicas must be a number, without quotes: correct it in Git", typed("Deployment", ".spec.replicas: expected numeric (int or float), got string")},
		{"text for a boolean", "spec.paused must be true or false, without quotes: correct it in Git",
			typed("Deployment", `.spec.paused: expected boolean, got &{yes}`)},
		{"several", `data.a must be a string: quote it: a: "1"; data.b must be a string: quote it: b: "1"`,
			typed("ConfigMap", "errors:\n  .data.a: "+number+"\n  .data.b: "+number)},
		{"many", "(and 1 more)", typed("ConfigMap", "errors:\n"+strings.Repeat("  .data.a: "+number+"\n", 6))},
		{"twice", `spec.ports has two entries with the key [port=80,protocol="TCP"]: remove one of them in Git`,
			typed("Service", `.spec.ports: duplicate entries for key [port=80,protocol="TCP"]`)},
	} {
		f := explain(c.st)
		if f.Reason != agent.ReasonInvalid || f.Text != c.want && !(c.name == "many" && strings.HasSuffix(f.Text, c.want)) {
			t.Errorf("%s: reason %d, %q; want %q", c.name, f.Reason, f.Text, c.want)
		}
	}
}

// large is a template as the API server quotes it, with a value that must not be told.
var large = `{"metadata":{"labels":{"a":"b: c"}},"spec":{"containers":[{"env":[{"name":"PASSWORD","value":"hunter2 }: \"immutable\""}]}` +
	strings.Repeat(`,{"name":"c"}`, 500) + `]}}`

func invalid(kind string, causes ...cause) status {
	st := status{Code: 422, Reason: "Invalid"}
	var said []string
	for _, c := range causes {
		said = append(said, c.Field+": "+c.Message)
	}
	st.Message = kind + ` "a" is invalid: ` + strings.Join(said, ", ")
	st.Details.Kind, st.Details.Causes = kind, causes
	return st
}

func TestImmutableFieldsAreFoundInCauses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, field, message string
		reason               agent.Reason
		says                 string
	}{
		{"Job", "spec.template", "Invalid value: " + large + ": field is immutable", agent.ReasonImmutable, "spec.template is immutable: annotate drover.dev/recreate: enabled"},
		{"Job", "spec.template", "Invalid value: core.PodTemplateSpec" + large + ": field is immutable", agent.ReasonImmutable, "spec.template is immutable: annotate drover.dev/recreate: enabled"},
		{"Deployment", "spec.selector", `Invalid value: {"matchLabels":{"app":"hunter2"}}: field is immutable`, agent.ReasonImmutable, "spec.selector is immutable"},
		{"Service", "spec.clusterIPs[0]", `Invalid value: ["10.0.0.1"]: may not change once set`, agent.ReasonImmutable, "spec.clusterIPs[0] is immutable"},
		{"StatefulSet", "spec", "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals' are forbidden", agent.ReasonImmutable, "spec is immutable"},
		{"Pod", "spec", "Forbidden: pod updates may not change fields other than `spec.containers[*].image`\n  core.PodSpec{hunter2}", agent.ReasonImmutable, "spec is immutable"},
		{"PersistentVolumeClaim", "spec", "Forbidden: spec is immutable after creation except resources.requests\n  core.PersistentVolumeClaimSpec{}", agent.ReasonImmutable, "which deletes its data"},
		{"RoleBinding", "roleRef", "Invalid value: " + large + ": cannot change roleRef", agent.ReasonImmutable, "roleRef is immutable"},
		{"Secret", "data", "Forbidden: field is immutable when `immutable` is set", agent.ReasonImmutable, "data is immutable"},
		{"Job", "spec.template", "Invalid value: " + large + ": must not be so", agent.ReasonInvalid, "(spec.template: must not be so)"},
		{"Deployment", "spec.template.spec.containers[0].imagePullPolicy", `Unsupported value: "hunter2": supported values: "Always"`, agent.ReasonInvalid,
			`(spec.template.spec.containers[0].imagePullPolicy: supported values: "Always")`},
		{"Service", "spec.ports[0].port", "Invalid value: 99999: must be between 1 and 65535, inclusive", agent.ReasonInvalid,
			"correct it in Git (spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive)"},
		{"ConfigMap", "metadata.labels", `Invalid value: "immutable exceeded quota denied the request": a valid label must be short`, agent.ReasonInvalid, "a valid label must be short"},
	} {
		f := explain(invalid(c.kind, cause{"FieldValueInvalid", c.message, c.field}))
		if f.Reason != c.reason || !strings.Contains(f.Text, c.says) || strings.Contains(f.Text, "hunter2") || len(f.Text) > 400 {
			t.Errorf("%s: reason %d, %q; want %d and %q", c.field, f.Reason, f.Text, c.reason, c.says)
		}
	}
	several := explain(invalid("Job", cause{"FieldValueRequired", "Required value", "spec.a"}, cause{"FieldValueInvalid", "Invalid value: 5: field is immutable", "spec.completions"}))
	if several.Reason != agent.ReasonImmutable || !strings.HasPrefix(several.Text, "spec.completions is immutable") {
		t.Errorf("several causes: %q", several.Text)
	}
}
