package cel

import (
	"errors"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// HealthCheck is a health rule as Flux writes it, and as Drover does, which adds the message.
type HealthCheck struct{ APIVersion, Kind, InProgress, Failed, Paused, Current, Message string }

// Rule compiles the check. With an error it says at which field that is.
func (h HealthCheck) Rule() (r protocol.HealthRule, at string, err error) {
	r.Group, r.Kind = fleet.GroupOf(h.APIVersion), h.Kind
	switch {
	case h.APIVersion == "" || h.Kind == "" && r.Group == "":
		return r, "kind", errors.New("a health rule names what it is for: give it apiVersion and kind")
	case r.Group == "" && h.Kind == "Secret":
		return r, "kind", errors.New("a Secret is never read back from the cluster, so that no rule can judge it: take " +
			"the rule out")
	case h.Current == "":
		return r, "current", errors.New("a health rule without current calls nothing healthy: write when an object is")
	}
	for _, e := range []struct {
		at, text string
		to       **protocol.Expression
		compile  func(string, ...string) (protocol.Expression, error)
	}{
		{"inProgress", h.InProgress, &r.InProgress, CompileExpr}, {"failed", h.Failed, &r.Failed, CompileExpr},
		{"paused", h.Paused, &r.Paused, CompileExpr},
		{"current", h.Current, &r.Current, CompileExpr}, {"message", h.Message, &r.Message, CompileText},
	} {
		if e.text == "" {
			continue
		}
		compiled, err := e.compile(e.text)
		if err != nil {
			return r, e.at, fmt.Errorf("%s is no CEL expression over the object's fields: %w", e.text, err)
		}
		*e.to = &compiled
	}
	return r, "", nil
}
