package layout

import (
	"encoding/json"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// nativeGroup is Drover's own API group.
var nativeGroup = Group{Name: fleet.GroupOf(fleet.APIVersion), Version: "v1alpha1", Apps: []string{fleet.KindApp},
	Others: []string{fleet.KindCluster}, Resembles: resemblesNative}

// resemblesNative recognises groups that are a slip away from Drover's.
func resemblesNative(group string) bool {
	first, _, _ := strings.Cut(group, ".")
	return strings.HasSuffix(group, "."+fleet.GroupOf(fleet.APIVersion)) || nearly(first, "drover")
}

// isNative says whether an API group is Drover's own.
func isNative(group string) bool { return group == nativeGroup.Name }

// declaresNative says whether an object is one of Drover's own.
func declaresNative(o hub.Rendered) bool {
	var h head
	return json.Unmarshal(o.JSON, &h) == nil && isNative(h.group())
}
