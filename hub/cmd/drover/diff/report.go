package diff

import (
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/difference"
	"github.com/drover-dev/drover/hub/difference/held"
)

// Report is what differs, as -o json has it.
type Report struct {
	Base Revision `json:"base"`
	Head Revision `json:"head"`
	// Clusters is how many there are among those that were asked for, Changed in how many of them anything differs.
	Clusters int                `json:"clusters"`
	Changed  int                `json:"changed"`
	Groups   []difference.Group `json:"groups"`
	Held     Held               `json:"held"`
	// Errors are what cannot be rendered at the head; Notes are what could not be at the base alone, and other things
	// that are not known.
	Errors []Problem `json:"errors"`
	Notes  []Problem `json:"notes"`

	full func(difference.Group) ([]difference.ObjectDiff, error)
}

// Revision is one of the two that are compared.
type Revision struct {
	Hash    string `json:"hash,omitempty"` // "" for the work tree
	Subject string `json:"subject,omitempty"`
}

// Problem is something that is wrong in some clusters.
type Problem struct {
	App      string   `json:"app,omitempty"`
	Text     string   `json:"text"`
	Clusters []string `json:"clusters,omitempty"` // sorted; none if it is not about clusters
	// Base: it was so at the base, too.
	Base bool `json:"base,omitempty"`
}

// Held is what would not reach clusters at once.
type Held struct {
	Deletions []held.Deletion     `json:"deletions,omitempty"`
	Removals  []string            `json:"removals,omitempty"` // clusters whose removal waits for a person
	Waves     []held.Wave         `json:"waves,omitempty"`
	Manual    map[string][]string `json:"manual,omitempty"` // what declares apps that a person releases → clusters
}

func revisionOf(o *tree.Opened, working bool) Revision {
	if working {
		return Revision{}
	}
	r := o.Snap.Revision()
	return Revision{r.Hash, r.Subject}
}

// String names a revision.
func (r Revision) String() string {
	if r.Hash == "" {
		return "the work tree"
	}
	short := r.Hash[:min(8, len(r.Hash))]
	if r.Subject == "" {
		return short
	}
	return short + " \"" + r.Subject + "\""
}

// problems gathers what is wrong, each thing once.
type problems struct {
	all []Problem
	at  map[problemKey]int
}

// problemKey identifies a problem.
type problemKey struct {
	app, text string
	base      bool
}

func (p *problems) add(cluster, app, text string, base bool) {
	key := problemKey{app, text, base}
	if p.at == nil {
		p.at = map[problemKey]int{}
	}
	i, known := p.at[key]
	if !known {
		i = len(p.all)
		p.at[key] = i
		p.all = append(p.all, Problem{App: app, Text: text, Base: base})
	}
	if cluster != "" {
		p.all[i].Clusters = append(p.all[i].Clusters, cluster)
	}
}
