package fleet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Course is the place of an object in the delivery of its app, as its annotations say.
type Course struct {
	Wave  int                  // lower ones are applied first, and must be healthy before the next one begins
	Hook  *Hook                // nil for an object that is simply applied
	Skip  bool                 // it is not applied at all
	After []protocol.ObjectRef // objects of the cluster that must be current before it is applied
}

var (
	waveKeys  = [...]string{"drover.dev/sync-wave", "argocd.argoproj.io/sync-wave", helmHookWeight}
	afterKeys = [...]string{"drover.dev/depends-on", "config.kubernetes.io/depends-on"}
)

// CourseOf reads the annotations of an object. An error says which of them cannot be understood, and what is to be
// done.
func CourseOf(annotations map[string]any) (Course, error) {
	var c Course
	if len(annotations) == 0 {
		return c, nil
	}
	var unknown string
	if c.Hook, c.Skip, unknown = readHook(annotations); unknown != "" {
		return c, fmt.Errorf("is annotated as a hook for %.40q, which is no phase: write one of PreSync, Sync, PostSync, SyncFail, PreDelete, PostDelete, PreRollback, PostRollback or Skip", unknown)
	}
	for i, key := range waveKeys {
		if text, ok := annotations[key].(string); ok && (i < 2 || c.Hook != nil) {
			c.Wave, _ = strconv.Atoi(strings.TrimSpace(text)) // what is no number is 0, as in Argo CD and Helm
			break
		}
	}
	for _, key := range afterKeys {
		for _, word := range words(annotations, key) {
			ref, ok := parseReference(word)
			if !ok {
				return c, fmt.Errorf("is annotated %s: %.200q, which names no object: write group/namespaces/namespace/kind/name, or group/kind/name "+
					"if it has no namespace", key, word)
			}
			c.After = append(c.After, ref)
		}
	}
	return c, nil
}

// parseReference reads a reference as config.kubernetes.io/depends-on has them
// (https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/object/dependson/strings.go).
func parseReference(text string) (ref protocol.ObjectRef, ok bool) {
	switch p := strings.Split(text, "/"); {
	case len(p) == 5 && p[1] == "namespaces":
		ref, ok = protocol.ObjectRef{Group: p[0], Namespace: p[2], Kind: p[3], Name: p[4]}, p[2] != ""
	case len(p) == 3:
		ref, ok = protocol.ObjectRef{Group: p[0], Kind: p[1], Name: p[2]}, true
	}
	return ref, ok && ref.Kind != "" && ref.Name != ""
}

// Circle gives the way from an object back to itself along what each is applied after, or nil.
func Circle(start protocol.ObjectRef, after func(protocol.ObjectRef) []protocol.ObjectRef) []protocol.ObjectRef {
	seen := map[protocol.ObjectRef]bool{}
	var walk func(at protocol.ObjectRef, path []protocol.ObjectRef) []protocol.ObjectRef
	walk = func(at protocol.ObjectRef, path []protocol.ObjectRef) []protocol.ObjectRef {
		for _, next := range after(at) {
			if next == start {
				return append(path, next)
			}
			if !seen[next] {
				seen[next] = true
				if c := walk(next, append(path, next)); c != nil {
					return c
				}
			}
		}
		return nil
	}
	return walk(start, []protocol.ObjectRef{start})
}
