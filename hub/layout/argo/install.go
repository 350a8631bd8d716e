package argo

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

var _ planning.Adviser = Dialect{}

// What sets up Argo CD itself.
const (
	configMap    = "argocd-cm" // the ConfigMap with its settings
	kindOperated = "ArgoCD"    // what the operator of Argo CD reads
	// kindPlugin configures a plugin in a sidecar of Argo CD's: no API server has it.
	kindPlugin = "ConfigManagementPlugin"
)

// setting is what becomes of a setting of Argo CD that changes what it delivers, or how it judges that.
type setting struct {
	key   string // of the ConfigMap; a dot at the end stands for all that begin so
	field string // of the operator's object, below spec; "" if it has none
	says  string
}

// The remedies are those of the field of an Application or an App that does the same.
var settings = []setting{
	{"resource.exclusions", "resourceExclusions",
		"not done: Drover delivers the kinds that Argo CD is told to leave alone; take their objects out of the apps"},
	{"resource.inclusions", "resourceInclusions",
		"not done: Drover delivers all kinds; take the objects of the others out of the apps"},
	{"resource.customizations.ignoreDifferences.", "resourceIgnoreDifferences",
		"not done: write these fields under spec.ignoreDifferences of each Application"},
	{"resource.customizations.health.", "resourceHealthChecks",
		"not done: Drover judges health by rules of its own, and Lua is not run; a native App may say how in CEL " +
			"(spec.health)"},
	{"resource.customizations.ignoreResourceUpdates.", "", ""}, // spares Argo CD work
	{"resource.customizations.actions.", "resourceActions", "not done: there are no actions on objects"},
	{"resource.customizations.knownTypeFields.", "", ""}, // is for client-side comparisons
	{"resource.customizations.useOpenLibs.", "", ""},     // says how Lua is run
	{"resource.customizations", "",
		"not done: write ignored fields under spec.ignoreDifferences of each Application; health is judged by Drover's " +
			"own rules, and Lua is not run"},
	{"resource.compareoptions", "", "not done: drift is told and corrected in the fields that Git has"},
	{"kustomize.buildOptions", "kustomizeBuildOptions",
		"not done: folders are built with kustomize's defaults, and may use files outside of the folder"},
	{"kustomize.buildOptions.", "", "not done: there is one kustomize, v5, with its defaults"},
	{"configManagementPlugins", "configManagementPlugins",
		"not run from here: what a repository says is never run. Have the operator of the hub put a ConfigManagementPlugin " +
			"of each into the folder that --renderer-plugins names"},
	{"globalProjects", "", "not done: what an AppProject forbids is not forbidden here"},
	{"application.sync.impersonation.enabled", "",
		"not done: objects are applied by the agent; a native App may name an account (spec.serviceAccount)"},
}

// Advise implements planning.Adviser: it names what the repository's own Argo CD is told and Drover does not do.
func (Dialect) Advise(o model.Rendered, h document.Head) []fleet.Note {
	switch {
	case h.Group() == fields.Group && h.Kind == kindPlugin:
		return []fleet.Note{{File: o.File, Object: h.String(), Text: pluginAdvice}}
	case h.Group() == "" && h.Kind == "ConfigMap" && bytes.Contains(h.Data, []byte("kind: "+kindPlugin)):
		return []fleet.Note{{File: o.File, Object: h.String(), Field: "data", Text: pluginAdvice}}
	case h.Group() == "" && h.Kind == "ConfigMap" && h.Metadata.Name == configMap:
		var data map[string]document.Text
		if json.Unmarshal(h.Data, &data) != nil {
			return nil
		}
		return advice(o, h, "data.", slices.Sorted(maps.Keys(data)), func(key string) bool {
			return strings.TrimSpace(string(data[key])) != ""
		}, setting.isKey)
	case h.Group() == fields.Group && h.Kind == kindOperated:
		var body struct{ Spec map[string]any }
		if json.Unmarshal(o.JSON, &body) != nil {
			return nil
		}
		extra, _ := body.Spec["extraConfig"].(map[string]any)
		notes := advice(o, h, "spec.", slices.Sorted(maps.Keys(body.Spec)), func(key string) bool {
			return !planning.Empty(body.Spec[key])
		}, setting.isField)
		return append(notes, advice(o, h, "spec.extraConfig.", slices.Sorted(maps.Keys(extra)), func(key string) bool {
			return !planning.Empty(extra[key])
		}, setting.isKey)...)
	}
	return nil
}

// pluginAdvice says what becomes of a plugin that a repository configures.
const pluginAdvice = "the plugin is not run from here: what a repository says is never run. Have the operator of " +
	"the hub put " +
	"the ConfigManagementPlugin into the folder that --renderer-plugins names"

func (s setting) isKey(key string) bool {
	return key == s.key || strings.HasSuffix(s.key, ".") && strings.HasPrefix(key, s.key)
}

func (s setting) isField(key string) bool { return key == s.field }

// advice goes through the keys of an object that are set, by the settings that they are.
func advice(o model.Rendered, h document.Head, at string, keys []string, set func(string) bool,
	is func(setting, string) bool) (notes []fleet.Note) {
	for _, key := range keys {
		i := slices.IndexFunc(settings, func(s setting) bool { return is(s, key) })
		if i >= 0 && settings[i].says != "" && set(key) {
			notes = append(notes, fleet.Note{File: o.File, Object: h.String(), Field: at + key, Text: settings[i].says})
		}
	}
	return notes
}
