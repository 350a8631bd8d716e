package difference

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Masked stands in place of a value that is not shown.
const Masked = "(not shown)"

// maskedBefore and maskedAfter are two values that differ and are not shown.
const maskedBefore, maskedAfter = "(not shown: before)", "(not shown: after)"

// secretFields are the fields of a Secret that hold what is secret.
var secretFields = []string{"data", "stringData"}

// lastApplied is the annotation in which kubectl keeps a whole object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// encryptedBegins is how SOPS begins every value that it encrypted.
const encryptedBegins = "ENC["

func isSecret(ref protocol.ObjectRef) bool { return ref.Group == "" && ref.Kind == "Secret" }

// isEncrypted says whether a value is encrypted with SOPS.
func isEncrypted(v any) bool {
	s, is := v.(string)
	return is && strings.HasPrefix(s, encryptedBegins)
}

// concealed is what is shown in place of a value of which one side is encrypted.
func concealed(v any) any {
	if _, none := v.(absent); none {
		return v
	}
	return Masked
}

// mask gives two objects in which nothing is left that is secret, and how many of their values differ in that. A value
// that is the same on both sides reads the same on both.
func mask(ref protocol.ObjectRef, before, after map[string]any) (b, a map[string]any, differ int) {
	if !isSecret(ref) {
		return before, after, 0
	}
	b, a = maps.Clone(before), maps.Clone(after)
	for _, field := range secretFields {
		x, y, n := maskField(before[field], after[field])
		differ += n
		put(b, field, x)
		put(a, field, y)
	}
	maskLastApplied(b)
	maskLastApplied(a)
	return b, a, differ
}

func put(m map[string]any, field string, v any) {
	if _, has := m[field]; has {
		m[field] = v
	}
}

// maskField masks each value of a map by itself, and anything else as a whole.
func maskField(before, after any) (b, a any, differ int) {
	x, mapped := before.(map[string]any)
	y, alsoMapped := after.(map[string]any)
	if !(mapped || before == nil) || !(alsoMapped || after == nil) {
		if reflect.DeepEqual(before, after) {
			return Masked, Masked, 0
		}
		return maskedBefore, maskedAfter, 1
	}
	outB, outA := map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(x)) {
		outB[key] = Masked
	}
	for _, key := range slices.Sorted(maps.Keys(y)) {
		outA[key] = Masked
	}
	for key := range outB {
		if _, both := outA[key]; !both {
			differ++
		} else if !reflect.DeepEqual(x[key], y[key]) {
			outB[key], outA[key] = maskedBefore, maskedAfter
			differ++
		}
	}
	for key := range outA {
		if _, both := outB[key]; !both {
			differ++
		}
	}
	return outB, outA, differ
}

// maskLastApplied masks the annotation that holds the whole object.
func maskLastApplied(object map[string]any) {
	meta, _ := object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if _, has := annotations[lastApplied]; !has {
		return
	}
	meta, annotations = maps.Clone(meta), maps.Clone(annotations)
	annotations[lastApplied] = Masked
	meta["annotations"], object["metadata"] = annotations, meta
}
