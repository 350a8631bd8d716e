package diagnose

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"fmt"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// patch is one patch of a kustomization: a file, or text in the kustomization.
type patch struct {
	k      Kustomization
	field  string
	file   string // "" if the text stands in the kustomization
	text   string
	target *types.Selector
}

// place says where to point for a patch.
func (p patch) place() (file string, line int) {
	if p.file != "" {
		return p.file, 1
	}
	return p.k.Path, LineOf(p.k.Data, p.field)
}

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
const sopsValue = "ENC[AES256_GCM,"

// EncryptedPatch is a patch that is encrypted with SOPS.
type EncryptedPatch struct {
	File string
	Line int
	Text string
}

// EncryptedPatches are the patches that are encrypted.
func EncryptedPatches(b *Build) (out []EncryptedPatch) {
	for _, p := range b.patches() {
		if strings.Contains(p.text, sopsValue) {
			e := EncryptedPatch{Text: p.text}
			e.File, e.Line = p.place()
			out = append(out, e)
		}
	}
	return out
}

// Refuse says why the result of the patch could not be decrypted.
func (p EncryptedPatch) Refuse(why string) *BuildError {
	return &BuildError{File: p.File, Line: p.Line, Reason: "the patch is encrypted with SOPS, and " + why,
		Hint: "encrypt the object itself, or move the secret part into an encrypted object of its own"}
}

// patches lists the patches of every kustomization that was read, as far as they can be read.
func (b *Build) patches() []patch {
	var all []patch
	for _, k := range b.kusts {
		all = append(all, b.patchesOf(k)...)
	}
	return all
}

func (b *Build) patchesOf(k Kustomization) []patch {
	var all []patch
	for i, p := range k.Patches {
		all = append(all, b.patch(k, fmt.Sprintf("patches[%d]", i), p))
	}
	for i, p := range k.PatchesJson6902 {
		all = append(all, b.patch(k, fmt.Sprintf("patchesJson6902[%d]", i), p))
	}
	for i, p := range k.PatchesStrategicMerge {
		field := fmt.Sprintf("patchesStrategicMerge[%d]", i)
		if (Reference{Path: string(p), Role: MergePatch}).Inline() {
			all = append(all, patch{k: k, field: field, text: string(p)})
		} else {
			all = append(all, b.patch(k, field, types.Patch{Path: string(p)}))
		}
	}
	return all
}

func (b *Build) patch(k Kustomization, field string, p types.Patch) patch {
	if p.Path == "" {
		return patch{k: k, field: field, text: p.Patch, target: p.Target}
	}
	target, _ := Reference{Path: p.Path}.Target(k.Dir())
	data, _ := b.Content(target)
	return patch{k: k, field: field, file: target, text: string(data), target: p.Target}
}

// brokenPatch finds a patch that does not parse.
func brokenPatch(b *Build) *BuildError {
	for _, p := range b.patches() {
		if e := syntax(File{p.file, []byte(p.text)}); e != nil {
			if p.file == "" {
				e.File, e.Line = p.place()
				e.Reason = p.field + ": " + e.Reason
			}
			return e
		}
	}
	return nil
}

