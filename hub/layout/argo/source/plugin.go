package source

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// pluginSpec is what a source says to a config management plugin.
type pluginSpec struct {
	Name string
	Env  []struct {
		Name  string
		Value document.Text
	}
	Parameters []pluginParameter
}

// pluginParameter has one of a text, a mapping and a list; or several, of which all count.
type pluginParameter struct {
	Name   string
	String *document.Text
	Map    map[string]document.Text
	Array  []document.Text
}

// plugin is the plugin that a source names, or those that are asked where it names none.
func (s *partReader) plugin() (*model.Plugin, error) {
	out := &model.Plugin{Name: s.Plugin.Name, Env: s.pluginEnv(), Paths: s.shownPaths()}
	if out.Name == "" {
		out.Detect, out.Required, out.Config = true, true, s.plugins.Digest()
		if len(s.plugins.Discovered()) == 0 {
			return nil, s.errorf(".plugin", "it names no plugin, and none is configured that is found by what is in the "+
				"folder: write "+
				"plugin.name, or have the operator name a ConfigManagementPlugin with spec.discover by --renderer-plugins")
		}
		return out, nil
	}
	of := s.plugins.Named(out.Name)
	if of == nil {
		return nil, s.errorf(".plugin.name", "%v", s.plugins.Unknown(out.Name))
	}
	out.Config = of.Digest
	return out, nil
}

// discovered is the plugin that is found by what is in the folder, of a source that does not say how it is rendered;
// nil
// if there is none. It takes precedence over all else (argo-cd v3.6, util/app/discovery, Discover).
func (s *partReader) discovered(dir string) (*model.Plugin, error) {
	if len(s.plugins.Discovered()) == 0 {
		return nil, nil
	}
	out := &model.Plugin{Detect: true, Config: s.plugins.Digest(), Env: s.pluginEnv(), Paths: s.shownPaths()}
	if s.foreign != nil {
		return out, nil // which is seen when it is rendered
	}
	of, ask, err := s.plugins.Discover(s.plan.Tree, dir)
	switch {
	case err != nil:
		return nil, s.errorf(".path", "%q: which plugin it is for cannot be told: %v", s.Path, err)
	case ask:
		return out, nil
	case of == nil:
		return nil, nil
	}
	out.Name, out.Detect, out.Config = of.Name, false, of.Digest
	return out, nil
}

// pluginEnv is what a plugin is told (argo-cd v3.6, docs/user-guide/build-environment.md and
// operator-manual/config-management-plugins.md), but for the revision, which would have every commit render it again.
func (s *partReader) pluginEnv() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(s.env.values)) {
		out = append(out, name+"="+s.env.values[name])
	}
	if s.Plugin == nil {
		return out
	}
	for _, e := range s.Plugin.Env {
		out = append(out, "ARGOCD_ENV_"+e.Name+"="+s.env.expand(string(e.Value)))
	}
	return append(out, parameterEnv(s.Plugin.Parameters)...)
}

// parameterEnv is how parameters are told (argo-cd v3.6, ApplicationSourcePluginParameters.Environ).
func parameterEnv(parameters []pluginParameter) []string {
	var all []map[string]any
	var out []string
	for _, p := range parameters {
		of := map[string]any{"name": p.Name}
		name := "PARAM_" + envName(p.Name)
		if p.String != nil {
			of["string"] = *p.String
			out = append(out, name+"="+string(*p.String))
		}
		if p.Map != nil {
			of["map"] = p.Map
			for _, key := range slices.Sorted(maps.Keys(p.Map)) {
				out = append(out, name+"_"+envName(key)+"="+string(p.Map[key]))
			}
		}
		if p.Array != nil {
			of["array"] = p.Array
			for i, value := range p.Array {
				out = append(out, fmt.Sprintf("%s_%d=%s", name, i, value))
			}
		}
		all = append(all, of)
	}
	data, _ := json.Marshal(all) // texts alone: it cannot fail
	return append([]string{"ARGOCD_APP_PARAMETERS=" + string(data)}, out...)
}

// envName is a name as a part of that of a variable.
func envName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// shownPaths are the folders of the source that the Application says it is made of; nil if it does not say.
func (s *partReader) shownPaths() (out []string) {
	for _, name := range strings.Split(s.o.Annotation(manifestPaths), ";") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if path.IsAbs(name) {
			name = strings.TrimPrefix(path.Clean(name), "/")
		} else {
			name = path.Join(planning.Cleaned(s.Path), name)
		}
		if glob.IsPattern(name) {
			name = glob.FixedPart(name)
		}
		if name, ok := inTree(name); ok {
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		out = append(out, planning.Cleaned(s.Path))
	}
	return out
}

// manifestPaths says what of a repository an Application is made of (argo-cd,
// docs/operator-manual/high_availability.md).
const manifestPaths = "argocd.argoproj.io/manifest-generate-paths"
