package native

import (
	"encoding/json"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
)

// NativeGroup is Drover's own API group.
var NativeGroup = planning.Group{Name: fleet.GroupOf(model.APIVersion), Version: "v1alpha1",
	Apps:      []string{model.KindApp},
	Others:    []string{model.KindCluster, KindProject, KindRolloutPolicy, rights.KindRole, rights.KindRoleBinding},
	Resembles: resemblesNative}

// resemblesNative recognises groups that are a slip away from Drover's.
func resemblesNative(group string) bool {
	first, _, _ := strings.Cut(group, ".")
	return strings.HasSuffix(group, "."+fleet.GroupOf(model.APIVersion)) || document.Nearly(first, "drover")
}

// IsNative says whether an API group is Drover's own.
func IsNative(group string) bool { return group == NativeGroup.Name }

// DeclaredIn says whether an object is one of Drover's own.
func DeclaredIn(o model.Rendered) bool {
	var h document.Head
	return json.Unmarshal(o.JSON, &h) == nil && IsNative(h.Group())
}
