package diagnose

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"
)

// Folders for which parts are built again to find what fails; a message about a larger one names its file alone.
const (
	maxNarrowed = 1 << 20 // bytes
	maxFolders  = 32      // kustomizations
)

// steps are the fields of a kustomization in the order in which kustomize goes through them, and what to do if it
// fails in one.
var steps = []struct{ field, hint string }{
	{"openapi", "check the schema that openapi.path names"},
	{"resources", "check the file and what it declares"},
	{"bases", "check the folder and what it declares"},
	{"configurations", "check the file against kustomize's transformer configurations"},
	{"crds", "check the file; it must be an OpenAPI definition"},
	{"configMapGenerator", "check the generator and the files that it names"},
	{"secretGenerator", "check the generator and the files that it names"},
	{"generators", "check its kind and its fields"},
	{"components", "check what the component changes against the objects in this kustomization"},
	{"patchesStrategicMerge", ""},
	{"patches", ""},
	{"namespace", "do two objects of one kind and name come into the same namespace? Give them different names"},
	{"namePrefix", "check whether names clash"},
	{"nameSuffix", "check whether names clash"},
	{"commonLabels", "check the labels"},
	{"labels", "check the labels"},
	{"commonAnnotations", "check the annotations"},
	{"patchesJson6902", ""},
	{"replicas", "replicas: names something that cannot be scaled, or is not there; check the name"},
	{"images", "check the name of the image"},
	{"imageTags", "check the name of the image"},
	{"replacements", "check the source against the objects in this kustomization, and fieldPaths against the targets, " +
		"or set options.create to add the field"},
	{"transformers", "check its kind and its fields"},
	{"validators", "check its kind and its fields"},
	{"vars", "check objref and fieldref against the objects in this kustomization"},
	{"sortOptions", "write order: fifo or order: legacy"},
	{"buildMetadata", "see the metadata that kustomize knows"},
}

// step is one entry of a kustomization.
type step struct {
	field string // resources
	index int    // in a list; -1 if the field is none
	hint  string
}

func (s step) String() string {
	if s.index < 0 {
		return s.field
	}
	return fmt.Sprintf("%s[%d]", s.field, s.index)
}

// stepsOf lists the entries of a kustomization.
func stepsOf(k *types.Kustomization) []step {
	var all []step
	for _, s := range steps {
		switch v := fieldOf(k, s.field); {
		case v.IsZero():
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				all = append(all, step{s.field, i, s.hint})
			}
		default:
			all = append(all, step{s.field, -1, s.hint})
		}
	}
	return all
}

// fieldOf gives the field of a kustomization that has a name in YAML.
func fieldOf(k *types.Kustomization, name string) reflect.Value {
	t := reflect.TypeFor[types.Kustomization]()
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return reflect.ValueOf(k).Elem().Field(i)
		}
	}
	return reflect.Value{}
}

// only gives a kustomization with some of its entries. It is never so empty that kustomize refuses it.
func only(k types.Kustomization, entries []step) *types.Kustomization {
	part := &types.Kustomization{TypeMeta: k.TypeMeta, MetaData: k.MetaData, GeneratorOptions: k.GeneratorOptions}
	if part.GeneratorOptions == nil {
		part.GeneratorOptions = &types.GeneratorOptions{}
	}
	for _, s := range entries {
		from, to := fieldOf(&k, s.field), fieldOf(part, s.field)
		if s.index < 0 {
			to.Set(from)
		} else {
			to.Set(reflect.Append(to, from.Index(s.index)))
		}
	}
	return part
}

