package envsubst

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestNoErrorQuotesAValue: values may be those of Secrets.
func TestNoErrorQuotesAValue(t *testing.T) {
	const object = `{"data":{"a":"${x}","b":"k: ${x}"},"kind":"ConfigMap","metadata":{"name":"a"}}`
	for _, value := range []string{
		"*s3cret", "{s3cret", "'s3cret", "s3cret: s3cret: x", "{s3cret: 1, s3cret: 2}", "!!s3cret x", "@s3cret", "[s3cret",
		"${s3cret", "%s3cret",
	} {
		_, err := Replace([]byte(object), map[string]string{"x": value}, true)
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
	_, err := Replace([]byte(`{"kind":"Secret","metadata":{"labels":{"a":7}}}$`), nil, true)
	if err == nil || strings.Contains(err.Error(), "7") {
		t.Errorf("a label that is no text: %v", err)
	}
}

func TestWhatWouldBecomeTooLargeIsRefused(t *testing.T) {
	object := `{"data":{"a":"` + strings.Repeat("${x}", 100_000) + `"},"kind":"ConfigMap","metadata":{"name":"a"}}`
	_, err := Replace([]byte(object), map[string]string{"x": strings.Repeat("y", 1000)}, true)
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MB") {
		t.Errorf("100 MB: %v", err)
	}
}

// TestLinksLittle: the agent links it.
func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"github.com/drover-dev/drover/fleet/envsubst",
		"github.com/fluxcd/pkg/envsubst", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v2",
	}
	for dep := range strings.FieldsSeq(string(out)) {
		first, _, _ := strings.Cut(dep, "/")
		below := func(path string) bool { return dep == path || strings.HasPrefix(dep, path+"/") }
		if strings.Contains(first, ".") && !slices.ContainsFunc(allowed, below) {
			t.Errorf("it links %s", dep)
		}
	}
}
