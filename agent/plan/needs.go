package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// known are the needs of apps that this agent can meet.
var known = []string{protocol.NeedServiceAccount, protocol.NeedDecrypt, protocol.NeedSubstitute, protocol.NeedOrphan,
	protocol.NeedRollback, protocol.NeedOpaque}

// Unmet says why this agent must not handle an app, because it would ignore something that the app asks for, such as
// the service account whose rights it is limited to. "" if it may.
func Unmet(spec protocol.App) string {
	var lacks []string
	for _, n := range spec.Needs {
		if !slices.Contains(known, n) {
			lacks = append(lacks, n)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return fmt.Sprintf("it needs an agent that knows %s, and this one (%s) does not: upgrade the agent; "+
		"until then the app is left as it is", strings.Join(lacks, " and "), version.String())
}