// narrow finds the entry with which a kustomization no longer builds: it builds each folder that the build led
// through, the
// innermost first, and of the first that fails as many entries as do not. It gives nil if it finds none.
func (b *Build) narrow(again attempt) *BuildError {
	size := 0
	for _, f := range b.files {
		size += len(f.Data)
	}
	if size > maxNarrowed || len(b.kusts) > maxFolders {
		return nil
	}
	for i, k := range slices.Backward(b.kusts) {
		if k.Kind == types.ComponentKind {
			continue // it is built with what includes it
		}
		if i == 0 && b.Laid == nil || again(k.Dir(), nil) != nil {
			return b.narrowed(k, map[string][]byte{}, k.Dir(), again)
		}
	}
	if b.Laid != nil {
		return b.narrowed(*b.Laid, map[string][]byte{}, b.Laid.Dir(), again)
	}
	return nil
}

// narrowed finds the entry of a kustomization that fails when a folder is built with some files changed.
func (b *Build) narrowed(k Kustomization, changed map[string][]byte, dir string, again attempt) *BuildError {
	entries := stepsOf(&k.Kustomization)
	try := func(part *types.Kustomization) error {
		data, err := sigsyaml.Marshal(part)
		if err != nil {
			return nil // it is no failure of the build
		}
		changed[k.Path] = data
		return again(dir, changed)
	}
	n := sort.Search(len(entries)+1, func(n int) bool {
		return n > len(entries) || try(only(k.Kustomization,
			entries[:n])) != nil
	})
	if n == 0 || n > len(entries) {
		return nil
	}
	cause := try(only(k.Kustomization, entries[:n]))
	if cause == nil {
		return nil
	}
	s := entries[n-1]
	if s.field == "components" {
		target, _ := Reference{Path: k.Components[s.index]}.Target(k.Dir())
		for _, c := range b.kusts {
			if c.Dir() != target {
				continue
			}
			if e := b.narrowed(c, changed, dir, again); e != nil {
				return e
			}
		}
	}
	applies := func(text string) bool {
		part := only(k.Kustomization, entries[:n])
		last := fieldOf(part, s.field)
		switch at := last.Index(last.Len() - 1); at.Kind() {
		case reflect.String: // of patchesStrategicMerge
			at.SetString(text)
		default:
			at.Set(reflect.ValueOf(types.Patch{Patch: text}))
		}
		return try(part) == nil
	}
	e := b.failed(k, s, cause, applies)
	if b.Laid != nil && e.File == b.Laid.Path {
		e.File, e.Line = b.Dir, 0 // nobody can look at a kustomization that was made up
	}
	return e
}

// failed says what is wrong with an entry of a kustomization, given what kustomize says of it.
func (b *Build) failed(k Kustomization, s step, cause error, applies func(text string) bool) *BuildError {
	for _, p := range b.patchesOf(k) {
		if p.field == s.String() {
			return b.failedPatch(p, cause, applies)
		}
	}
	e := &BuildError{File: k.Path, Line: LineOf(k.Data, s.String()), Reason: s.String() + ": " + innermost(cause),
		Hint: s.hint}
	switch s.field {
	case "resources", "bases":
		if twice := b.declaredTwice(k, s); twice != nil {
			return twice
		}
	case "configMapGenerator", "secretGenerator":
		for _, g := range k.generators() {
			if behavior := types.NewGenerationBehavior(g.Behavior); g.field == s.String() &&
				(behavior == types.BehaviorMerge || behavior == types.BehaviorReplace) {
				e.Reason, e.Hint = "a generator with behavior merge or replace finds nothing of its kind and name",
					"check the name, or use behavior: create"
			}
		}
	case "openapi":
		if k.OpenAPI["version"] != "" {
			e.Hint = "remove openapi.version"
		}
	case "namespace":
		if b.sameNames() {
			e.Reason, e.Hint = "two objects of one kind and name come into the same namespace", "give them different names"
		}
	case "generators", "transformers", "validators":
		if b.runsProgram(k, fieldOf(&k.Kustomization, s.field).Index(s.index).String()) {
			e.Reason, e.Hint = "it uses a generator or transformer that is no builtin of kustomize, and a build runs no "+
				"programs", "commit what the plugin produces"
		}
	}
	return e
}
