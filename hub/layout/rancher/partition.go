package rancher

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/fleet"
)

// maxPartitions is how many partitions of a fleet.yaml are written.
const maxPartitions = 10

// strategy is what a fleet.yaml says of the order of clusters (Fleet, RolloutStrategy).
type strategy struct {
	MaxUnavailable json.RawMessage // a number or a share
	Partitions     []struct {
		Name, ClusterName, ClusterGroup                       string
		MaxUnavailable, ClusterSelector, ClusterGroupSelector json.RawMessage
	}
}

// partitions says what the partitions of the file would be in a RolloutPolicy; nothing where there are none that can be
// read.
func (f file) partitions() []fleet.Note {
	var s strategy
	data, err := json.Marshal(f.raw["rolloutStrategy"])
	if err != nil || json.Unmarshal(data, &s) != nil || len(s.Partitions) == 0 {
		return nil
	}
	var waves []string
	byLabels := ""
	for i, p := range s.Partitions[:min(len(s.Partitions), maxPartitions)] {
		name := p.Name
		if name == "" {
			name = fmt.Sprintf("partition-%d", i+1)
		}
		wave := "{name: " + name
		if p.ClusterSelector != nil {
			wave += ", clusterSelector: " + string(p.ClusterSelector)
		}
		if p.ClusterName != "" || p.ClusterGroup != "" || p.ClusterGroupSelector != nil {
			byLabels = "; what is chosen by clusterName, clusterGroup or clusterGroupSelector has to be chosen by labels"
		}
		most := strings.Trim(string(p.MaxUnavailable), `"`)
		if most == "" || most == "null" {
			most = strings.Trim(string(s.MaxUnavailable), `"`)
		}
		if most != "" && most != "null" && most != "0" && most != "0%" {
			wave += ", atOnce: " + most
		}
		waves = append(waves, wave+"}")
	}
	return []fleet.Note{f.note("rolloutStrategy.partitions", fmt.Sprintf("as spec.waves in a RolloutPolicy: [%.800s]%s",
		strings.Join(waves, ", "), byLabels))}
}
