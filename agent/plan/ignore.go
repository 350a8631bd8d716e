package plan

import (
	"github.com/drover-dev/drover/protocol"
)

// IgnoredByObject joins an app's ignore rules for each object.
func IgnoredByObject(rules []protocol.Ignored) map[protocol.ObjectRef]protocol.Ignored {
	out := make(map[protocol.ObjectRef]protocol.Ignored, len(rules))
	for _, rule := range rules {
		all := out[rule.Object]
		all.Object = rule.Object
		all.Paths, all.Managers = append(all.Paths, rule.Paths...), append(all.Managers, rule.Managers...)
		out[rule.Object] = all
	}
	return out
}
