package envsubst

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoErrorQuotesAValue: values may be those of Secrets.
func TestNoErrorQuotesAValue(t *testing.T) {
	for _, value := range []string{"*s3cret", "{s3cret", "'s3cret", "s3cret: s3cret: x", "{s3cret: 1, s3cret: 2}", "!!s3cret x", "@s3cret", "[s3cret", "${s3cret", "%s3cret"} {
		_, err := Replace([]byte(`{"data":{"a":"${x}","b":"k: ${x}"},"kind":"ConfigMap","metadata":{"name":"a"}}`), map[string]string{"x": value}, true)
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the value %q is in %v", value, err)
		}
	}
	if _, err := Replace([]byte(`{"data":{"a":"${x}"}}`), map[string]string{"x": "*s3cret"}, true); err == nil {
		t.Error("a value that makes no YAML is no error")
	}
}

// TestOfASecretNothingIsTold: neither of an object of that kind nor of one that was decrypted.
func TestOfASecretNothingIsTold(t *testing.T) {
	for _, text := range []string{"${s3cret", "${s3cret}", "${s3cret[@]}", "${a:-${s3cret}}", "${-s3cret}"} {
		for _, strict := range []bool{true, false} {
			_, err := Replace([]byte(`{"data":{"a":"`+text+`"},"kind":"Secret","metadata":{"name":"a"}}`), nil, strict)
			if err != nil && strings.Contains(err.Error(), "s3cret") || err == nil && strict {
				t.Errorf("%s of a Secret: %v", text, err)
			}
			_, err = ReplaceSecret([]byte(`{"data":{"a":"`+text+`"},"kind":"ConfigMap","metadata":{"name":"a"}}`), nil, strict)
			if err != nil && strings.Contains(err.Error(), "s3cret") || err == nil && strict {
				t.Errorf("%s of what was decrypted: %v", text, err)
			}
		}
	}
	if _, err := Replace([]byte(`{"kind":"Secret","metadata":{"labels":{"a":7}}}$`), nil, true); err == nil || strings.Contains(err.Error(), "7") {
		t.Errorf("a label that is no text: %v", err)
	}
}

func TestWhatWouldBecomeTooLargeIsRefused(t *testing.T) {
	object := `{"data":{"a":"` + strings.Repeat("${x}", 100_000) + `"},"kind":"ConfigMap","metadata":{"name":"a"}}`
	if _, err := Replace([]byte(object), map[string]string{"x": strings.Repeat("y", 1000)}, true); err == nil || !strings.Contains(err.Error(), "larger than 64 MB") {
		t.Errorf("100 MB: %v", err)
	}
}

// TestLinksLittle: the agent links it.
func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(dep, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(dep, "github.com/fluxcd/pkg/envsubst") && !strings.HasPrefix(dep, "github.com/drover-dev/drover/envsubst") &&
			dep != "sigs.k8s.io/yaml" && !strings.HasPrefix(dep, "go.yaml.in/yaml/v2") && dep != "sigs.k8s.io/yaml/goyaml.v2" {
			t.Errorf("it links %s", dep)
		}
	}
}
