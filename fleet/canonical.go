package fleet

import (
	"encoding/base64"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Canonical renames the fields of an object that the API server stores under another name, as it does itself: the
// stringData of a Secret, and serviceAccount in a pod template. Under server-side apply the owner of such a field
// owns nothing of what is stored: live edits are no drift, a field that Git removes stays, and a change in Git may
// have no effect. An object that the API server refuses is left as it is, so that the refusal is the API server's.
func Canonical(obj map[string]any) {
	apiVersion, _ := obj["apiVersion"].(string)
	kind, _ := obj["kind"].(string)
	ref := protocol.ObjectRef{Group: GroupOf(apiVersion), Kind: kind}
	if isSecret(ref) {
		encodeStrings(obj)
		return
	}
	path, ok := podSpecs[ref]
	if !ok {
		return
	}
	for _, name := range path {
		if obj, ok = obj[name].(map[string]any); !ok {
			return
		}
	}
	if old, ok := obj["serviceAccount"].(string); ok {
		if name, _ := obj["serviceAccountName"].(string); name == "" && old != "" {
			obj["serviceAccountName"] = old
		}
		delete(obj, "serviceAccount")
	}
}

// CanonicalPointer is a JSON pointer into an object as it is after Canonical.
func CanonicalPointer(ref protocol.ObjectRef, pointer string) string {
	ref.Namespace, ref.Name = "", ""
	if isSecret(ref) {
		if rest, ok := strings.CutPrefix(pointer, "/stringData"); ok && (rest == "" || rest[0] == '/') {
			return "/data" + rest
		}
	} else if path, ok := podSpecs[ref]; ok && pointer == "/"+strings.Join(path, "/")+"/serviceAccount" {
		return pointer + "Name"
	}
	return pointer
}

// HasAlias says whether Canonical may change an object: stringData is that field of it, spec its spec, both as JSON
// without white space.
func HasAlias(ref protocol.ObjectRef, stringData, spec []byte) bool {
	ref.Namespace, ref.Name = "", ""
	if isSecret(ref) {
		return len(stringData) > 0
	}
	_, ok := podSpecs[ref]
	return ok && strings.Contains(string(spec), `"serviceAccount":`)
}

func isSecret(ref protocol.ObjectRef) bool { return ref.Group == "" && ref.Kind == "Secret" }

// podSpecs is where the kinds of Kubernetes have the spec of a pod.
var podSpecs = map[protocol.ObjectRef][]string{
	{Kind: "Pod"}:                        {"spec"},
	{Kind: "PodTemplate"}:                {"template", "spec"},
	{Kind: "ReplicationController"}:      {"spec", "template", "spec"},
	{Group: "apps", Kind: "Deployment"}:  {"spec", "template", "spec"},
	{Group: "apps", Kind: "StatefulSet"}: {"spec", "template", "spec"},
	{Group: "apps", Kind: "DaemonSet"}:   {"spec", "template", "spec"},
	{Group: "apps", Kind: "ReplicaSet"}:  {"spec", "template", "spec"},
	{Group: "batch", Kind: "Job"}:        {"spec", "template", "spec"},
	{Group: "batch", Kind: "CronJob"}:    {"spec", "jobTemplate", "spec", "template", "spec"},
}

// encodeStrings moves the stringData of a Secret into its data. Where both have a key, stringData wins.
func encodeStrings(obj map[string]any) {
	field, has := obj["stringData"]
	if !has {
		return
	}
	texts, ok := field.(map[string]any)
	data, fits := obj["data"].(map[string]any)
	if !ok && field != nil || !fits && obj["data"] != nil {
		return
	}
	for _, v := range texts {
		if _, ok := v.(string); !ok && v != nil {
			return
		}
	}
	if data == nil && len(texts) > 0 {
		data = make(map[string]any, len(texts))
		obj["data"] = data
	}
	for k, v := range texts {
		text, _ := v.(string)
		data[k] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	delete(obj, "stringData")
}