// failedPatch explains a patch with which a kustomization does not build, and without which it does. applies says
// whether it
// does with another text in the patch's place.
func (b *Build) failedPatch(p patch, cause error, applies func(text string) bool) *BuildError {
	e := &BuildError{}
	e.File, e.Line = p.place()
	merges, isJSON := p.merges(), p.isJSON()
	switch {
	case isJSON && len(merges) > 0:
		e.Reason, e.Hint = "the patch reads as a merge patch and as a JSON patch", "split it"
	case isJSON && p.target == nil:
		e.Reason, e.Hint = "a JSON patch without a target", "add target: with the kind and name of what it patches"
	case isJSON:
		e.Reason, e.Hint = "a patch does not apply: "+innermost(cause),
			"check the paths and the operations against the object"
		if p.tests() {
			e.Hint = "a test in the patch does not hold, or a path is not there; check them against the object"
		}
	case len(merges) == 0:
		e.Reason, e.Hint = "the patch is neither a merge patch nor a JSON patch",
			"a merge patch is an object with apiVersion, kind and name; a JSON patch is a list of operations, in JSON if it "+
				"begins with ["
	case len(merges) > 1 && p.target != nil:
		e.Reason, e.Hint = "several merge patches share one target", "give each an entry of its own"
	default:
		e.Reason, e.Hint = "a patch does not apply: "+innermost(cause),
			"check its fields against the object's; has one a list where the other has a map?"
		for _, m := range merges {
			if p.target == nil && !applies(m.nothing()) {
				if p.file != "" {
					e.Line = m.line
				}
				e.Reason, e.Hint = b.withoutObject(m.id)
			}
		}
	}
	return e
}

// isJSON says whether kustomize takes the patch for a JSON patch.
func (p patch) isJSON() bool { return len(p.operations()) > 0 }

// tests says whether a JSON patch tests something.
func (p patch) tests() bool {
	return slices.ContainsFunc(p.operations(), func(op jsonpatch.Operation) bool { return op.Kind() == "test" })
}

// operations are those of a JSON patch, read as kustomize reads them; none if it is no such patch.
func (p patch) operations() jsonpatch.Patch {
	data := []byte(strings.TrimSpace(p.text))
	if len(data) == 0 {
		return nil
	}
	if data[0] != '[' {
		var err error
		if data, err = sigsyaml.YAMLToJSON(data); err != nil {
			return nil
		}
	}
	ops, err := jsonpatch.DecodePatch(data)
	if err != nil {
		return nil
	}
	return ops
}

// identity is what a merge patch says of its object.
type identity struct{ kind, name, namespace string }

func (id identity) String() string {
	if id.namespace != "" {
		return fmt.Sprintf("%s %q in namespace %q", id.kind, id.name, id.namespace)
	}
	return fmt.Sprintf("%s %q", id.kind, id.name)
}

// mergeDoc is one document of a merge patch.
type mergeDoc struct {
	apiVersion string
	id         identity
	line       int
}

// merges lists the documents of a merge patch.
func (p patch) merges() []mergeDoc {
	var all []mergeDoc
	for _, doc := range Documents([]byte(p.text)) {
		var h objectHead
		if yaml.Unmarshal([]byte(doc.Text), &h) == nil && h.Kind != "" && h.Metadata.Name != "" {
			all = append(all, mergeDoc{h.APIVersion, identity{h.Kind, h.Metadata.Name, h.Metadata.Namespace}, firstLine(doc)})
		}
	}
	return all
}

// nothing is a merge patch for the same object that changes nothing.
func (m mergeDoc) nothing() string {
	text := fmt.Sprintf("apiVersion: %q\nkind: %q\nmetadata:\n  name: %q\n", m.apiVersion, m.id.kind, m.id.name)
	if m.id.namespace != "" {
		text += fmt.Sprintf("  namespace: %q\n", m.id.namespace)
	}
	return text
}

// withoutObject tells of a patch whose object is not there, or not the only one.
func (b *Build) withoutObject(id identity) (reason, hint string) {
	var names []string
	same := 0
	for _, d := range NewOrigins(b).declared[id.kind] {
		names = append(names, d.name)
		if d.name != id.name {
			continue
		}
		if same++; same == 1 {
			hint = "the object is declared in " + d.file +
				"; do apiVersion and namespace agree, and does the kustomization include it?"
		}
	}
	switch {
	case same > 1 && id.namespace == "":
		return "the patch for " + id.String() + " matches several objects", "give its target a namespace"
	case same == 0:
		hint = suggest(id.name, names, "check its apiVersion, kind, name and namespace against the object's")
	}
	return "the patch for " + id.String() + " matches no object", hint
}
