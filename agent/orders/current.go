package orders

import (
	"time"

	"github.com/drover-dev/drover/protocol"
)

// defaultTimeout is how long an app may take to become healthy that says nothing of it.
const defaultTimeout = 5 * time.Minute

// Current is what the app knows of the bundle in force.
type Current struct {
	Spec     protocol.App // as the accepted bundle has it; of an app that leaves, as it was
	Leaving  bool         // it is no longer in the bundle
	Blocked  string       // why its dependencies can never be satisfied
	Accepted Accepted     // the bundle whose orders the app has
	Seq      uint64       // of these orders
	Took     bool         // the plan that was coming with them is next
}

// Timeout is how long the app may take to become healthy.
func (c *Current) Timeout() time.Duration {
	if c.Spec.Timeout > 0 {
		return time.Duration(c.Spec.Timeout) * time.Second
	}
	return defaultTimeout
}

// Prunes says whether the app deletes what it no longer wants.
func (c *Current) Prunes() bool { return c.Spec.Prune && !(c.Leaving && c.Spec.Orphan) }

// Suspended says whether an app is left as it is.
func (c *Current) Suspended() bool {
	return c.Accepted.Bundle.Suspend || c.Spec.Suspend
}

// Home is the namespace of objects that name none.
func (c *Current) Home() string {
	if c.Spec.Namespace == "" {
		return "default"
	}
	return c.Spec.Namespace
}
