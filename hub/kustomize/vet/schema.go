package vet

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
)

// maxHops is how many references in a row a schema may make.
const maxHops = 100

// Schema refuses a schema (openapi.path) in which a reference leads back to itself: kustomize would
// follow it for ever, and no build would come after.
func Schema(name string, data []byte) *diagnose.BuildError {
	var root any
	if yaml.Unmarshal(data, &root) != nil {
		return nil
	}
	for _, ref := range schemaRefs(root, nil) {
		next := ref
		for hops := 0; next != ""; hops++ {
			if hops > maxHops {
				return &diagnose.BuildError{File: name, Reason: fmt.Sprintf("the schema's reference %q leads back to itself", ref), Hint: "write the schema out where it is referred to"}
			}
			next = schemaRef(pointed(root, next))
		}
	}
	return nil
}

// schemaRefs lists every $ref below a value.
func schemaRefs(value any, refs []string) []string {
	switch v := value.(type) {
	case map[string]any:
		if ref := schemaRef(v); ref != "" {
			refs = append(refs, ref)
		}
		for _, c := range v {
			refs = schemaRefs(c, refs)
		}
	case []any:
		for _, c := range v {
			refs = schemaRefs(c, refs)
		}
	}
	return refs
}

func schemaRef(value any) string {
	object, _ := value.(map[string]any)
	ref, _ := object["$ref"].(string)
	return ref
}

// pointed gives the value at a JSON pointer such as #/definitions/x.
func pointed(value any, ref string) any {
	_, pointer, _ := strings.Cut(ref, "#")
	if plain, err := url.PathUnescape(pointer); err == nil {
		pointer = plain
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}
