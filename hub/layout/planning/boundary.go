package planning

import (
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

// Boundary is a declared project, before it is decided whether it counts.
type Boundary struct {
	project.Project
	App    string             // that declares it; "" below FleetRoot
	Object protocol.ObjectRef // as which it is declared
	Wrong  string             // why it cannot be read; then its apps keep what was applied last
}

// Bound takes in a declared project.
func (p *Plan) Bound(b Boundary) { p.Boundaries = append(p.Boundaries, b) }
