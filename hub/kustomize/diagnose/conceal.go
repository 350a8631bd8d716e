package diagnose

import (
	"encoding/base64"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// quotesSecret says whether a text quotes a value of a Secret that the build has read: of an object, of a generator,
// or of a patch, whose target may be a Secret.
func (b *Build) quotesSecret(text string) bool {
	var values []string
	for _, f := range b.files {
		for _, doc := range Documents(f.Data) {
			if fleet.HoldsSecret([]byte(doc.Text)) {
				values = append(values, scalarsBelow(doc.Text, "data", "stringData")...)
			}
		}
	}
	for _, k := range b.kusts {
		for _, g := range k.SecretGenerator {
			for _, l := range g.LiteralSources {
				_, value, _ := strings.Cut(l, "=")
				values = append(values, value)
			}
		}
	}
	for _, p := range b.patches() {
		values = append(values, scalarsBelow(p.text, "data", "stringData", "value")...)
	}
	return fleet.Conceal(text, values) != text
}

// scalarsBelow are the scalars of a YAML text that stand below keys, and what those in base64 decode to.
func scalarsBelow(text string, keys ...string) (out []string) {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil {
		return nil
	}
	var walk func(n *yaml.Node, below bool)
	walk = func(n *yaml.Node, below bool) {
		if n.Kind == yaml.ScalarNode && below {
			out = append(out, n.Value)
			if plain, err := base64.StdEncoding.DecodeString(n.Value); err == nil {
				out = append(out, string(plain))
			}
		}
		for i, c := range n.Content {
			at := below
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				for _, key := range keys {
					at = at || n.Content[i-1].Value == key
				}
			}
			walk(c, at)
		}
	}
	walk(&root, false)
	return out
}
