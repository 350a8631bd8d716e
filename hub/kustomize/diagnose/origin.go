package diagnose

import (
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Origins says which file declared an object. Kustomize could note that itself (originAnnotations),
// but the annotation would be there during the build, where a patch or a replacement can see it.
// So the files are matched with the objects afterwards, by kind and name, allowing for prefixes,
// suffixes and hashes; where two files fit equally well, nothing is said.
type Origins struct{ declared map[string][]declaration }

// declaration is one object as a file declares it.
type declaration struct{ name, file string }

// NewOrigins reads what a build read.
func NewOrigins(b *Build) *Origins {
	o := &Origins{declared: map[string][]declaration{}}
	for _, f := range b.files {
		if b.Declares[f.Path] && !IsKustomization(f.Path) {
			o.scan(f)
		}
	}
	for _, k := range b.kusts {
		for _, g := range k.ConfigMapGenerator {
			o.generated("ConfigMap", g.GeneratorArgs, k.Path)
		}
		for _, g := range k.SecretGenerator {
			o.generated("Secret", g.GeneratorArgs, k.Path)
		}
	}
	return o
}

func (o *Origins) add(kind, name, file string) {
	if kind != "" && name != "" {
		o.declared[kind] = append(o.declared[kind], declaration{name, file})
	}
}

// generated adds what a generator makes, unless it only changes what is there.
func (o *Origins) generated(kind string, g types.GeneratorArgs, file string) {
	if b := types.NewGenerationBehavior(g.Behavior); b != types.BehaviorMerge && b != types.BehaviorReplace {
		o.add(kind, g.Name, file)
	}
}

// maxGuesses bounds the comparisons for one object.
const maxGuesses = 4096

// Of gives the file that declares an object, "" if that is not certain.
func (o *Origins) Of(kind, name string) string {
	known := o.declared[kind]
	if len(known) > maxGuesses {
		return ""
	}
	var best declaration
	for _, d := range known {
		switch {
		case len(d.name) < len(best.name) || !strings.Contains(name, d.name):
		case len(d.name) > len(best.name):
			best = d
		case d.file != best.file:
			best.file = ""
		}
	}
	if kind == "Namespace" && best.name == "" && len(known) == 1 {
		return known[0].file // `namespace:` gives a Namespace another name altogether
	}
	return best.file
}

// scan finds the kind and name of each object in a file, by its text where it is written as
// usual, because parsing costs more than all the rest of finding origins.
func (o *Origins) scan(f File) {
	for _, doc := range Documents(f.Data) {
		kind, name := glance(doc.Text)
		if kind != "" && name != "" && !strings.HasSuffix(kind, "List") {
			o.add(kind, name, f.Path)
			continue
		}
		var object objectHead
		if yaml.Unmarshal([]byte(doc.Text), &object) != nil {
			continue
		}
		o.add(object.Kind, object.Metadata.Name, f.Path)
		for _, item := range object.Items {
			o.add(item.Kind, item.Metadata.Name, f.Path)
		}
	}
}

// objectHead is what names an object.
type objectHead struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name         string `yaml:"name"`
		GenerateName string `yaml:"generateName"`
		Namespace    string `yaml:"namespace"`
	} `yaml:"metadata"`
	Items []objectHead `yaml:"items"`
}

// glance reads kind and metadata.name from a document in block style.
func glance(text string) (kind, name string) {
	inMetadata, indent := false, 0
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " ")
		depth := len(line) - len(trimmed)
		switch trimmed = strings.TrimSpace(trimmed); {
		case trimmed == "" || trimmed[0] == '#':
		case depth == 0:
			inMetadata, indent = trimmed == "metadata:", 0
			if value, ok := strings.CutPrefix(trimmed, "kind:"); ok {
				kind = scalar(value)
			}
		case inMetadata && (indent == 0 || depth == indent):
			indent = depth
			if value, ok := strings.CutPrefix(trimmed, "name:"); ok {
				name = scalar(value)
			}
		}
		if kind != "" && name != "" {
			return kind, name
		}
	}
	return kind, name
}

// scalar gives the value of a plain or quoted one-line scalar.
func scalar(text string) string {
	text, _, _ = strings.Cut(text, " #")
	return strings.Trim(strings.TrimSpace(text), `"'`)
}
