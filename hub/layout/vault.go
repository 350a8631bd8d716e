package layout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// What argocd-vault-plugin replaces (pkg/kube/util.go and pkg/types/constants.go of v1.18): <path:some/path#key> and
// <path:some/path#key#version> in any object, and <anything> in one that says where its values are.
var (
	vaultPath        = regexp.MustCompile(`<path:[^#<>]+#[^<>]+>`)
	vaultPlaceholder = regexp.MustCompile(`<[^<>\s][^<>]*>`)
)

const (
	vaultPathAnnotation   = "avp.kubernetes.io/path"
	vaultIgnoreAnnotation = "avp.kubernetes.io/ignore" // "true" has the plugin leave an object as it is
)

// checkPlaceholders refuses an object that argocd-vault-plugin would put secrets into: without it, the placeholder would
// be applied as if it was the secret.
func checkPlaceholders(o model.Rendered, h document.Head) error {
	generic := h.Annotations()[vaultPathAnnotation] != ""
	encoded := h.Kind == "Secret" && h.Group() == ""
	// JSON writes < as it is or as an escape
	if !generic && !encoded && !bytes.Contains(o.JSON, []byte("path:")) || h.Annotations()[vaultIgnoreAnnotation] == "true" {
		return nil
	}
	var object map[string]any
	if json.Unmarshal(o.JSON, &object) != nil {
		return nil // what is wrong with it is said elsewhere
	}
	match := vaultPath
	if generic {
		match = vaultPlaceholder
	}
	field := findText(object, func(field, text string) bool {
		if match.MatchString(text) {
			return true
		}
		if !encoded || len(field) < len("data.") || field[:len("data.")] != "data." {
			return false
		}
		plain, err := base64.StdEncoding.DecodeString(text)
		return err == nil && match.Match(plain)
	})
	if field == "" {
		return nil
	}
	at := h.String()
	if o.File != "" {
		at = o.File + ": " + at
	}
	return fmt.Errorf("%s: %s holds a placeholder of argocd-vault-plugin, and nothing here replaces it: have the cluster "+
		"fetch the secret (External Secrets Operator), encrypt it with SOPS, or annotate the object with %s: \"true\" if the "+
		"text is meant as it is", at, field, vaultIgnoreAnnotation)
}

// findText finds the first field of an object whose text is as is says, by the order of the names; "" if there is none.
func findText(object map[string]any, is func(field, text string) bool) string {
	type node struct {
		field string
		value any
	}
	todo := []node{{"", object}}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var below []node
		switch v := n.value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				field := key
				if n.field != "" {
					field = n.field + "." + key
				}
				below = append(below, node{field, v[key]})
			}
		case []any:
			for i, value := range v {
				below = append(below, node{fmt.Sprintf("%s[%d]", n.field, i), value})
			}
		case string:
			if is(n.field, v) {
				return n.field
			}
		}
		slices.Reverse(below)
		todo = append(todo, below...)
	}
	return ""
}
