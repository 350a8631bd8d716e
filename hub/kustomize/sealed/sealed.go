// Package sealed looks at the result of patches that are encrypted with SOPS.
//
// It may import hub/model, hub/kustomize/diagnose and sigs.k8s.io/yaml.
package sealed

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

const (
	sopsField = "sops" // where SOPS keeps what it needs to decrypt a document
	// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
	// Protocol").
	sopsValue = "ENC[AES256_GCM,"
	// mergedField says in the metadata of SOPS that plain values stand beside the encrypted ones, because a patch was
	// merged into a plain object. The plugin that decrypts leaves them as they are.
	mergedField = "drover_merged"
)

// encryptedPatch is a patch that is encrypted, and what is in it.
type encryptedPatch struct {
	diagnose.EncryptedPatch
	mac    string
	leaves map[string]bool // where and what each encrypted value is
}

// Merged looks at the result of encrypted patches. Flux decrypts them before the build, which the hub cannot: it
// has no keys. Here they are merged as they are, and the agent decrypts the object that results. That gives the same,
// because each value is authenticated with its place alone, as long as every encrypted value of the object is of one
// patch, at the place where it was encrypted, and the metadata of SOPS is that patch's. Anything else is an error.
func Merged(objects []model.Rendered, found []diagnose.EncryptedPatch) ([]model.Rendered, error) {
	var patches []encryptedPatch
	for _, p := range found {
		read, why := readEncrypted(p)
		if why != "" {
			return nil, p.Refuse(why)
		}
		patches = append(patches, read)
	}
	out := slices.Clone(objects)
	for i, o := range out {
		if !bytes.Contains(o.JSON, []byte(sopsValue)) {
			continue
		}
		merged, err := mergedOf(o, patches)
		if err != nil {
			return nil, err
		}
		out[i] = merged
	}
	return out, nil
}

// readEncrypted reads a patch. why says what keeps it from being merged.
func readEncrypted(p diagnose.EncryptedPatch) (out encryptedPatch, why string) {
	out = encryptedPatch{EncryptedPatch: p, leaves: map[string]bool{}}
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(p.Text), &doc); err != nil {
		return out, "it is no merge patch of one object"
	}
	metadata, _ := doc[sopsField].(map[string]any)
	if out.mac, _ = metadata["mac"].(string); out.mac == "" {
		return out, "it has no metadata of SOPS to decrypt it by"
	}
	eachEncrypted(doc, func(leaf string) { out.leaves[leaf] = true })
	return out, ""
}

// mergedOf is an object as the agent is to decrypt it, if an encrypted patch is in it.
func mergedOf(o model.Rendered, patches []encryptedPatch) (model.Rendered, error) {
	dec := json.NewDecoder(bytes.NewReader(o.JSON))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return o, err
	}
	metadata, _ := object[sopsField].(map[string]any)
	mac, _ := metadata["mac"].(string)
	at := slices.IndexFunc(patches, func(p encryptedPatch) bool { return p.mac == mac })
	var wrong error
	eachEncrypted(object, func(leaf string) {
		switch {
		case wrong != nil || at >= 0 && patches[at].leaves[leaf]:
		case at >= 0:
			wrong = patches[at].Refuse("the object that it changes has encrypted values of its own, or of another patch")
		default:
			value := leaf[strings.LastIndexByte(leaf, 0):]
			for _, p := range patches {
				for of := range p.leaves {
					if strings.HasSuffix(of, value) {
						wrong = p.Refuse("its values come into an object without the metadata of SOPS to decrypt them by")
					}
				}
			}
		}
	})
	if wrong != nil || at < 0 {
		return o, wrong
	}
	metadata[mergedField] = true
	data, err := json.Marshal(object)
	if err != nil {
		return o, err
	}
	return model.Rendered{JSON: data, File: o.File}, nil
}

// eachEncrypted goes through the encrypted values of an object, beside the metadata of SOPS: each is told with the keys
// that lead to it, as it was authenticated. Where something stands in a list is not part of that.
func eachEncrypted(object map[string]any, tell func(leaf string)) {
	type node struct {
		path  string
		value any
	}
	var todo []node
	for key, value := range object {
		if key != sopsField {
			todo = append(todo, node{key, value})
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch v := n.value.(type) {
		case map[string]any:
			for key, value := range v {
				todo = append(todo, node{n.path + "\x00" + key, value})
			}
		case []any:
			for _, value := range v {
				todo = append(todo, node{n.path, value})
			}
		case string:
			if strings.Contains(v, sopsValue) {
				tell(n.path + "\x00" + v)
			}
		}
	}
}
