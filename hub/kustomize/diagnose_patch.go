package kustomize

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// identity is how kustomize names an object in its errors: Kind.version.group/name.namespace.
type identity struct{ kind, name, namespace string }

var identityText = regexp.MustCompile(`([A-Za-z0-9]+)\.([^\s"/]*)/(\S+)\.([^\s.";,':]+)`)

func identityIn(text string) (identity, bool) {
	f := identityText.FindStringSubmatch(text)
	if f == nil {
		return identity{}, false
	}
	ns := f[4]
	if strings.HasPrefix(ns, "[no") {
		ns = ""
	}
	return identity{f[1], f[3], ns}, true
}

func (id identity) String() string {
	if id.namespace != "" {
		return fmt.Sprintf("%s %q in namespace %q", id.kind, id.name, id.namespace)
	}
	return fmt.Sprintf("%s %q", id.kind, id.name)
}

// patch is one patch of a kustomization: a file, or text in the kustomization.
type patch struct {
	k     kustomization
	field string
	file  string // "" if the text stands in the kustomization
	text  string
	quote string // how kustomize points at it
}

// place says where to point for a patch.
func (p patch) place() (file string, line int) {
	if p.file != "" {
		return p.file, 1
	}
	return p.k.path, lineOf(p.k.data, p.field)
}

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
const sopsValue = "ENC[AES256_GCM,"

// encryptedPatch finds a patch that is encrypted. Its object would be a mixture that nobody can decrypt: of plain
// values, and of ciphertext whose checksum is that of the patch.
func encryptedPatch(m *mount) *BuildError {
	for _, p := range m.patches() {
		if strings.Contains(p.text, sopsValue) {
			e := &BuildError{Reason: "the patch is encrypted with SOPS, and patches are applied before anything is decrypted in the cluster",
				Hint: "encrypt the object itself, or move the secret part into an encrypted object of its own"}
			e.File, e.Line = p.place()
			return e
		}
	}
	return nil
}

// patches lists the patches of every kustomization that was read, as far as they can be read.
func (m *mount) patches() []patch {
	var all []patch
	for _, k := range m.kusts {
		for i, p := range k.Patches {
			all = append(all, m.patch(k, fmt.Sprintf("patches[%d]", i), p))
		}
		for i, p := range k.PatchesJson6902 {
			all = append(all, m.patch(k, fmt.Sprintf("patchesJson6902[%d]", i), p))
		}
		for i, p := range k.PatchesStrategicMerge {
			field := fmt.Sprintf("patchesStrategicMerge[%d]", i)
			if (reference{path: string(p), role: mergePatch}).inline() {
				all = append(all, patch{k: k, field: field, text: string(p)})
			} else {
				all = append(all, m.patch(k, field, types.Patch{Path: string(p)}))
			}
		}
	}
	return all
}

func (m *mount) patch(k kustomization, field string, p types.Patch) patch {
	if p.Path == "" {
		return patch{k: k, field: field, text: p.Patch, quote: fmt.Sprintf("[patch: %q]", strings.TrimSpace(p.Patch))}
	}
	target, _ := reference{path: p.Path}.target(k.dir())
	data, _ := m.content(target)
	return patch{k: k, field: field, file: target, text: string(data), quote: fmt.Sprintf("[path: %q]", p.Path)}
}

// brokenPatch finds a patch that does not parse, or that has nothing to patch.
func brokenPatch(m *mount, cause string) *BuildError {
	for _, p := range m.patches() {
		if e := syntax(file{p.file, []byte(p.text)}); e != nil {
			if p.file == "" {
				e.File, e.Line = p.place()
				e.Reason = p.field + ": " + e.Reason
			}
			return e
		}
	}
	_, after, found := strings.Cut(cause, "no resource matches strategic merge patch ")
	if !found {
		_, after, found = strings.Cut(cause, "failed to find unique target for patch ")
	}
	id, ok := identityIn(after)
	if !found || !ok {
		return wrongPatch(m, cause)
	}
	e := &BuildError{File: m.outermost(), Reason: "the patch for " + id.String() + " matches no object", Hint: m.nearest(id)}
	if strings.Contains(cause, "multiple matches") {
		e.Reason, e.Hint = "the patch for "+id.String()+" matches several objects", "give its target a namespace"
	}
	for _, p := range m.patches() {
		if p.line(id) > 0 {
			e.File, e.Line = p.place()
			if p.file != "" {
				e.Line = p.line(id)
			}
			return e
		}
	}
	return e
}

// line gives the line of the document with which a patch patches an object; 0 if it does not.
func (p patch) line(id identity) int {
	for _, doc := range documents([]byte(p.text)) {
		var head objectHead
		if yaml.Unmarshal([]byte(doc.text), &head) == nil && head.Kind == id.kind && head.Metadata.Name == id.name {
			return firstLine(doc)
		}
	}
	return 0
}

// nearest suggests the declared object that a patch may have meant.
func (m *mount) nearest(id identity) string {
	var names []string
	for _, d := range newOrigins(m).declared[id.kind] {
		if d.name == id.name {
			return "the object is declared in " + d.file + "; do apiVersion and namespace agree, and does the kustomization include it?"
		}
		names = append(names, d.name)
	}
	return suggest(id.name, names, "check its apiVersion, kind, name and namespace against the object's")
}
