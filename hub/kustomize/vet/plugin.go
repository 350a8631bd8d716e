package vet

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/remote"
	"github.com/drover-dev/drover/hub/model"
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

// Plugins refuses a plugin's configuration that would load something from outside the
// repository. Such files are told by their content, since a folder of them may be named as well.
func Plugins(name string, data []byte) *diagnose.BuildError {
	if !bytes.Contains(data, []byte("builtin")) {
		return nil
	}
	return PluginText(name, 0, "", data)
}

var documentMark = regexp.MustCompile(`(?m)^---.*$`)

// PluginText refuses what Plugins does in a text at a line of a file, whose fields are called by a prefix.
func PluginText(file string, line int, prefix string, data []byte) *diagnose.BuildError {
	for _, doc := range documentMark.Split(string(data), -1) {
		var c pluginConfig
		if yaml.Unmarshal([]byte(doc), &c) != nil && c.APIVersion == "" || c.APIVersion != "builtin" {
			continue
		}
		if c.Kind == "HelmChartInflationGenerator" {
			return &diagnose.BuildError{File: file, Line: line,
				Reason: "a HelmChartInflationGenerator is rendered only where a file has nothing else, and generators names that file",
				Hint:   diagnose.HelmHint}
		}
		for _, r := range c.references() {
			reason := ""
			switch {
			case remote.HTTP(r.Path):
				reason = "is remote, and a build reads nothing outside the repository"
			case path.IsAbs(r.Path):
				reason = "is an absolute path, and a build reads nothing outside the repository"
			case model.RemoteOf(file) != "" && Climbs(r.Path):
				reason = "leads out of the folder of its kustomization, which kustomize refuses in what is fetched"
			default:
				continue
			}
			return &diagnose.BuildError{File: file, Line: line, Reason: fmt.Sprintf("%s%s %q %s", prefix, r.Field,
				diagnose.WithoutCredentials(r.Path), reason), Hint: diagnose.InHint}
		}
	}
	return nil
}

func (c *pluginConfig) references() []diagnose.Reference {
	refs := []diagnose.Reference{
		{Field: "path", Path: c.Path, Role: diagnose.PlainFile},
		{Field: "targetFilePath", Path: c.TargetFilePath, Role: diagnose.PlainFile},
	}
	for i, p := range c.Paths {
		refs = append(refs, diagnose.Reference{Field: fmt.Sprintf("paths[%d]", i), Path: p, Role: diagnose.MergePatch})
	}
	for i, r := range c.Replacements {
		refs = append(refs, diagnose.Reference{Field: fmt.Sprintf("replacements[%d].path", i), Path: r.Path,
			Role: diagnose.PlainFile})
	}
	return append(refs, diagnose.PairReferences(c.Kind, &c.KvPairSources)...)
}

// Climbs says whether a path leads out of the folder that it is seen from.
func Climbs(p string) bool {
	p = path.Clean(p)
	return p == ".." || strings.HasPrefix(p, "../")
}
