package query

import (
	"fmt"
	"time"
)

// Untaken is what an agent, or who has its credential, said since the hub started and the hub did not take: it is
// signed, and its content is not what an agent says.
type Untaken struct {
	Count  uint64    `json:"count"`
	Last   time.Time `json:"last"`   // by the hub's clock
	Reason string    `json:"reason"` // of the last
}

// String is one line for people.
func (u Untaken) String() string {
	things := "messages"
	if u.Count == 1 {
		things = "message"
	}
	return fmt.Sprintf("%d %s of its agent were not taken since the hub started, the last because %s: see "+
		"that the agent is of a release that "+
		"fits the hub's, and who has its credential", u.Count, things, u.Reason)
}
