package kustomize

import (
	"bytes"
	"fmt"
	"path"
	"regexp"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// pluginConfig is what the configurations of kustomize's builtin generators and transformers can
// name (the fields that api/internal/builtins hands to its loader).
type pluginConfig struct {
	APIVersion     string `json:"apiVersion"`
	Kind           string `json:"kind"`
	Path           string `json:"path"`
	Paths          []string
	TargetFilePath string                   `json:"targetFilePath"`
	Replacements   []types.ReplacementField `json:"replacements"`
	types.KvPairSources
}

// inspectPlugins refuses a plugin's configuration that would load something from outside the
// repository. Such files are told by their content, since a folder of them may be named as well.
func inspectPlugins(name string, data []byte) *BuildError {
	if !bytes.Contains(data, []byte("builtin")) {
		return nil
	}
	return vetPlugins(name, 0, "", data)
}

var documentMark = regexp.MustCompile(`(?m)^---.*$`)

// vetPlugins looks at each document that configures a builtin plugin.
func vetPlugins(file string, line int, prefix string, data []byte) *BuildError {
	for _, doc := range documentMark.Split(string(data), -1) {
		var c pluginConfig
		if yaml.Unmarshal([]byte(doc), &c) != nil && c.APIVersion == "" || c.APIVersion != "builtin" {
			continue
		}
		if c.Kind == "HelmChartInflationGenerator" {
			return &BuildError{File: file, Line: line, Reason: "a HelmChartInflationGenerator would run the helm program, which a build does not do", Hint: helmHint}
		}
		for _, r := range c.references() {
			reason := ""
			switch {
			case isHTTP(r.path):
				reason = "is remote, and a build reads nothing outside the repository"
			case path.IsAbs(r.path):
				reason = "is an absolute path, and a build reads nothing outside the repository"
			default:
				continue
			}
			return &BuildError{File: file, Line: line, Reason: fmt.Sprintf("%s%s %q %s", prefix, r.field, withoutCredentials(r.path), reason), Hint: inHint}
		}
	}
	return nil
}

func (c pluginConfig) references() []reference {
	refs := []reference{{"path", c.Path, plainFile}, {"targetFilePath", c.TargetFilePath, plainFile}}
	for i, p := range c.Paths {
		refs = append(refs, reference{fmt.Sprintf("paths[%d]", i), p, mergePatch})
	}
	for i, r := range c.Replacements {
		refs = append(refs, reference{fmt.Sprintf("replacements[%d].path", i), r.Path, plainFile})
	}
	return append(refs, pairReferences(c.Kind, c.KvPairSources)...)
}
