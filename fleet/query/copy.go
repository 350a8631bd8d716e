package query

import (
	"fmt"
	"time"
)

// Copy is another cluster that uses a cluster's credential, by the uid of kube-system.
type Copy struct {
	UID   string    `json:"uid"`
	Known string    `json:"known,omitempty"` // uid of the cluster that the credential belongs to; "" if unknown
	Agent string    `json:"agent,omitempty"` // its pod
	Heard time.Time `json:"heard"`           // last
}

// message says what waits for a person.
func (p Copy) message(cluster string) string {
	known := "which one it belongs to is not known here"
	if p.Known != "" {
		known = "it belongs to the one with uid " + p.Known
	}
	return fmt.Sprintf("its credential is used in another cluster, with uid %[1]s of kube-system (pod %[2]s, heard of "+
		"at %[3]s); %[4]s, and nothing is applied in the other. If that takes "+
		"its place, run `drover cluster accept %[5]s`; if it is a copy, take the agent there away with `drover agent "+
		"uninstall` and run `drover cluster rotate %[5]s`",
		p.UID, p.Agent, p.Heard.UTC().Format(time.RFC3339), known, cluster)
}
