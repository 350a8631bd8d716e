package fleet

import (
	"errors"
	"strings"
	"testing"
)

func TestYAMLRule(t *testing.T) {
	for text, want := range map[string]string{
		"yaml: unknown anchor 'S3CRET' referenced":                                                            "an alias without an anchor",
		"yaml: unmarshal errors:\n  line 3: mapping key \"S3CRET\" already defined at line 2":                 "a map has the same key twice",
		"error converting YAML to JSON: yaml: unmarshal errors:\n  line 3: key \"S3CRET\" already set in map": "a map has the same key twice",
		"yaml: line 7: cannot unmarshal !!str `S3CRET` into int":                                              "a value is of another type",
		"yaml: line 2: did not find expected ',' or ']'":                                                      "did not find expected ',' or ']'",
		"yaml: line 2: could not find expected ':'":                                                           "could not find expected ':'",
		"yaml: line 4: found character that cannot start any token":                                           "found character that cannot start any token",
		"yaml: line 4: found unknown escape character":                                                        "found unknown escape character",
		"yaml: line 1: mapping values are not allowed in this context":                                        "mapping values are not allowed in this context",
		"yaml: invalid map key: S3CRET":                                                                       "it does not follow the rules of YAML",
		"yaml: something new about S3CRET":                                                                    "it does not follow the rules of YAML",
	} {
		if got := YAMLRule(errors.New(text)); !strings.HasPrefix(got, want) || strings.Contains(got, "S3CRET") {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestHoldsSecret(t *testing.T) {
	for text, want := range map[string]bool{
		"apiVersion: v1\nkind: Secret\n": true, `{"kind":"Secret"}`: true, "- kind: \"Secret\"\n": true, "{kind: Secret, a: [": true,
		"kind: SecretStore\n": false, "kind: ConfigMap\n": false, "kind: Secrets": false,
	} {
		if got := HoldsSecret([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestConceal(t *testing.T) {
	for _, c := range []struct{ message, value, want string }{
		{"a/b.yaml:3: wants hunter2 to be longer", "hunter2", "a/b.yaml:3: it failed with a message that quotes"},
		{"a/b.yaml:3: wants line two", "line one\nline two\n", "a/b.yaml:3: it failed"},
		{"a/b.yaml:3: no such file", "no", "a/b.yaml:3: no such file"},
		{"a/b.yaml:3: no such file", "hunter2", "a/b.yaml:3: no such file"},
		{"hunter2: is wrong", "hunter2", ": it failed"},
	} {
		if got := Conceal(c.message, []string{c.value}); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q becomes %q, want %q", c.message, got, c.want)
		}
	}
}
