package model

import (
	"strings"
)

// Needed is a published chart that a render looked for in its tree and did not find.
type Needed struct {
	Source Source `json:"source"`
	// At is the folder in which the chart is to be. If Archive is set, the version that was found and .tgz are added to
	// it, as Helm names the archives in charts/.
	At      string `json:"at"`
	Archive bool   `json:"archive,omitempty"`
}

// NeededError says that a render needs published charts in its tree. It is to be tried again with them.
type NeededError struct{ Charts []Needed }

// Error implements error.
func (e *NeededError) Error() string {
	names := make([]string, 0, len(e.Charts))
	for _, c := range e.Charts {
		names = append(names, c.Source.String())
	}
	return "it needs charts that are published elsewhere, which are fetched for apps alone: " + strings.Join(names, ", ") +
		": deliver it by an app of its own, or commit the charts"
}
