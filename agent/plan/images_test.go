package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func pod(image string) string {
	return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"image":"` + image + `"}]}}`
}

// TestImagesAreToldWhereVariablesChangeThem, all of them, and never with a value of a Secret.
func TestImagesAreToldWhereVariablesChangeThem(t *testing.T) {
	t.Parallel()
	public := vars("v", 1, "tag", "v1.4", "name", "x")
	private := public
	private.Ref.Kind = "Secret"
	opaque := []protocol.Opaque{{Token: "zq0123456789abcdef0123", Key: "tag", From: []protocol.VarsRef{private.Ref}}}
	filled, err := (*Transform)(nil).WithOpaque(opaque, []Input{private})
	if err != nil {
		t.Fatal(err)
	}
	decrypting, err := NewTransform(decrypts("web:secret"), &keys, &protocol.Substitution{}, []Input{public})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tr    *Transform
		lines []string
		want  string
	}{
		"no variables": {nil, []string{pod("web:${tag}")}, ""},
		"a variable": {substitution(t, protocol.Substitution{}, public), []string{pod("web:${tag}"), pod("db:1")},
			"db:1 web:v1.4"},
		"a variable elsewhere": {substitution(t, protocol.Substitution{}, public), []string{strings.Replace(pod("web:1"),
			`"p"`, `"${name}"`, 1)}, ""},
		"of a Secret":           {substitution(t, protocol.Substitution{}, private), []string{pod("web:${tag}")}, ""},
		"opaque, of a Secret":   {filled, []string{pod("web:zq0123456789abcdef0123")}, ""},
		"beside what is secret": {decrypting, []string{pod("web:${tag}"), pod(ciphertext)}, "web:v1.4"},
		"what is secret alone":  {decrypting, []string{pod(ciphertext)}, ""},
	} {
		p := mustRead(t, source(c.lines...), c.tr)
		if got := strings.Join(p.Images, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	var many []string
	for i := range protocol.MaxImages + 5 {
		many = append(many, pod(fmt.Sprintf("i%04d:${tag}", i)))
	}
	images := mustRead(t, source(many...), substitution(t, protocol.Substitution{}, public)).Images
	if len(images) != protocol.MaxImages || !slices.IsSorted(images) {
		t.Errorf("of many images %d are told", len(images))
	}
}
